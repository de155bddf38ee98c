# 100 records, filtered, updated, one line out; then 10,000. No record leaves the sandbox.

from tools import database, file

# A call for each record that fits.
checked = 0
for airport in database.query("SELECT iata, name, state FROM airports ORDER BY iata LIMIT 100"):
    if airport["state"] == "TX":
        database.update("UPDATE airports SET last_checked = '2026-11-24' WHERE iata = ?", [airport["iata"]])
        checked += 1
print(f"100 airports read, {checked} of Texas marked as checked")

# 10,000 records in one call, what fits back in one transaction.
hours = database.query("SELECT id, city, hour, celsius FROM temperatures ORDER BY hour, city LIMIT 10000")
hot = [hour for hour in hours if hour["celsius"] > 18]
changed = database.update("UPDATE temperatures SET is_hot = 1 WHERE id = ?", rows=[[hour["id"]] for hour in hot])
by_city = {}
for hour in hot:
    by_city.setdefault(hour["city"], []).append(hour)
summary = [f"{city}: {len(found)} hot hours, first on {found[0]['hour']}" for city, found in by_city.items()]
file.write("reports/hot.md", "\n".join(summary) + "\n")
print(f"{len(hours)} hours read, {changed['rows_affected']} marked as hot")
print(*summary, sep="\n")

try:
    database.query("DELETE FROM airports")
except ToolError as error:
    return f"refused: {error}"
