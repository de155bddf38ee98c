"""Scripts of the folder that use tools without importing them, run by the Python SDK: `names.py MODE WXMCP`. Prints what each printed."""

import asyncio
import json
import pathlib
import sys

from mcp import Client, StdioServerParameters

mode, program = sys.argv[1:3]


async def main():
    server = StdioServerParameters(command=program, args=["serve"])
    printed = {}
    async with Client(server, mode=mode) as client:
        for language, script in [("python", "script.py"), ("typescript", "script.ts")]:
            arguments = {"code": pathlib.Path(script).read_text(), "language": language}
            alone = await client.call_tool("run_code", arguments)
            first = await client.call_tool("run_code", arguments | {"session": "new"})
            again = await client.call_tool("run_code", arguments | {"session": first.structured_content["session"]})
            printed[script] = [it.structured_content.get("stdout") for it in (alone, first, again)]
    print(json.dumps(printed))


asyncio.run(main())
