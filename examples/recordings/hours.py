"""The warmest hour of each city, and when that was looked up."""
import datetime

from tools import database

for row in database.query("SELECT DISTINCT city FROM temperatures ORDER BY city"):
    city = row["city"]
    hours = database.query(
        "SELECT hour, celsius FROM temperatures WHERE city = ? ORDER BY celsius DESC LIMIT 1",
        [city],
    )
    print(f"{city}: {hours[0]['celsius']} °C at {hours[0]['hour']}")
print("looked up on", datetime.date.today())
