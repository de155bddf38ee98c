"""JSON there and back, as a script between tools does it."""

import json

rows = [
    {"id": i, "name": f"row {i}", "tags": ["a", "b", str(i % 7)], "score": i / 3, "ok": i % 2 == 0}
    for i in range(2_000)
]
total = 0
for _ in range(60):
    text = json.dumps(rows)
    total += sum(row["id"] for row in json.loads(text) if row["ok"])
print(total, len(text))
