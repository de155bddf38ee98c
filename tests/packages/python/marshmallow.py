import datetime
from marshmallow import EXCLUDE, Schema, ValidationError, fields, post_load, validate, validates


class Author(Schema):
    name = fields.Str(required=True)
    email = fields.Email()


class Book(Schema):
    class Meta:
        unknown = EXCLUDE

    title = fields.Str(required=True, validate=validate.Length(min=2))
    price = fields.Decimal(places=2, as_string=True)
    day = fields.Date(load_default=datetime.date(2020, 1, 1))
    kind = fields.Str(validate=validate.OneOf(["a", "b"]))
    author = fields.Nested(Author)
    tags = fields.List(fields.Str())
    count = fields.Method("count_tags")

    def count_tags(self, book):
        return len(book.get("tags", []))


print(Book().load({"title": "T1", "price": "3.456", "author": {"name": "Ann"}, "other": 1}))
print(Book().dump({"title": "T", "day": datetime.date(2024, 5, 6), "tags": ["x", "y"], "price": 2}))
try:
    Book().load({"title": "T", "price": "x", "kind": "c", "author": {"email": "no"}, "tags": [1]})
except ValidationError as error:
    print(error.messages, error.valid_data)
print(Book(many=True, only=("title",)).dumps([{"title": "a"}, {"title": "b"}]))
