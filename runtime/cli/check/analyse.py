# Reads a script from standard input, without running it: what it imports of the tools, how
# its calls are answered, and where it uses `await` and `return` as only scripts here may.
import ast
import sys

_FLAGS = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT | ast.PyCF_ONLY_AST
_THREADS = {"to_thread", "run_in_executor", "ThreadPoolExecutor"}


def without_fences(source):
    source = source.removeprefix("\ufeff")
    text = source.strip()
    if not text.startswith(("```", "~~~")):
        return source
    lines = source.split("\n")
    written = [at for at, line in enumerate(lines) if line.strip()]
    first, last = written[0], written[-1]
    if last > first and lines[last].strip() == text[:3]:
        del lines[last:]
    lines[first] = ""
    return "\n".join(lines) + "\n"


source = without_fences(sys.stdin.buffer.read().decode())
try:
    tree = compile(source, "<script>", "exec", _FLAGS, dont_inherit=True)
except SyntaxError as error:
    return {"error": {"message": error.msg, "line": error.lineno or 1, "column": error.offset or 1}}
except (MemoryError, RecursionError):
    return {"error": {"message": "the script is nested too deep to be read", "line": 1, "column": 1}}
except ValueError as error:
    return {"error": {"message": str(error), "line": 1, "column": 1}}

lines = source.encode().splitlines(keepends=True)


def place(line, offset):
    """Line and column, from 1, in characters."""
    return line, len(lines[line - 1][:offset].decode()) + 1 if line <= len(lines) else 1


def start(node):
    return place(node.lineno, node.col_offset)


def end(node):
    return place(node.end_lineno, node.end_col_offset)


own = []  # places that are ours to allow: from, to
awaits = False
names = set()
imported = set()  # those that an import names, and not only an attribute of something called `tools`
everything = False
packages = {"tools"}

pending = [tree]
while pending:
    node = pending.pop()
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Import):
            packages.update(a.asname for a in child.names if a.name == "tools" and a.asname)
        pending.append(child)

has_async = uses_threads = False
pending = [tree]
while pending:
    node = pending.pop()
    pending.extend(ast.iter_child_nodes(node))
    if isinstance(node, ast.Import):
        for alias in node.names:
            package, _, rest = alias.name.partition(".")
            if package == "tools" and rest:
                imported.add(rest.partition(".")[0])
    elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
        package, _, rest = node.module.partition(".")
        if package == "tools":
            spaces = [rest.partition(".")[0]] if rest else [alias.name for alias in node.names]
            everything = everything or "*" in spaces
            imported.update(spaces)
        elif package == "wxmcp":
            packages.update(a.asname or a.name for a in node.names if a.name == "tools")
        uses_threads = uses_threads or any(alias.name in _THREADS for alias in node.names)
    elif isinstance(node, ast.Attribute):
        uses_threads = uses_threads or node.attr in _THREADS
        if isinstance(node.value, ast.Name) and node.value.id in packages:
            names.add(node.attr)
    elif isinstance(node, ast.AsyncFunctionDef):
        has_async = True

pending = [tree]
while pending:
    node = pending.pop()
    if isinstance(node, ast.Return):
        own.append((start(node), start(node)))
    elif isinstance(node, (ast.Await, ast.AsyncFor, ast.AsyncWith)):
        awaits = True
        own.append((start(node), start(node)))
    elif isinstance(node, (ast.ListComp, ast.SetComp, ast.DictComp)):
        before = node.value if isinstance(node, ast.DictComp) and node.value else getattr(node, "elt", None) or node.key
        for generator in node.generators:
            if generator.is_async:
                awaits = True
                own.append((end(before), start(generator.target)))
            before = generator.ifs[-1] if generator.ifs else generator.iter
    if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
        pending.extend([*node.decorator_list, *node.args.defaults, *filter(None, node.args.kw_defaults)])
    elif isinstance(node, ast.ClassDef):
        pending.extend([*node.decorator_list, *node.bases])
    elif not isinstance(node, ast.Lambda):
        pending.extend(ast.iter_child_nodes(node))

if uses_threads or has_async and not awaits:
    calls = "either"
else:
    calls = "awaited" if awaits else "blocking"
return {
    # A checker takes settings from such comments: where on the host modules are, and more.
    "source": source.replace("# ///", "# //:"),
    "namespaces": sorted(names | imported - {"*"})[:1000],
    "imported": sorted(imported - {"*"})[:1000],
    "everything": everything,
    "calls": calls,
    "own": [[*a, *b] for a, b in own],
}
