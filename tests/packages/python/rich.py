from rich.console import Console
from rich.markdown import Markdown
from rich.panel import Panel
from rich.progress import track
from rich.syntax import Syntax
from rich.table import Table
from rich.tree import Tree
from rich import print as rprint

console = Console(width=60)
table = Table(title="Packages", show_lines=True)
table.add_column("Name", style="cyan")
table.add_column("Size", justify="right")
table.add_row("requests", "64 KB")
table.add_row("[bold]rich[/bold]", "240 KB")
console.print(table)
console.print(Panel("Hello, [red]world[/red] :sparkles:", title="Panel"))
console.print(Markdown("# Title\n\n* one\n* two\n\n> quote"))
console.print(Syntax("def f(x):\n    return x + 1", "python", line_numbers=True))
tree = Tree("root")
tree.add("leaf").add("deeper")
console.print(tree)
rprint({"a": [1, 2, None], "b": "text"})
print(sum(track(range(10), console=Console(width=60, quiet=True))))
with Console(width=40, record=True, force_terminal=True, color_system="truecolor") as wide:
    wide.print("[green]ok[/green]", 42)
    print(repr(wide.export_text(styles=True)))
