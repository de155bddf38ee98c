"""Uses of a call as if it were its answer: errors that name the missing `await`."""

from . import kept as __builtins__

import opcode
import sys

_YIELD_FROM = opcode.opmap["GET_YIELD_FROM_ITER"]

_OPERATORS = """
    getitem setitem delitem contains len add radd sub rsub mul rmul truediv rtruediv floordiv rfloordiv
    mod rmod or ror and rand lt le gt ge int float index aiter
""".split()


class Unanswered:
    """What a tool call is besides a future. `described` says which call it is."""

    def described(self):
        """`call of ns.tool at line 3`"""
        raise NotImplementedError

    def is_unawaited(self):
        """Whether nobody has awaited it yet."""
        raise NotImplementedError

    def _refuse(self, *_):
        raise TypeError(f"the {self.described()} is not its answer; write `await` before it")

    def __getattr__(self, name):
        if name.startswith("_"):
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}", name=name, obj=self)
        self._refuse()

    def __bool__(self):
        if self.is_unawaited():
            self._refuse()
        return True

    def __iter__(self):
        # `yield from call`, in a generator of `types.coroutine`, is an `await`.
        caller = sys._getframe(1)
        if caller.f_code.co_code[caller.f_lasti] != _YIELD_FROM:
            self._refuse()
        return self.__await__()

    def __repr__(self):
        if self.is_unawaited():
            return f"<{self.described()}, not awaited: write `await` before it>"
        return super().__repr__()


for _name in _OPERATORS:
    setattr(Unanswered, f"__{_name}__", Unanswered._refuse)
