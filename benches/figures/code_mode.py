"""FastMCP's CodeMode with its default sandbox (Monty) over standard input and output: what wxmcp is compared with."""

from fastmcp import FastMCP
from fastmcp.experimental.transforms.code_mode import CodeMode

server = FastMCP("code-mode", transforms=[CodeMode()])


@server.tool
def echo(text: str) -> str:
    """Answers its argument."""
    return text


server.run(show_banner=False)
