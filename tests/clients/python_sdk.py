"""The Python SDK as a client of `wxmcp serve`: `python_sdk.py MODE WXMCP`. Prints what it saw as JSON."""

import asyncio
import base64
import json
import subprocess
import sys
import tempfile

from mcp import Client, StdioServerParameters

mode, program = sys.argv[1:3]


def replayed(recording):
    """The values of a recording's runs, replayed in an empty folder."""
    with tempfile.TemporaryDirectory() as folder:
        with open(f"{folder}/a.wxr", "wb") as file:
            file.write(recording)
        replay = subprocess.run([program, "replay", "--json", "a.wxr"], cwd=folder, capture_output=True, check=True)
    return [json.loads(line)["value"] for line in replay.stdout.splitlines()]


async def main():
    server = StdioServerParameters(command=program, args=["serve", "--yield-after", "3s"])
    steps = []

    async def progress(done, total, message):
        steps.append(message)

    async with Client(server, mode=mode) as client:
        tools = await client.list_tools()
        # The first run unpacks the interpreter.
        first = await client.call_tool("run_code", {"code": "0"})
        while (first.structured_content or {}).get("outcome") == "running":
            first = await client.call_tool("run_code", {"wait": first.structured_content["wait"]})
        value = await client.call_tool("run_code", {"code": "print('a line')\n2 ** 40"})
        image = await client.call_tool("run_code", {"code": "image(b'\\x89PNG\\r\\n\\x1a\\n', 'image/png')"})
        begun = await client.call_tool("run_code", {"code": "x = 20", "session": "new"})
        session = begun.structured_content["session"]
        kept = await client.call_tool("run_code", {"code": "x + 22", "session": session})
        failed = await client.call_tool("run_code", {"code": "1 / 0"})
        await client.call_tool("run_code", {"code": "progress('half', 1, 2)"}, progress_callback=progress)
        slow = "import asyncio\nawait asyncio.sleep(4)\n'late'"
        late = await client.call_tool("run_code", {"code": slow})
        while (late.structured_content or {}).get("outcome") == "running":
            late = await client.call_tool("run_code", {"wait": late.structured_content["wait"]})
        recorded = await client.call_tool("run_code", {"code": "y = 3", "session": "new", "record": True})
        session = recorded.structured_content["session"]
        recorded = await client.call_tool("run_code", {"code": "y * 14", "session": session})
        recording = await client.read_resource(recorded.structured_content["recording"])
        run = value.structured_content["run"]
        resource = await client.read_resource(f"run://{run}/value")
        print(json.dumps({
            "version": client.protocol_version,
            "tools": [tool.name for tool in tools.tools],
            "value": value.content[0].text,
            "image": image.content[1].mime_type,
            "kept": kept.structured_content["value"],
            "failed": failed.is_error,
            "progress": steps,
            "replayed": replayed(base64.b64decode(recording.contents[0].blob)),
            "late": late.structured_content["value"],
            "resource": resource.contents[0].text,
        }))


asyncio.run(main())
