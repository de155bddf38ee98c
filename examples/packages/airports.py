"""The states with most airports, out of a table that a server has."""

# /// script
# requires-python = ">=3.11"
# dependencies = ["requests>=2.32", "tabulate"]
# ///

import csv
import sys
from collections import Counter

import requests
from tabulate import tabulate

with requests.Session() as session:
    answer = session.get(f"{sys.argv[1]}/airports.csv", timeout=10)
    answer.raise_for_status()
states = Counter(row["state"] for row in csv.DictReader(answer.text.splitlines()))
print(tabulate(states.most_common(3), headers=["state", "airports"], tablefmt="github"))
