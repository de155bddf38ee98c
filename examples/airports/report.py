"""Joins 3,376 airports and 17,518 hourly temperatures through three MCP servers.

Everything is read, joined and written through tools; only five lines come out.
"""

import ast
import asyncio
import csv
import io
import sys

from tools import filesystem, memory, sqlite

folder = sys.argv[1]


async def table(name):
    answer = await filesystem.read_text_file(path=f"{folder}/{name}.csv")
    return list(csv.DictReader(io.StringIO(answer["content"])))


def quoted(text):
    return "'" + text.replace("'", "''") + "'"


async def rows(query):
    return ast.literal_eval(await sqlite.read_query(query=query))


# Three files at once.
airports, seattle, san_francisco = await asyncio.gather(
    table("airports"), table("seattle-temps"), table("sf-temps")
)

# 3,376 records into SQLite, 250 a statement.
await sqlite.create_table(
    query="CREATE TABLE airport (iata TEXT PRIMARY KEY, name TEXT, state TEXT, latitude REAL)"
)
statements = []
for start in range(0, len(airports), 250):
    values = ", ".join(
        f"({quoted(a['iata'])}, {quoted(a['name'])}, {quoted(a['state'])}, {float(a['latitude'])})"
        for a in airports[start : start + 250]
    )
    statements.append(f"INSERT INTO airport VALUES {values}")
await asyncio.gather(*(sqlite.write_query(query=statement) for statement in statements))

# Filter and aggregate there.
busiest = await rows(
    "SELECT state, COUNT(*) AS airports, ROUND(MAX(latitude), 1) AS north "
    "FROM airport WHERE state <> 'NA' GROUP BY state ORDER BY airports DESC, state LIMIT 5"
)

# Join two series by the hour here; only one of them writes seconds.
warmth = {row["date"][:16]: float(row["temp"]) for row in san_francisco}
pairs = [(float(row["temp"]), warmth[row["date"]]) for row in seattle if row["date"] in warmth]
warmer = sum(1 for here, there in pairs if here > there)

# A call that fails is an exception like any other.
try:
    await filesystem.read_text_file(path="/etc/hostname")
    survived = "nothing was refused"
except ToolError as error:
    survived = str(error).split(" - ")[0]

# Results go back out through tools, too.
await memory.create_entities(
    entities=[
        {"name": row["state"], "entityType": "state", "observations": [f"{row['airports']} airports"]}
        for row in busiest
    ]
)
found = await memory.search_nodes(query="airports")
summary = io.StringIO()
writer = csv.DictWriter(summary, fieldnames=["state", "airports", "north"])
writer.writeheader()
writer.writerows(busiest)
await filesystem.write_file(path=f"{folder}/summary.csv", content=summary.getvalue())
written = await table("summary")

return f"""\
airports: {len(airports)} read, {len(statements)} statements, busiest {', '.join(f"{r['state']} {r['airports']}" for r in busiest)}
weather:  {len(pairs)} hours joined, Seattle was warmer than San Francisco in {warmer} ({100 * warmer / len(pairs):.1f} %)
memory:   {len(found['entities'])} entities written and found again
files:    summary.csv written, {len(written)} rows read back
refused:  {survived}"""
