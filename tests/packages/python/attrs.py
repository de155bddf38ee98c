import attr
import attrs
from attrs import define, evolve, field, frozen, validators


@define
class Item:
    name: str = field()
    size: int = field(default=0, converter=int, validator=validators.ge(0))
    tags: list = field(factory=list, repr=False)

    @name.validator
    def check(self, attribute, value):
        if not value:
            raise ValueError(f"{attribute.name} is empty")


@frozen
class Point:
    x: float
    y: float = field(eq=False)


@attr.s(auto_attribs=True, order=True)
class Old:
    a: int = 1


item = Item("a", "3", ["t"])
print(item, attrs.asdict(item), evolve(item, size=5), Point(1, 2) == Point(1, 3), Old(1) < Old(2))
for make in (lambda: Item("", 1), lambda: Item("a", -1), lambda: Item(), lambda: setattr(Point(1, 2), "x", 3), lambda: setattr(item, "other", 1)):
    try:
        make()
    except Exception as error:
        print(type(error).__name__, str(error).split("\n")[0])
print([(one.name, one.type) for one in attrs.fields(Item)], attrs.make_class("C", ["x"])(1))
