import collections
import decimal
import simplejson as json

print(json.dumps({"b": decimal.Decimal("1.10"), "a": [1, None, True], "é": "\u2028<"}, sort_keys=True, use_decimal=True))
print(json.loads('{"x": 1.10, "y": [1e400]}', use_decimal=True), json.loads('{"b": 1, "a": 2}', object_pairs_hook=collections.OrderedDict))
print(json.dumps([1, {"k": (2, 3)}], indent=2), json.dumps("é</script>", ensure_ascii=False, for_json=True), json.dumps(float("nan"), ignore_nan=True))
print(json.dumps({1: 2, None: 3}), json.dumps(collections.namedtuple("P", "x y")(1, 2)), json.dumps(iter([1, 2]), iterable_as_array=True))
for text in ('{"a": 1,}', "[1, 2", '"\\x"', ""):
    try:
        json.loads(text)
    except json.JSONDecodeError as error:
        print(error, error.pos)
try:
    json.dumps(object, default=None)
except TypeError as error:
    print(error)
