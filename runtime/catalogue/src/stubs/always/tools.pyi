"""Tools, by namespace: `from tools import NAMESPACE`."""

from _wxmcp_stubs import (
    ToolError as ToolError,
    call_tool as call_tool,
    describe as describe,
    search as search,
)
from _wxmcp_stubs import call_tool as call
