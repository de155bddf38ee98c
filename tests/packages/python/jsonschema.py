import jsonschema
from jsonschema import Draft7Validator, Draft202012Validator, FormatChecker, RefResolver, ValidationError, validate

schema = {
    "$schema": "https://json-schema.org/draft/2020-12/schema", "type": "object", "required": ["name", "size"],
    "properties": {"name": {"type": "string", "pattern": "^[a-z]+$"}, "size": {"$ref": "#/$defs/size"}, "tags": {"type": "array", "items": {"enum": ["a", "b"]}, "uniqueItems": True}},
    "$defs": {"size": {"type": "integer", "minimum": 1}}, "additionalProperties": False,
}
validate({"name": "abc", "size": 2, "tags": ["a"]}, schema)
for error in sorted(Draft202012Validator(schema).iter_errors({"name": "A1", "size": 0, "tags": ["c", "c"], "x": 1}), key=str):
    print(error.json_path, error.validator, error.message)
try:
    validate({"name": "x"}, schema)
except ValidationError as error:
    print(error)
print(Draft7Validator({"type": "string", "format": "ipv4"}, format_checker=FormatChecker()).is_valid("300.1.1.1"))
try:
    Draft202012Validator.check_schema({"type": "nothing"})
except jsonschema.SchemaError as error:
    print(error.message)
print(jsonschema.validators.validator_for(schema).__name__)
