import asyncio
import sys
from tools import filesystem

data = sys.argv[1]
airports, weather = await asyncio.gather(
    filesystem.read_text_file(path=f"{data}/airports.csv"),
    filesystem.read_text_file(path=f"{data}/seattle-temps.csv"),
)
try:
    await filesystem.read_text_file(path="/etc/passwd")
except ToolError as error:
    print("refused:", error)
return f"{len(airports['content']) + len(weather['content'])} characters never reached the model"
