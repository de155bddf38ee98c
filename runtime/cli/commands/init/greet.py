def greet(name: str, times: int = 1) -> str:
    """Greets somebody.

    A tool is a function in a file: tools/hello/greet.py is `hello.greet`. It runs in a sandbox of
    its own, with nothing granted but what `[grants]` of wxmcp.toml approves.
    """
    return " ".join([f"Hello, {name}!"] * times)
