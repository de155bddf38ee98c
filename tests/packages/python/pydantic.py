from datetime import date, datetime
from enum import Enum
from typing import Dict, List, Literal, Optional, Union
from pydantic import BaseModel, BaseSettings, Field, HttpUrl, ValidationError, constr, root_validator, validator


class Kind(str, Enum):
    a = "a"
    b = "b"


class Owner(BaseModel):
    name: constr(min_length=2)
    born: Optional[date] = None


class Item(BaseModel):
    id: int
    kind: Kind = Kind.a
    mode: Literal["r", "w"] = "r"
    price: float = Field(..., gt=0, description="A price")
    tags: List[str] = []
    owner: Owner
    when: datetime
    extra: Dict[str, Union[int, str]] = {}

    @validator("tags", each_item=True)
    def lower(cls, value):
        return value.lower()


item = Item(id="7", price="2.5", tags=["A", "b"], owner={"name": "Ann", "born": "2000-01-02"}, when="2024-05-06T07:08:09Z", extra={"k": "v"})
print(item, item.json(), item.dict(exclude={"owner"}), item.copy(update={"id": 8}).id)
try:
    Item(id="x", price=-1, mode="z", owner={"name": "A"}, when="never")
except ValidationError as error:
    print(error)
print(Item.schema_json(indent=1))
print(Item.parse_raw(item.json()) == item)
