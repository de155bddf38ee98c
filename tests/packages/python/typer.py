from enum import Enum
from pathlib import Path
from typing import Annotated, Optional
import typer
from typer.testing import CliRunner

app = typer.Typer(help="A tool.", add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)


class Color(str, Enum):
    red = "red"
    blue = "blue"


@app.command()
def greet(name: str, count: int = 1, color: Color = Color.red, out: Annotated[Optional[Path], typer.Option(help="A file.")] = None):
    """Greet NAME."""
    typer.echo(f"{name} {count} {color.value} {out}")


@app.command()
def fail(code: int = typer.Argument(3)):
    typer.secho("failing", fg="red")
    raise typer.Exit(code)


runner = CliRunner()
for args in (["--help"], ["greet", "--help"], ["greet", "bob", "--count", "2", "--out", "x/y"], ["fail"], ["greet"], ["greet", "x", "--color", "green"]):
    result = runner.invoke(app, args, env={"COLUMNS": "80", "NO_COLOR": "1"})
    print(result.exit_code, result.output)
