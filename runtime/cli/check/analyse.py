# Reads a script from standard input, without running it: what it imports of the tools, which of
# them it uses, how its calls are answered, and where it uses `await` and `return` as only
# scripts here may. `fences.py` of the guest's adapter stands before it.
import ast
import builtins
import sys

_FLAGS = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT | ast.PyCF_ONLY_AST
_THREADS = {"to_thread", "run_in_executor", "ThreadPoolExecutor"}

# What leads to a name without spelling it.
_OPENING = {"eval", "exec", "globals", "locals", "vars", "__import__", "__builtins__"}
_OPENING_ATTRIBUTES = {"modules", "f_builtins", "f_globals", "f_locals", "__builtins__", "__globals__"}
_OPENING_MODULES = {"__main__", "builtins", "code", "importlib", "runpy"}
_MOST = 1000

# The tool tree, and what programs for other hosts call it. Of these objects namespaces are members, and of
# `codemode` all tools.
_ROOTS = ("tools", "servers", "mcp_servers", "mcp_tools")
_VIEWS = {"codemode": "flat", "mcp": "spaces", "mcp_servers": "spaces"}
_CALLS = ("callTool", "callMCPTool", "callMcpTool", "call_mcp_tool")


def block_of(source, refused):
    """The tree of a script that is indented as a whole, as the adapter's `indented.py` reads it."""
    code = (line for line in source.split("\n") if line.strip() and line.lstrip()[0] != "#")
    if not next(code, "")[:1].isspace():
        raise refused
    try:
        module = compile("if 1:\n" + source, "<script>", "exec", _FLAGS, dont_inherit=True)
    except SyntaxError as error:
        error.lineno = (error.lineno or 2) - 1
        raise
    block = module.body[0]
    if len(module.body) > 1 or block.orelse:
        raise refused
    module.body = block.body
    return ast.increment_lineno(module, -1)


source = without_fences(sys.stdin.buffer.read().decode())
above = ""
try:
    try:
        tree = compile(source, "<script>", "exec", _FLAGS, dont_inherit=True)
    except IndentationError as error:
        tree = block_of(source, error)
        above = "if True:\n"
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
            packages.update(a.asname or a.name for a in child.names if a.name in _ROOTS)
        pending.append(child)

has_async = uses_threads = False
pending = [tree]
while pending:
    node = pending.pop()
    pending.extend(ast.iter_child_nodes(node))
    if isinstance(node, ast.Import):
        for alias in node.names:
            package, _, rest = alias.name.partition(".")
            if package in _ROOTS and rest:
                imported.add(rest.partition(".")[0])
    elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
        package, _, rest = node.module.partition(".")
        if package in _ROOTS:
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

# Which tools it uses. A name counts, in whatever scope, if it has one meaning in the whole
# script; each of its uses must then spell a tool. Otherwise it may be any tool.
parents = {}
meanings = {"tools": {("tree",)}, "call_tool": {("call",)}}
ambient = set()  # names that nothing binds, and that may be tools
tools = {}  # of a namespace: the tools that it uses
whole = set()  # namespaces of which it may use any
named = set()  # tools that it calls by their full names
is_open = items = False
spelled = []
tool_nodes = set()
_NAMED = (
    *(ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.ExceptHandler, ast.MatchAs, ast.MatchStar),
    *(ast.TypeVar, ast.ParamSpec, ast.TypeVarTuple),
)
_SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef)


def mean(node, name, *meaning):
    """Notes what a name is bound to. As an attribute of a class it is within anybody's reach."""
    known = meanings.setdefault(name, set())
    known.add(meaning)
    scope = parents.get(node) if meaning != ("other",) else None
    while scope and not isinstance(scope, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef)):
        scope = parents.get(scope)
    if isinstance(scope, ast.ClassDef):
        known.add(("other",))


def import_module(node, name, bound):
    global is_open
    package, _, rest = name.partition(".")
    is_open = is_open or package in _OPENING_MODULES
    if package in _ROOTS and rest and bound:
        if "." in rest or rest in _MEMBERS:
            whole.add(rest.partition(".")[0])
            mean(node, bound, "other")
        else:
            mean(node, bound, "namespace", rest)
    else:
        known = {**dict.fromkeys(_ROOTS, "tree"), "wxmcp": "module"}
        mean(node, bound or package, known.get(package if not bound else name, "other"))


_MEMBERS = {"call": "call", "call_tool": "call", "describe": "describe", "ToolError": "other", "search": "other"}
_MODULE = {"tools": "tree", "call_tool": "call"}


def import_from(node, module, alias):
    global is_open
    package, _, space = module.partition(".")
    name, bound = alias.name, alias.asname or alias.name
    is_open = is_open or package in _OPENING_MODULES or (package, name) == ("sys", "modules")
    if module in _ROOTS and name != "*":
        mean(node, bound, *([_MEMBERS[name]] if name in _MEMBERS else ["namespace", name]))
    elif package in _ROOTS and space:
        if "." in space or name.startswith(("*", "_")):
            whole.add(space.partition(".")[0])
            mean(node, bound, "other")
        else:
            tools.setdefault(space, set()).add(name)
            mean(node, bound, "tool")
    elif module == "wxmcp" and name == "*":
        for name, meaning in _MODULE.items():
            mean(node, name, meaning)
    else:
        mean(node, bound, _MODULE.get(name, "other") if module == "wxmcp" else "other")


def escape(meaning):
    global is_open
    kind, *of = meaning
    if kind == "namespace":
        whole.update(of)
    elif kind not in ("other", "tool"):
        is_open = True


def follow(node, meaning):
    """From a name of the tools to what is done with it."""
    global items
    while True:
        kind, parent, member = meaning[0], parents[node], None
        if isinstance(parent, ast.Attribute) and isinstance(parent.ctx, ast.Load) and parent.attr[0] != "_":
            member = parent.attr
        elif isinstance(parent, ast.Subscript) and parent.value is node and isinstance(parent.ctx, ast.Load):
            member = _text(parent.slice)
            items = items or kind == "tree"
        if kind in ("other", "tool"):
            return
        if kind in ("call", "describe") and isinstance(parent, ast.Call) and parent.func is node:
            return called(kind, parent.args)
        if kind == "namespace" and member:
            tools.setdefault(meaning[1], set()).add(member)
            tool_nodes.add(parent)
            return
        if kind in ("tree", "flat") and member and member not in _MEMBERS and _is_called(parents[node]):
            named.add(member)  # a tool by its name alone
        if kind in ("flat", "spaces") and member:
            meaning = (_MEMBERS[member],) if member in _MEMBERS else ("namespace", member)
            names.add(member)
        elif kind == "tree" and member:
            meaning = (_MEMBERS[member],) if member in _MEMBERS else ("namespace", member)
        elif kind == "module" and member:
            meaning = (_MODULE.get(member, "other"),)
        elif not (kind == "call" and member in ("sync", "aio")):
            return escape(meaning)
        node = parent


def _text(node):
    """The text of a literal."""
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None


def _is_called(node):
    return isinstance(parents.get(node), ast.Call) and parents[node].func is node


def called(kind, args):
    if kind == "call" and len(args) > 1 and _text(args[0]) and _text(args[1]):
        named.add(f"{_text(args[0])}.{_text(args[1])}")
    elif kind == "call":
        spelled.extend(args[:1] if args else [None])
    for arg in args if kind == "describe" else ():
        spelled.extend(arg.elts if isinstance(arg, (ast.List, ast.Tuple)) else [arg])


pending = [tree]
while pending:
    node = pending.pop()
    for child in ast.iter_child_nodes(node):
        if not isinstance(child, (ast.expr_context, ast.operator, ast.unaryop, ast.cmpop, ast.boolop)):
            parents[child] = node
            pending.append(child)
for node in parents:
    if isinstance(node, ast.Import):
        for alias in node.names:
            import_module(node, alias.name, alias.asname)
    elif isinstance(node, ast.ImportFrom):
        for alias in node.names:
            import_from(node, node.module if node.module and not node.level else ".", alias)
    elif isinstance(node, ast.Name):
        if not isinstance(node.ctx, ast.Load):
            mean(node, node.id, "other")
        is_open = is_open or node.id in _OPENING
    elif isinstance(node, ast.Attribute):
        is_open = is_open or node.attr in _OPENING_ATTRIBUTES
    elif isinstance(node, ast.arg):
        mean(node, node.arg, "other")
    elif isinstance(node, ast.MatchMapping) and node.rest:
        mean(node, node.rest, "other")
    elif isinstance(node, _NAMED) and node.name:
        mean(node, node.name, "other")
bound = {}  # scope -> names that it binds


def scope_of(node):
    """The scope around a node."""
    scope = parents.get(node)
    while scope is not None and scope is not tree and not isinstance(scope, _SCOPES):
        scope = parents.get(scope)
    return scope or tree


def binds(scope, *names):
    bound.setdefault(scope, set()).update(names)


def is_bound(node):
    """Whether a scope around a name binds it."""
    scope = scope_of(node)
    while node.id not in bound.get(scope, ()):
        if scope is tree:
            return False
        scope = scope_of(scope)
    return True


for node in parents:
    if isinstance(node, ast.Global):
        binds(tree, *node.names)
    elif isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
        binds(scope_of(node), node.id)
    elif isinstance(node, ast.arg):
        binds(scope_of(node), node.arg)
    elif isinstance(node, (ast.Import, ast.ImportFrom)):
        binds(scope_of(node), *(alias.asname or alias.name.partition(".")[0] for alias in node.names))
    elif isinstance(node, _NAMED) and node.name:
        binds(scope_of(node), node.name)
    elif isinstance(node, ast.MatchMapping) and node.rest:
        binds(scope_of(node), node.rest)
for node in parents:
    if not isinstance(node, ast.Name) or not isinstance(node.ctx, ast.Load) or len(ambient) > _MOST:
        continue
    name = node.id
    if hasattr(builtins, name) or is_bound(node):
        continue
    ambient.add(name)
    if name in _VIEWS:
        meanings.setdefault(name, set()).add((_VIEWS[name],))
    elif name in _CALLS:
        meanings.setdefault(name, set()).add(("call",))
    else:
        meanings.setdefault(name, set()).add(("namespace", name))
        names.add(name)
        if _is_called(node):
            named.add(name)
for known in meanings.values():
    if len(known) > 1:
        for meaning in known:
            escape(meaning)
for node in parents:
    if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
        for meaning in meanings.get(node.id, ()):
            follow(node, meaning)
for node in spelled:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        named.add(node.value)
    elif node not in tool_nodes and not (isinstance(node, ast.Name) and meanings.get(node.id) == {("tool",)}):
        is_open = True
is_open = is_open or max(len(whole), len(named), len(tools), *map(len, tools.values()), 0) > _MOST

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
    "source": above + source.replace("# ///", "# //:"),
    "above": above.count("\n"),
    "namespaces": sorted(names | imported - {"*"})[:_MOST],
    "imported": sorted(imported - {"*"})[:_MOST],
    "everything": everything,
    "tools": {space: sorted(used)[:_MOST] for space, used in sorted(tools.items())[:_MOST]},
    "whole": sorted(whole)[:_MOST],
    "named": sorted(named)[:_MOST],
    "open": is_open,
    "ambient": sorted(ambient)[:_MOST],
    "items": items,
    "calls": calls,
    "own": [[*a, *b] for a, b in own],
}
