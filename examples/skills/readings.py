"""Hourly temperatures, as NOAA publishes them."""

import csv
from statistics import fmean


def read(path):
    with open(path, newline="") as file:
        return [(row["date"], (float(row["temp"]) - 32) / 1.8) for row in csv.DictReader(file)]


def summary(city, hours):
    return {
        "city": city,
        "hours": len(hours),
        "mean": round(fmean(celsius for _, celsius in hours), 2),
        "warmest": max(hours, key=lambda hour: hour[1])[0],
    }
