"""Types of what scripts find around them; for checkers and editors, not there when a script runs."""

from asyncio import Future
from collections.abc import Awaitable, Callable, Generator, Mapping
from os import PathLike
from typing import (
    Any,
    Generic,
    Literal,
    NotRequired,
    ParamSpec,
    Protocol,
    Self,
    TypedDict,
    TypeVar,
    final,
    overload,
)

_P = ParamSpec("_P")
_T = TypeVar("_T")

class ToolError(Exception):
    """A tool refused or failed. `str()` is the tool's own message."""

    message: str
    kind: str
    data: Any
    tool: str | None
    def __init__(self, message: str = "", kind: str = "tool", data: Any = None, tool: str | None = None) -> None: ...

@final
class ToolCall(Future[_T]):
    """A tool call that has begun: awaitable, and usable wherever asyncio takes a future."""

    tool: str

@final
class Tool(Generic[_P, _T]):
    """One tool. Called with keyword arguments, or positional ones in the order the tool declares."""

    name: str
    parameters: tuple[str, ...]
    def __call__(self, /, *args: _P.args, **kwargs: _P.kwargs) -> ANSWER[_T]: ...
    def sync(self, /, *args: _P.args, **kwargs: _P.kwargs) -> _T:
        """Calls and waits, also inside a running event loop."""
    def aio(self, /, *args: _P.args, **kwargs: _P.kwargs) -> Awaitable[_T]:
        """An awaitable of the answer."""

def tool(function: Callable[_P, _T], /) -> Tool[_P, _T]: ...

class CallTool(Protocol):
    """Calls any tool by its full name, `namespace.tool`."""

    def __call__(self, name: str, /, args: Mapping[str, Any] | None = None, **kwargs: Any) -> ANSWER[Any]: ...
    def sync(self, name: str, /, args: Mapping[str, Any] | None = None, **kwargs: Any) -> Any: ...
    def aio(self, name: str, /, args: Mapping[str, Any] | None = None, **kwargs: Any) -> Awaitable[Any]: ...

class ToolName(TypedDict):
    name: str

class ToolSummary(TypedDict):
    name: str
    description: str

class ToolDescription(TypedDict):
    name: str
    description: str
    signature: str
    input: Any
    output: NotRequired[Any]

class Found(list[_T]):
    """What a look-up found; complete at once, but `await` is taken too."""

    def __await__(self) -> Generator[Any, Any, Self]: ...

_Named = str | Tool[..., Any]

call_tool: CallTool

@overload
def search(query: object = "", limit: int = 10, detail: Literal["brief"] = "brief") -> Found[ToolSummary]:
    """The tools that fit a query best; none where nothing fits."""

@overload
def search(query: object = "", limit: int = 10, *, detail: Literal["names"]) -> Found[ToolName]: ...
@overload
def search(query: object = "", limit: int = 10, *, detail: Literal["full"]) -> Found[ToolDescription]: ...

def describe(*names: _Named | list[_Named] | list[str] | tuple[_Named, ...]) -> Found[ToolDescription]:
    """Signature, description and schemas of tools, in the order of `names`."""

def progress(message: object = None, done: float | None = None, total: float | None = None) -> None:
    """Tells whoever watches how far the script is: a message, and `done` of `total`."""

def image(
    data: bytes | bytearray | memoryview | str | PathLike[str] | dict[str, Any] | list[Any] | tuple[Any, ...],
    media_type: str | None = None,
) -> None:
    """Hands out an image: bytes, a path, base64 text, a data URL, or what a tool answered."""

def artifact(path: str | PathLike[str], media_type: str | None = None, name: str | None = None) -> None:
    """Hands out a file: of a mount, of the home or of `/tmp`. Its media type is that of its name, if none is given."""

def content(value: object) -> list[dict[str, Any]]:
    """The content blocks of a tool's answer, also where they are not in its value."""

def text(content: object, media_type: str = "text/plain") -> None:
    """Hands out a text as a document of its own, beside what the script prints."""
