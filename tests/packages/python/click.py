import click
from click.testing import CliRunner


@click.group()
@click.version_option("1.2.3")
def cli():
    """A tool."""


@cli.command()
@click.argument("name")
@click.option("--count", "-c", default=1, show_default=True, type=click.IntRange(1, 5), help="How often.")
@click.option("--color", type=click.Choice(["red", "blue"]), prompt=True)
@click.option("--loud/--quiet")
def greet(name, count, color, loud):
    """Greet NAME."""
    for _ in range(count):
        click.secho(f"hello {name}", fg=color, bold=loud)
    click.echo("done", err=True)


runner = CliRunner()
for args, text in ((["--help"], None), (["greet", "--help"], None), (["greet", "bob", "-c", "2"], "red\n"), (["greet"], None), (["greet", "x", "-c", "9"], None), (["--version"], None), (["gret"], None)):
    result = runner.invoke(cli, args, input=text)
    print(result.exit_code, result.output)
click.echo(click.style("styled", fg="green"))
with click.progressbar(range(3), label="work") as bar:
    print(sum(bar))
