"""Makes the sample database: 3,376 airports and 17,518 hourly temperatures.

    python3 sample.py FOLDER_OF_CSV_FILES SAMPLE.db
"""

import csv
import os
import sqlite3
import sys

data, target = sys.argv[1:]


def rows(name):
    with open(f"{data}/{name}.csv", newline="") as file:
        yield from csv.DictReader(file)


if os.path.exists(target):
    os.remove(target)
database = sqlite3.connect(target)
database.executescript("""
    CREATE TABLE airports (
        iata TEXT PRIMARY KEY, name TEXT NOT NULL, city TEXT, state TEXT, country TEXT NOT NULL,
        latitude REAL NOT NULL, longitude REAL NOT NULL, last_checked TEXT
    );
    CREATE TABLE temperatures (
        id INTEGER PRIMARY KEY, city TEXT NOT NULL, hour TEXT NOT NULL, celsius REAL NOT NULL, is_hot INTEGER
    );
""")
names = ("iata", "name", "city", "state", "country", "latitude", "longitude")
database.executemany(
    "INSERT INTO airports VALUES (?, ?, ?, ?, ?, ?, ?, NULL)",
    [[row[name] for name in names] for row in rows("airports")],
)
for city, name in (("Seattle", "seattle-temps"), ("San Francisco", "sf-temps")):
    database.executemany(
        "INSERT INTO temperatures (city, hour, celsius) VALUES (?, ?, ?)",
        [(city, row["date"][:16], round((float(row["temp"]) - 32) / 1.8, 1)) for row in rows(name)],
    )
database.commit()
