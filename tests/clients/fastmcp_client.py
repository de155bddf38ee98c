"""FastMCP's client, from a configuration as people write it: `fastmcp_client.py MODE WXMCP`. Prints what it saw as JSON."""

import asyncio
import json
import sys

from fastmcp import Client

mode, program = sys.argv[1:3]


async def main():
    config = {"mcpServers": {"wxmcp": {"command": program, "args": ["serve"]}}}
    steps = []

    async def progress(done, total, message):
        steps.append(message)

    async with Client(config, mode=mode) as client:
        tools = await client.list_tools()
        value = await client.call_tool("run_code", {"code": "print('a line')\n2 ** 40"})
        begun = await client.call_tool("run_code", {"code": "x = 20", "session": "new"})
        session = begun.structured_content["session"]
        kept = await client.call_tool("run_code", {"code": "x + 22", "session": session})
        failed = await client.call_tool("run_code", {"code": "1 / 0"}, raise_on_error=False)
        await client.call_tool("run_code", {"code": "progress('half', 1, 2)"}, progress_handler=progress)
        print(json.dumps({
            "tools": [tool.name for tool in tools],
            "value": value.content[0].text,
            "kept": kept.structured_content["value"],
            "failed": failed.is_error,
            "progress": steps,
        }))


asyncio.run(main())
