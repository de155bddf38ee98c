import cachetools
from cachetools import LFUCache, LRUCache, TTLCache, cached, cachedmethod, keys

clock = [0.0]
cache = TTLCache(maxsize=2, ttl=10, timer=lambda: clock[0])
cache["a"] = 1
clock[0] = 5
cache["b"] = 2
clock[0] = 11
print("a" in cache, dict(cache), cache.currsize)
lru = LRUCache(maxsize=2)
lru.update(a=1, b=2)
lru["a"]
lru["c"] = 3
print(sorted(lru), LFUCache(2).maxsize, lru)
calls = []


@cached(cache=LRUCache(8), key=lambda n: keys.hashkey(n % 3), info=True)
def slow(n):
    calls.append(n)
    return n * 10


print([slow(n) for n in range(6)], calls, slow.cache_info())
try:
    LRUCache(1, getsizeof=len)["k"] = "too long"
except ValueError as error:
    print(error)
