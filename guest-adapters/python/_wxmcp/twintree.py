"""The text of twins: how a function is written so that its calls can be kept aside (see `twins`)."""

from . import kept as __builtins__

import ast

# What stands for this module in the text of a twin, until its code is made.
STAND_IN = "\0twins"
# The variable of a twin that holds what a call gave.
_GOT = ".got"
# The first parameter of functions that are a part of a comprehension, whose frames no traceback shows.
HIDDEN = ".part"
# Builtins that never wait, however often they are called.
_PLAIN = frozenset(
    """abs all any ascii bin bool bytearray bytes callable chr complex delattr dict dir divmod enumerate eval exec float
    format frozenset getattr globals hasattr hash hex id int isinstance issubclass len list locals max memoryview min
    object oct ord pow print range repr reversed round set setattr slice sorted str sum super tuple type vars zip
    Exception ValueError TypeError KeyError RuntimeError OSError""".split()
)
# Methods that do not wait on what usually has them.
_PLAIN_METHODS = frozenset(
    """append extend insert strip rstrip lstrip split rsplit splitlines startswith endswith format items keys values
    lower upper title replace encode decode isdigit setdefault copy sort hexdigest digest isoformat strftime total_seconds
    match fullmatch findall group groups dumps loads perf_counter monotonic randint uniform sqrt""".split()
)


class Twins(ast.NodeTransformer):
    """Makes the functions of a module their twins."""

    def __init__(self):
        self._is_on = False  # whether calls here are those of a twin
        self._is_iterated = False  # where no variable may be assigned, in what a comprehension goes through
        self._count = 0
        self._inside = None  # the (name, line) of the function
        self.late = set()  # functions that may wait in generators of theirs, by name and line

    def _visit_all(self, nodes, is_on):
        before = self._is_on, self._is_iterated
        self._is_on, self._is_iterated = is_on, False
        try:
            return [self.visit(node) for node in nodes]
        finally:
            self._is_on, self._is_iterated = before

    def visit_FunctionDef(self, node):
        first = node.decorator_list[0] if node.decorator_list else node
        outer, self._inside = self._inside, (node.name, first.lineno)
        node.body = self._visit_all(node.body, not _yields(node.body))
        self._inside = outer
        return node

    def visit_AsyncFunctionDef(self, node):
        node.body = self._visit_all(node.body, False)
        return node

    def visit_Lambda(self, node):
        outer, self._inside = self._inside, ("<lambda>", node.lineno)
        node.body = self._visit_all([node.body], not _yields([node.body]))[0]
        self._inside = outer
        return node

    def visit_ClassDef(self, node):
        node.body = self._visit_all(node.body, False)
        return node

    def _visit_comprehension(self, node):
        first = node.generators[0]
        self._visit_iterated(first)
        if not self._is_on or len(node.generators) > 1 or not _can_be_functions(node):
            return node
        is_pair = type(node) is ast.DictComp
        element = _at(ast.Tuple([node.key, node.value], ast.Load()), node) if is_pair else node.elt
        if not any(_may_wait(part) for part in (element, *first.ifs)):
            return node
        names = [first.target] if type(first.target) is ast.Name else first.target.elts
        made = self._part(names, element)
        kept = [self._part(names, test) for test in first.ifs]
        kind = _at(ast.Constant({ast.SetComp: "set", ast.DictComp: "dict"}.get(type(node), "list")), node)
        is_row = _at(ast.Constant(type(first.target) is not ast.Name), node)
        tests = _at(ast.List(kept, ast.Load()), node)
        return _at(ast.YieldFrom(_call(_helped("gathered", node), [kind, first.iter, is_row, made, tests], node)), node)

    visit_ListComp = visit_SetComp = visit_DictComp = _visit_comprehension

    def visit_GeneratorExp(self, node):
        self._visit_iterated(node.generators[0])
        return node

    def _visit_iterated(self, generator):
        before, self._is_iterated = self._is_iterated, True
        generator.iter = self.visit(generator.iter)
        self._is_iterated = before

    def _part(self, names, expression):
        """A part of a comprehension as a function of its variables."""
        parameters = [_at(ast.arg(HIDDEN), expression), *(_at(ast.arg(name.id), name) for name in names)]
        body = self.visit(expression)
        arguments = ast.arguments([], parameters, None, [], [], None, [])
        return _at(ast.Lambda(arguments, body), expression)

    def visit_AnnAssign(self, node):
        if node.value is not None:
            node.value = self.visit(node.value)
        return node

    def visit_Call(self, node):
        if self._is_on and len(node.args) == 1 and type(node.args[0]) is ast.GeneratorExp and _takes_all(node.func):
            inner = node.args[0]
            node.args[0] = _at(ast.ListComp(inner.elt, inner.generators), inner)
        is_map = self._is_on and len(node.args) == 1 and _is_map(node.args[0]) and _takes_all(node.func)
        if self._is_on and len(node.args) == 1 and _takes_all(node.func) and not is_map:
            self._note_iterated(node.args[0])
        inner = node.args[0] if is_map else None
        self.generic_visit(node)
        if is_map:
            node.args[0] = _at(ast.YieldFrom(_call(_helped("mapped", inner), inner.args, inner)), inner)
        if not self._is_on or _is_plain(node.func):
            return node
        picked = _call(_helped("pick", node.func), [node.func], node)
        called = _at(ast.Call(picked, node.args, node.keywords), node)
        return _passed_on("wrap", called) if self._is_iterated else _passed(called)

    def visit_With(self, node):
        self.generic_visit(node)
        if self._is_on:
            for item in node.items:
                item.context_expr = _passed_on("entering", item.context_expr)
        return node

    def _note_iterated(self, node):
        if type(node) is ast.Call and not _is_plain(node.func) and not _is_map(node):
            self.late.add(self._inside)

    def visit_For(self, node):
        called = node.iter
        is_repeated = (
            self._is_on
            and type(called) is ast.Call
            and type(called.func) is ast.Name
            and called.func.id == "iter"
            and len(called.args) == 2
            and not called.keywords
        )
        if self._is_on and not is_repeated:
            self._note_iterated(called)
        self.generic_visit(node)
        if not is_repeated:
            return node
        # `for item in iter(queue.get, None)` waits in `queue.get`, which the iterator would call.
        self._count += 1
        name = f".twin{self._count}"
        made = _call(_helped("Repeated", called), called.args, called)
        before = _at(ast.Assign([_at(ast.Name(name, ast.Store()), called)], made), called)
        moved = _at(ast.Attribute(_at(ast.Name(name, ast.Load()), called), "advanced", ast.Load()), called)
        test = _at(ast.YieldFrom(_call(moved, [], called)), called)
        value = _at(ast.Attribute(_at(ast.Name(name, ast.Load()), called), "value", ast.Load()), called)
        taken = _at(ast.Assign([node.target], value), called)
        loop = _at(ast.While(test, [taken, *node.body], node.orelse), node)
        return _at(ast.If(_at(ast.Constant(True), node), [before, loop], []), node)


def _is_plain(function):
    if type(function) is ast.Name:
        return function.id in _PLAIN
    if type(function) is ast.Attribute:
        return function.attr in _PLAIN_METHODS or type(function.value) in (ast.Constant, ast.JoinedStr)
    return False


def _takes_all(function):
    """Whether a function surely takes all that an iterator has, so that a list does as well."""
    if type(function) is ast.Name:
        return function.id in ("list", "tuple", "set", "frozenset", "sum", "sorted", "dict", "max", "min")
    return type(function) is ast.Attribute and function.attr in ("join", "extend")


def _is_map(node):
    """Whether a node is `map(function, iterable)`."""
    if type(node) is not ast.Call or type(node.func) is not ast.Name or node.func.id != "map" or node.keywords:
        return False
    return len(node.args) > 1 and not any(type(one) is ast.Starred for one in node.args)


def _can_be_functions(node):
    target = node.generators[0].target
    if node.generators[0].is_async:
        return False
    if type(target) is not ast.Name and not (
        type(target) is ast.Tuple and all(type(one) is ast.Name for one in target.elts)
    ):
        return False
    return not any(type(one) in (ast.NamedExpr, ast.Await) for one in ast.walk(node))


def _may_wait(node):
    return any(type(one) is ast.Call and not _is_plain(one.func) for one in ast.walk(node))


def _yields(body):
    todo = list(body)
    while todo:
        one = todo.pop()
        if isinstance(one, (ast.Yield, ast.YieldFrom)):
            return True
        if not isinstance(one, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef)):
            todo += ast.iter_child_nodes(one)
    return False


def _at(node, place):
    return ast.copy_location(node, place)


def _helped(name, place):
    return _at(ast.Attribute(_at(ast.Constant(STAND_IN), place), name, ast.Load()), place)


def _call(function, arguments, place):
    return _at(ast.Call(function, arguments, []), place)


def _passed_on(name, value):
    return _at(ast.YieldFrom(_call(_helped(name, value), [value], value)), value)


def _passed(call):
    """The result of a call: what it answered, or what it goes on with and then answers.

    As text `(yield from .got.generator) if (.got := call).__class__ is _Pending else (.got, .got := None)[0]`: nothing is
    called, and the variable keeps nothing alive.
    """

    def got(context):
        return _at(ast.Name(_GOT, context), call)

    taken = _at(ast.NamedExpr(got(ast.Store()), call), call)
    kind = _at(ast.Attribute(taken, "__class__", ast.Load()), call)
    test = _at(ast.Compare(kind, [ast.Is()], [_helped("Pending", call)]), call)
    going_on = _at(ast.YieldFrom(_at(ast.Attribute(got(ast.Load()), "generator", ast.Load()), call)), call)
    nothing = _at(ast.NamedExpr(got(ast.Store()), _at(ast.Constant(None), call)), call)
    both = _at(ast.Tuple([got(ast.Load()), nothing], ast.Load()), call)
    answered = _at(ast.Subscript(both, _at(ast.Constant(0), call), ast.Load()), call)
    return _at(ast.IfExp(test, going_on, answered), call)
