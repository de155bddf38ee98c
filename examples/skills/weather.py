#!/usr/bin/env python3
"""Summarises the hourly temperatures of each city: `weather.py FOLDER`."""

import argparse
import json
import os
import sys
import tempfile
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from readings import read, summary

progress = threading.Lock()
done = []


def summarise(path):
    result = summary(path.stem, read(path))
    with progress:
        done.append(path.name)
        print(f"[{len(done)}] {path.name}", file=sys.stderr)
    return result


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("-o", "--output", type=Path, default=Path.home() / "weather.json")
    options = parser.parse_args()

    files = sorted(options.folder.glob("*-temps.csv"))
    with ThreadPoolExecutor(max_workers=4) as pool:
        summaries = list(pool.map(summarise, files))
    with tempfile.NamedTemporaryFile("w", suffix=".json", delete=False) as part:
        json.dump(summaries, part, indent=2)
    os.replace(part.name, options.output)

    for city in json.loads(options.output.read_text()):
        print(f"{city['city']:8} {city['hours']} hours, {city['mean']} °C, warmest {city['warmest']}")


if __name__ == "__main__":
    main()
