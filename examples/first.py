import json
from tools import database, file

hours = database.query("SELECT city, hour, celsius FROM temperatures")  # 17,518 rows
warmest = {}
for hour in hours:
    if hour["city"] not in warmest or hour["celsius"] > warmest[hour["city"]]["celsius"]:
        warmest[hour["city"]] = hour
file.write("warmest.json", json.dumps(warmest))
try:
    database.query("DROP TABLE airports")
except ToolError as error:
    print("refused:", error)
return [f"{city}: {hour['celsius']} °C at {hour['hour']}" for city, hour in warmest.items()]
