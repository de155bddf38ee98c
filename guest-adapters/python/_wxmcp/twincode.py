"""The codes of twins: made of the text of a file, one statement at a time (see `twins`, `twintree`).

A function has a twin only if the text gives its very code, constant by constant, and so it does those of the
functions that it makes: text that has changed, or was made in another way, gives none.
"""

from . import kept as __builtins__

import ast
import linecache
import opcode
import warnings
from types import CodeType

from . import report, source, twintree

_GENERATOR = 0x20  # inspect.CO_GENERATOR
_FUNCTION = 0x2  # inspect.CO_NEWLOCALS, which bodies of classes have not
_SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
_FUTURE = 0x1000000  # __future__.annotations.compiler_flag, which a part of a file does not show

late = set()  # (path, name, line) of functions that may wait in generators
helper = None  # what the code of a twin calls
_files = {}  # path -> what finds the twin of a code; the build fills it for the library and the adapter


def twin_of(code, namespace):
    """The code of the twin of a function's code, `LEAF` if that would be the same, or None."""
    path = code.co_filename
    text = _files.get(path)
    if text is None:
        text = _files[path] = _Text(path, namespace)
    twin = text.get(code)
    if twin is None and text.is_old(namespace):
        text = _files[path] = _Text(path, namespace)
        twin = text.get(code)
    return twin if twin is None or twin is LEAF else _with_functions_of(code, twin)


# What a function has in place of a twin that calls nothing which could wait.
LEAF = "leaf"


class _Text:
    """The twins of one file, made when one of the functions of a statement is first called."""

    def __init__(self, path, namespace):
        self._path = path
        self._statements = []
        self._lines = []
        if path.startswith("/python/") or path in report.FILES:
            return
        self._lines = linecache.getlines(path, namespace)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                body = source.tree("".join(self._lines), path).body
        except (SyntaxError, ValueError, RecursionError):
            return
        imports = _imports(body)
        self._statements = [_Statement(node, path, imports) for node in body]

    def get(self, code):
        """The code of the twin of a function's code, or `LEAF`."""
        for one in self._statements:
            if one.first <= code.co_firstlineno <= one.end:
                twin = one.get(code)
                if twin is not None:
                    return twin
        return None

    def is_old(self, namespace):
        """Whether the file has another text by now."""
        if not self._lines:
            return False
        linecache.checkcache(self._path)
        return linecache.getlines(self._path, namespace) != self._lines


class _Baked(dict):
    """The twins of a file that does not change."""

    def is_old(self, namespace):
        return False


class _Statement:
    """The twins of a statement, by the codes that the statement makes; those of each depth when one is asked for."""

    def __init__(self, node, path, imports):
        self._node = node
        self._path = path
        self._imports = imports
        self._code = self._depths = None
        self._twins = {}
        decorators = getattr(node, "decorator_list", None)
        self.first = decorators[0].lineno if decorators else node.lineno
        self.end = node.end_lineno

    def get(self, code):
        """The code of the twin of a function's code, or `LEAF`."""
        if self._depths is None:
            self._depths = {}
            self._code = self._compiled(self._node, code.co_flags & _FUTURE)
            if self._code is not None:
                _note_depths(self._code, 1, self._depths)
        depth = self._depths.get(code)
        if depth is None:
            return None
        if depth not in self._twins:
            self._twins[depth] = self._of_depth(depth, code.co_flags & _FUTURE)
        return self._twins[depth].get(code)

    def _of_depth(self, depth, flags):
        found = {}
        visitor = twintree.Twins(depth)
        made = self._compiled(visitor.visit(self._node), flags)
        late.update((self._path, *key) for key in visitor.late if key)
        if made is not None:
            _pair(self._code, made, depth, found)
        return found

    def _compiled(self, node, flags):
        module = ast.Module([*self._imports, node], [])
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                return compile(module, self._path, "exec", source.FLAGS | flags, dont_inherit=True)
        except (SyntaxError, ValueError, RecursionError):
            return None

    def all(self):
        """The twins of all functions. Runs in the build only."""
        self._code = self._compiled(self._node, 0)
        found = {}
        for depth in range(1, twintree.deepest(self._node) + 1):
            found |= self._of_depth(depth, 0)
        return found


def bake(text, path):
    """Makes the twins of a module. Runs in the build only."""
    baked = _files[path] = _Baked()
    body = source.tree(text, path).body
    imports = _imports(body)
    for node in body:
        baked |= _Statement(node, path, imports).all()


def _imports(body):
    """The imports of a module: the compiler makes calls of what a module imports in a way of their own."""
    found, todo = [], list(body)
    while todo:
        node = todo.pop()
        if type(node) in (ast.Import, ast.ImportFrom):
            if getattr(node, "module", None) != "__future__":
                found.append(node)
        elif isinstance(node, (ast.stmt, ast.match_case, ast.ExceptHandler)) and not isinstance(node, _SCOPES):
            todo += ast.iter_child_nodes(node)
    return found


def _codes(code):
    return [one for one in code.co_consts if type(one) is CodeType]


def _is_function(code):
    """Whether a code is that of a `def` or `lambda`, not of what else the compiler makes."""
    name = code.co_name
    return code.co_flags & _FUNCTION and (name == "<lambda>" or name[0] != "<") and name != "__annotate__"


def _note_depths(code, depth, depths):
    for one in _codes(code):
        is_function = _is_function(one)
        if is_function:
            depths[one] = depth
        _note_depths(one, depth + 1 if is_function else depth, depths)


def _pair(plain, made, depth, found):
    """Finds the twins of functions at a depth, where what they are in is the same but for them."""
    codes, twins = _codes(plain), _codes(made)
    if len(codes) != len(twins):
        return
    for code, twin in zip(codes, twins):
        if not _is_function(code):
            _pair(code, twin, depth, found)
        elif depth > 1:
            _pair(code, twin, depth - 1, found)
        elif twintree.STAND_IN not in twin.co_consts:
            if code == twin:
                found[code] = LEAF
        elif twin.co_flags & _GENERATOR and twin.co_freevars == code.co_freevars and twin.co_name == code.co_name:
            found[code] = _with_helper(twin)


def _with_helper(code):
    constants = tuple(
        helper if one == twintree.STAND_IN else _with_helper(one) if _is_part(one) else one for one in code.co_consts
    )
    code = _letting_stop(code.replace(co_consts=constants))
    return code.replace(co_filename=__file__) if _is_part(code) else code


def _is_part(one):
    return type(one) is CodeType and one.co_varnames[:1] == (twintree.HIDDEN,)


def _with_functions_of(code, twin):
    """A twin that makes the very functions that the code makes; None if they are not the same."""
    if all(type(one) is not CodeType or _is_part(one) for one in twin.co_consts):
        return twin
    own, constants = _codes(code), []
    for one in twin.co_consts:
        if type(one) is CodeType and not _is_part(one):
            one = next((real for real in own if real == one), None)
            if one is None:
                return None
        constants.append(one)
    return twin.replace(co_consts=tuple(constants))


_CALL = opcode.opmap["CALL_INTRINSIC_1"]
_STOPPED = opcode._intrinsic_1_descs.index("INTRINSIC_STOPITERATION_ERROR")


def _letting_stop(code):
    """The same code, which lets a StopIteration out as functions do, where generators make a RuntimeError of it."""
    if not code.co_flags & _GENERATOR:
        return code
    table, kept, at = code.co_exceptiontable, b"", 0
    while at < len(table):
        first, numbers = at, []
        for _ in range(4):
            number = table[at] & 63
            while table[at] & 64:
                at += 1
                number = number << 6 | table[at] & 63
            at += 1
            numbers.append(number)
        target = 2 * numbers[2]
        if code.co_code[target] != _CALL or code.co_code[target + 1] != _STOPPED:
            kept += table[first:at]
    return code.replace(co_exceptiontable=kept)


def stops(function):
    """Makes a generator of ours one that lets a StopIteration out."""
    function.__code__ = _letting_stop(function.__code__)
    return function
