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


# What shows a function its own variables, which in a twin would have those of the twin among them.
_LOOKING = frozenset("locals vars dir eval exec f_locals _getframe currentframe stack trace".split())
# What means something else in a function that is a part of a comprehension.
_OWN = frozenset("super __class__ locals vars dir eval exec globals".split())
# Builtins that take all that an iterator has, so that what `gathered` makes does as well.
TAKERS = "list tuple sorted sum max min set frozenset dict".split()
# How a comprehension is written, by its node.
_DISPLAYS = {ast.ListComp: "[]", ast.SetComp: "{}", ast.DictComp: "{:}"}
_SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)


class Twins:
    """Makes those functions their twins that are inside of `depth - 1` others; all else stays as it is.

    What is inside of such a function stays, too: a script that gets hold of a function has the real one.
    Nodes are not changed but made anew, so that a tree serves for each depth.
    """

    def __init__(self, depth):
        self._depth = depth
        self._is_on = False  # whether calls here are those of a twin
        self._is_iterated = False  # where no variable may be assigned, in what a comprehension goes through
        self._is_seen = False  # whether the function may look at its variables
        self._count = 0
        self._inside = None  # the (name, line) of the function
        self.late = set()  # functions that may wait in generators of theirs, by name and line

    def visit(self, node):
        """The node for a twin; itself where it is the same."""
        visitor = _VISITORS.get(type(node))
        return self._visit_fields(node) if visitor is None else visitor(self, node)

    def _visit_fields(self, node):
        changes = {}
        for field in node._fields:
            old = getattr(node, field, None)
            new = self._visit_value(old)
            if new is not old:
                changes[field] = new
        return node.__replace__(**changes) if changes else node

    def _visit_value(self, old):
        if isinstance(old, ast.AST):
            return self.visit(old)
        if type(old) is not list:
            return old
        new = [self.visit(one) if isinstance(one, ast.AST) else one for one in old]
        return new if any(one is not other for one, other in zip(old, new)) else old

    def _visit_scope(self, node):
        if self._is_on:
            return node
        changes = {"args": self.visit(node.args)}
        if type(node) is not ast.Lambda:
            changes["decorator_list"] = self._visit_value(node.decorator_list)
        if self._depth > 1:
            self._depth -= 1
            changes["body"] = self._visit_value(node.body)
            self._depth += 1
        elif type(node) is not ast.AsyncFunctionDef:
            body = node.body if type(node.body) is list else [node.body]
            if not _yields(body):
                changes["body"] = self._visit_body(node, body)
        changes = {name: new for name, new in changes.items() if new is not getattr(node, name)}
        return node.__replace__(**changes) if changes else node

    def _visit_body(self, node, body):
        first = next(iter(getattr(node, "decorator_list", ())), node)
        self._inside = getattr(node, "name", "<lambda>"), first.lineno
        self._is_on, self._is_seen = True, _mentions(body, _LOOKING)
        try:
            return self._visit_value(node.body)
        finally:
            self._is_on = self._is_seen = False
            self._inside = None

    def _visit_class(self, node):
        return node if self._is_on else self._visit_fields(node)

    def _visit_comprehension(self, node):
        made = self._parts(node, _DISPLAYS[type(node)]) if self._is_on else None
        return self._visit_generator(node) if made is None else made

    def _visit_generator(self, node):
        """What a comprehension goes through is made where the comprehension is, the rest inside of it."""
        if self._is_on:
            first = node.generators[0]
            iterated = self._visit_iterated(first.iter)
            if iterated is first.iter:
                return node
            return node.__replace__(generators=[first.__replace__(iter=iterated), *node.generators[1:]])
        made = self._visit_fields(node)
        inside = [one.__replace__(iter=self._visit_iterated(old.iter)) for one, old in zip(made.generators, node.generators)]
        return made.__replace__(generators=inside)

    def _visit_iterated(self, node):
        before, self._is_iterated = self._is_iterated, True
        made = self.visit(node)
        self._is_iterated = before
        return made

    def _parts(self, node, kind):
        """A comprehension as functions that `gathered` calls; None where they would not be the same, or do not wait."""
        first = node.generators[0]
        if len(node.generators) > 1 or not _can_be_functions(node):
            return None
        is_pair = type(node) is ast.DictComp
        element = _at(ast.Tuple([node.key, node.value], ast.Load()), node) if is_pair else node.elt
        if not any(_may_wait(part) for part in (element, *first.ifs)):
            return None
        names = [one.id for one in ([first.target] if type(first.target) is ast.Name else first.target.elts)]
        count = _at(ast.Constant(0 if type(first.target) is ast.Name else len(names)), node)
        made = self._part(names, element)
        tests = _at(ast.List([self._part(names, test) for test in first.ifs], ast.Load()), node)
        arguments = [_at(ast.Constant(kind), node), self._visit_iterated(first.iter), count, made, tests]
        return _at(ast.YieldFrom(_call(_helped("gathered", node), arguments, node)), node)

    def _part(self, names, expression):
        """A part of a comprehension as a function of its variables."""
        parameters = [_at(ast.arg(HIDDEN), expression), *(_at(ast.arg(name), expression) for name in _different(names))]
        body = self.visit(expression)
        arguments = ast.arguments([], parameters, None, [], [], None, [])
        return _at(ast.Lambda(arguments, body), expression)

    def _visit_annotated(self, node):
        if not self._is_on:
            return self._visit_fields(node)
        return node if node.value is None else node.__replace__(value=self.visit(node.value))

    def _visit_call(self, node):
        if not self._is_on:
            return self._visit_fields(node)
        taken = self._taken(node) if len(node.args) == 1 else None
        made = self._visit_fields(node)
        if not _is_plain(node.func):
            picked = _call(_helped("pick", node.func), [made.func], node)
            called = _at(ast.Call(picked, made.args, made.keywords), node)
            made = self._awaited(called)
        return made if taken is None else _at(ast.IfExp(*taken, made), node)

    def _awaited(self, called):
        return _passed_on("wrap", called) if self._is_iterated or self._is_seen else _passed(called)

    def _taken(self, node):
        """A test, and what `list(f(x) for x in y)` or `list(map(f, y))` is where it is true."""
        given, function = node.args[0], node.func
        is_join = type(function) is ast.Attribute and function.attr == "join" and type(function.value) is ast.Constant
        name = function.id if type(function) is ast.Name else "join" if is_join else None
        if name not in TAKERS and not (is_join and type(function.value.value) is str):
            return None
        if not all(type(word.value) in (ast.Constant, ast.Name, ast.Lambda) for word in node.keywords):
            return None
        if name in ("sum", "max", "min") and any(word.arg != "default" for word in node.keywords):
            return None
        names = [] if is_join else [name]
        if type(given) is ast.GeneratorExp:
            made = self._parts(given, name)
        elif _is_map(given):
            names.append("map")
            rows = [_at(ast.Constant(name), given), *(self.visit(one) for one in given.args)]
            made = _at(ast.YieldFrom(_call(_helped("mapped", given), rows, given)), given)
        else:
            if type(given) is ast.Call and not _is_plain(given.func):
                self.late.add(self._inside)
            return None
        if made is None:
            return None
        tests = [_is_builtin(one, node) for one in names]
        test = tests[0] if len(tests) == 1 else _at(ast.BoolOp(ast.And(), tests), node) if tests else None
        if test is None:
            test = _at(ast.Constant(True), node)
        return test, _at(ast.Call(function, [made], node.keywords), node)

    def _visit_with(self, node):
        made = self._visit_fields(node)
        if not self._is_on:
            return made
        items = [one.__replace__(context_expr=_passed_on("entering", one.context_expr)) for one in made.items]
        return made.__replace__(items=items)

    def _visit_for(self, node):
        called = node.iter
        if not self._is_on:
            return self._visit_fields(node)
        is_repeated = (
            not self._is_seen
            and type(called) is ast.Call
            and type(called.func) is ast.Name
            and called.func.id == "iter"
            and len(called.args) == 2
            and not called.keywords
            and not any(type(one) is ast.Starred for one in called.args)
        )
        if not is_repeated and type(called) is ast.Call and not _is_plain(called.func) and not _is_map(called):
            self.late.add(self._inside)
        made = self._visit_fields(node)
        if not is_repeated:
            return made
        # `for item in iter(queue.get, None)` waits in `queue.get`, which the iterator would call.
        self._count += 1
        name = f".twin{self._count}"
        given = [called.func, *(self.visit(one) for one in called.args)]
        before = _at(ast.Assign([_at(ast.Name(name, ast.Store()), called)], _call(_helped("Repeated", called), given, called)), called)
        moved = _at(ast.Attribute(_at(ast.Name(name, ast.Load()), called), "advanced", ast.Load()), called)
        test = _at(ast.YieldFrom(_call(moved, [], called)), called)
        value = _at(ast.Attribute(_at(ast.Name(name, ast.Load()), called), "value", ast.Load()), called)
        taken = _at(ast.Assign([made.target], value), called)
        loop = _at(ast.While(test, [taken, *made.body], made.orelse), node)
        return _at(ast.If(_at(ast.Constant(True), node), [before, loop], []), node)


def _stays(_twins, node):
    return node


_VISITORS = {
    ast.Name: _stays,
    ast.Constant: _stays,
    ast.FunctionDef: Twins._visit_scope,
    ast.AsyncFunctionDef: Twins._visit_scope,
    ast.Lambda: Twins._visit_scope,
    ast.ClassDef: Twins._visit_class,
    ast.ListComp: Twins._visit_comprehension,
    ast.SetComp: Twins._visit_comprehension,
    ast.DictComp: Twins._visit_comprehension,
    ast.GeneratorExp: Twins._visit_generator,
    ast.AnnAssign: Twins._visit_annotated,
    ast.Call: Twins._visit_call,
    ast.With: Twins._visit_with,
    ast.For: Twins._visit_for,
}


def deepest(tree):
    """How many functions are inside of each other at most."""
    todo, found = [(tree, 0)], 0
    while todo:
        node, depth = todo.pop()
        if isinstance(node, _SCOPES):
            depth += 1
            found = max(found, depth)
        todo += [(one, depth) for one in ast.iter_child_nodes(node)]
    return found


def _different(names):
    """The names of a target; one that is there twice stands for what it has last."""
    return [f".{at}" if name in names[at + 1 :] else name for at, name in enumerate(names)]


def _mentions(body, names):
    """Whether a function has one of these names, but for the functions inside of it."""
    todo = list(body)
    while todo:
        one = todo.pop()
        if type(one) is ast.Name and one.id in names or type(one) is ast.Attribute and one.attr in names:
            return True
        if not isinstance(one, (*_SCOPES, ast.ClassDef)):
            todo += ast.iter_child_nodes(one)
    return False


def _is_builtin(name, place):
    known = _helped(f"builtin_{name}", place)
    return _at(ast.Compare(_at(ast.Name(name, ast.Load()), place), [ast.Is()], [known]), place)


def _is_plain(function):
    if type(function) is ast.Name:
        return function.id in _PLAIN
    if type(function) is ast.Attribute:
        return function.attr in _PLAIN_METHODS or type(function.value) in (ast.Constant, ast.JoinedStr)
    return False


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
        type(target) is ast.Tuple and 2 <= len(target.elts) <= 4 and all(type(one) is ast.Name for one in target.elts)
    ):
        return False
    return not any(
        type(one) in (ast.NamedExpr, ast.Await, ast.Lambda, ast.GeneratorExp) or type(one) is ast.Name and one.id in _OWN
        for part in ast.iter_child_nodes(node)
        for shown in ([part] if type(part) is not ast.comprehension else part.ifs)
        for one in ast.walk(shown)
    )


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
