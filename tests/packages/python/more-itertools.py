import more_itertools as mit

print(list(mit.chunked(range(7), 3)), list(mit.windowed([1, 2, 3, 4], 2)), list(mit.flatten([[1], [2, 3]])))
print(mit.first([], default=0), mit.one([5]), mit.ilen(iter("abc")), list(mit.unique_everseen("abcab")), mit.all_equal("aaa"))
print(mit.bucket(["a1", "b1", "a2"], key=lambda text: text[0])["a"].__next__(), list(mit.collapse([1, [2, [3]]])), list(mit.interleave_longest([1, 2], [3])))
peek = mit.peekable([1, 2, 3])
print(peek.peek(), next(peek), list(mit.split_at("a,b", lambda char: char == ",")), list(mit.consecutive_groups([1, 2, 5]).__next__()))
print(mit.map_reduce(["aa", "b", "cc"], len, str.upper, tuple), list(mit.sliced("abcdef", 4)), list(mit.distinct_permutations([1, 1, 2])))
print([list(part) for part in mit.divide(3, range(8))], list(mit.set_partitions("abc", 2)), mit.minmax([3, 1, 2]), list(mit.batched("abcde", 2)) if hasattr(mit, "batched") else "")
try:
    mit.one([1, 2])
except ValueError as error:
    print(error)
