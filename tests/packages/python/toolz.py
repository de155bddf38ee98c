from operator import add
import toolz
from toolz import compose, curry, pipe
from toolz.curried import filter as keep, map as apply

print(pipe(range(10), keep(lambda n: n % 2), apply(lambda n: n * n), list), compose(str, abs)(-3))
print(toolz.groupby(len, ["a", "bb", "c"]), toolz.countby(str.isupper, "aBc"), toolz.frequencies("abca"))
print(toolz.merge_with(sum, {"a": 1}, {"a": 2, "b": 3}), toolz.get_in(["a", 0, "b"], {"a": [{"b": 5}]}), toolz.update_in({"n": {"m": 1}}, ["n", "m"], lambda n: n + 1))
print(list(toolz.partition_all(2, range(5))), list(toolz.sliding_window(2, "abc")), list(toolz.take(3, toolz.iterate(lambda n: n * 2, 1))), toolz.reduceby(len, add, ["a", "bb", "c"], ""))
print(list(toolz.interleave([[1, 2], [3, 4]])), list(toolz.unique("abcab")), list(toolz.accumulate(add, [1, 2, 3])), toolz.valmap(str, {"a": 1}), toolz.assoc({}, "k", 1))


@curry
def power(base, exponent):
    return base**exponent


print(power(2)(5), power(exponent=2)(3), toolz.memoize(lambda n: n + 1)(4), list(toolz.join("id", [{"id": 1}], "key", [{"key": 1}])) if False else toolz.first("xy"))
