"""From the text of a script to one code object.

Beyond CPython's rules a script may use `await` and `return` at its top level, is
taken out of a Markdown fence, and its last expression has a value. Every position
that the compiler notes is that of the original text, so tracebacks are CPython's.
"""

from . import kept as __builtins__

import ast
import builtins
import types
import warnings

from . import indented

# Where running code leaves its value: what it returned, in a tuple, or the last. Scripts reach
# it by names that are no identifiers, the first of them a builtin, so that no script can mean it.
_VALUE, _RETURNED, _LAST = OWN = "<value>", "<returned>", "<last>"
_value = types.SimpleNamespace(**{_RETURNED: None, _LAST: None})
_values = _value.__dict__


def install():
    """Makes compiled scripts able to leave their value."""
    setattr(builtins, _VALUE, _value)


def take_value():
    """The value that the last code to run has left; forgets it."""
    returned, last = left()
    _values.clear()
    _values[_RETURNED] = _values[_LAST] = None
    return returned[0] if returned else last


def left():
    """What `take_value` would look at."""
    return _values[_RETURNED], _values[_LAST]


# What scripts are compiled with.
FLAGS = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
_PREPARING = (ast.Import, ast.ImportFrom, ast.ClassDef, ast.Assign, ast.AnnAssign)
_uncalled = None
_COMPOUND = ("body", "orelse", "finalbody", "handlers", "cases")


def compiled(source: str, name: str):
    """Compiles a script; running the code leaves its value for `take_value`.

    SyntaxErrors are those that CPython raises for the same text in a file.
    """
    global _uncalled
    _uncalled = None
    if not _ends_without_value(source):
        return _compiled_as_tree(source, name)
    try:
        # The tree of a long script takes as long to build as all the rest of compiling it.
        return compile(source, name, "exec", FLAGS, dont_inherit=True)
    except SyntaxError:
        pass  # perhaps a `return`
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SyntaxWarning)  # shown already
        return _compiled_as_tree(source, name)


def _ends_without_value(source):
    """Whether the last statement is surely one line that assigns, or prints.

    That line then compiles alone, which the end of a longer statement does not:
    unless a backslash continues it, or a comment in it ends a string.
    """
    lines = source.rstrip().rsplit("\n", 2)
    if len(lines) < 3 or lines[0].count("\n") < 8:
        return False
    last = lines[2]
    if not last[0].isidentifier() or lines[1].endswith("\\") or '"""' in last or "'''" in last:
        return False
    try:
        body = compile(last, "", "exec", FLAGS | ast.PyCF_ONLY_AST, dont_inherit=True).body
    except (SyntaxError, ValueError):
        return False
    end = body[-1]
    if type(end) in (ast.Assign, ast.AnnAssign) and ("def main(" in source or "def run(" in source):
        return False  # perhaps nothing calls it
    if type(end) is not ast.Expr:
        return type(end) is not ast.Return
    call = end.value
    return type(call) is ast.Call and type(call.func) is ast.Name and call.func.id == "print"


def _compiled_as_tree(source, name):
    global _uncalled
    tree = _tree(source, name)
    body = tree.body
    _uncalled = _defined_only(body)
    try:
        if body and type(body[-1]) is ast.Expr:
            _keep_last(body)
        if "return" in source and any(map(_returns, body)):
            tree.body = _with_returns(body)
        if "finally" in source:
            return _compiled_quietly(tree, name)
        return compile(tree, name, "exec", FLAGS, dont_inherit=True)
    except SyntaxError as error:
        error.filename = name
        if error.text is None and error.lineno:
            lines = source.split("\n")
            if error.lineno <= len(lines):
                error.text = lines[error.lineno - 1] + "\n"
        raise


def _tree(source, name):
    flags = FLAGS | ast.PyCF_ONLY_AST
    try:
        return compile(source, name, "exec", flags, dont_inherit=True)
    except IndentationError as error:
        refused = error
    tree = indented.tree(source, name, flags) if indented.is_indented(source) else None
    if tree is None:
        raise refused
    return tree


def tree(source: str, name: str):
    """The tree of a script whose code is not to be executed for its value."""
    module = _tree(source, name)
    if "return" in source and any(map(_returns, module.body)):
        module.body = _with_returns(module.body)
    return module


def _defined_only(body):
    """How to call a `main` or `run`, if a script defines it and has nothing else that would run."""
    found = None
    for node in body:
        kind = type(node)
        if kind in (ast.FunctionDef, ast.AsyncFunctionDef):
            if node.name in ("main", "run") and not node.decorator_list:
                found = node
        elif kind not in _PREPARING and not (kind is ast.Expr and type(node.value) is ast.Constant):
            return None
    if found is None:
        return None
    names = (part for node in body if type(node) in (ast.Assign, ast.AnnAssign) for part in ast.walk(node))
    if any(type(part) is ast.Name and part.id == found.name for part in names):
        return None
    wants = found.args.posonlyargs or found.args.args or found.args.kwonlyargs
    call = f"{found.name}(..)" if wants else f"{found.name}()"
    return found.name, call if type(found) is ast.FunctionDef else f"await {call}"


def uncalled():
    """What `_defined_only` found in the last script that was compiled."""
    return _uncalled


def forget():
    """For the warm-up: as if no script had been compiled."""
    global _uncalled
    _uncalled = None
    take_value()


def _compiled_quietly(tree, name):
    with warnings.catch_warnings():
        # The parser has warned already, of the script as it was.
        warnings.filterwarnings("ignore", r"'\w+' in a 'finally' block", SyntaxWarning)
        return compile(tree, name, "exec", FLAGS, dont_inherit=True)


def _keep_last(body):
    last = body[-1]
    if len(body) == 1 and isinstance(last.value, ast.Constant) and isinstance(last.value.value, str):
        body.append(_assign(_LAST, last.value, last))  # a lone string is the docstring too
        return
    place = last.__dict__
    for node in _PLACES:
        for name in _PLACE:
            node[name] = place[name]
    last.__class__ = ast.Assign  # its value and its place stay
    last.targets = [_TARGET]


def _at(node, place):
    node.lineno = place.lineno
    node.col_offset = place.col_offset
    node.end_lineno = place.end_lineno
    node.end_col_offset = place.end_col_offset
    return node


def _left(name, context, place):
    return _at(ast.Attribute(_at(ast.Name(_VALUE, ast.Load()), place), name, context), place)


# What takes the last value, made once: to make nodes takes longer than to compile a short script.
_TARGET = ast.Attribute(ast.Name(_VALUE, ast.Load()), _LAST, ast.Store())
_PLACES = _TARGET.__dict__, _TARGET.value.__dict__
_PLACE = "lineno", "col_offset", "end_lineno", "end_col_offset"


def _assign(name, value, place):
    return _at(ast.Assign([_left(name, ast.Store(), place)], value), place)


def _read(name, place):
    return _left(name, ast.Load(), place)


def _stored(node):
    value = node.value or _at(ast.Constant(None), node)
    return _assign(_RETURNED, _at(ast.Tuple([value], ast.Load()), node), node)


def _nothing(place):
    return _assign(_RETURNED, _at(ast.Constant(None), place), place)


def _returns(node) -> bool:
    """Whether a `return` in this statement would leave the module."""
    kind = type(node)
    if kind is ast.Return:
        return True
    if kind in (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef):
        return False  # a `return` in a class body stays CPython's SyntaxError
    return any(_returns(child) for field in _COMPOUND for child in getattr(node, field, ()))


def _with_returns(body):
    """Turns top-level `return` into `break` out of a loop around the statements.

    `break` unwinds `with`, `try` and `finally` exactly as `return` does, and
    leaves module scope as it is, unlike a function around the script. The loop
    begins at the first statement with a `return` and never repeats.
    """
    first = next(i for i, node in enumerate(body) if _returns(node))
    rest = body[first:]
    if len(rest) == 1 and type(rest[0]) is ast.Return:
        return body[:first] + [_stored(rest[0])]
    inside = _block(rest, None)
    end = inside[-1]
    inside.insert(0, _nothing(rest[0]))
    inside.append(_nothing(end))  # a `return` that a `finally` undid
    inside.append(_at(ast.Break(), end))
    return body[:first] + [_at(ast.While(_at(ast.Constant(True), rest[0]), inside, []), rest[0])]


def _block(body, forgets):
    """The statements with each `return` replaced.

    After a loop that contains a `return` comes a test whether it was taken. A
    `return` can also be undone, by a `break` or an error in a `finally`; so every
    other way out of such a loop forgets it: `forgets` says whether a `break` here
    leaves such a loop, and is None where it would leave none of the script's.
    """
    done = []
    for node in body:
        kind = type(node)
        if kind is ast.Return:
            done += [_stored(node), _at(ast.Break(), node)]
            continue
        if kind in (ast.Break, ast.Continue):
            if forgets is None:
                compile(ast.Module([node], []), "", "exec")  # raises: outside of any loop
            if forgets and kind is ast.Break:
                done.append(_nothing(node))
            done.append(node)
            continue
        done.append(node)
        if kind in (ast.For, ast.AsyncFor, ast.While):
            looped = any(map(_returns, node.body))
            node.orelse = _block(node.orelse, forgets)
            if looped:
                node.body = _block(node.body, True)
                node.orelse.insert(0, _nothing(node))
                done.append(_at(ast.If(_read(_RETURNED, node), [_at(ast.Break(), node)], []), node))
        elif kind not in (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef):
            _blocks_of(node, forgets)
    return done


def _blocks_of(node, forgets):
    # Loops in a `finally` must not forget the `return` that is on its way out.
    crossed = any(map(_returns, getattr(node, "finalbody", ())))
    for field in ("body", "orelse", "finalbody"):
        if getattr(node, field, None):
            setattr(node, field, _block(getattr(node, field), forgets))
    for part in (*getattr(node, "handlers", ()), *getattr(node, "cases", ())):
        part.body = _block(part.body, forgets)
    if crossed:
        saved = f"before_line_{node.finalbody[0].lineno}"
        body = node.finalbody
        body[:0] = [_assign(saved, _read(_RETURNED, body[0]), body[0]), _nothing(body[0])]
        body.append(_assign(_RETURNED, _read(saved, body[-1]), body[-1]))
