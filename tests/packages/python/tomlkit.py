import tomlkit
from tomlkit.exceptions import ParseError

text = """# top
title = "T" # trailing

[tool.demo]
list = [
    1, # one
    2,
]
when = 2024-05-06T07:08:09Z
inline = {a = 1, b = "x"}

[[items]]
name = "first"
"""
document = tomlkit.parse(text)
print(document["title"], document["tool"]["demo"]["list"][1], document.unwrap())
document["title"] = "New"
document["tool"]["demo"]["list"].append(3)
document["tool"]["demo"].add("added", True)
item = tomlkit.table()
item["name"] = "second"
document["items"].append(item)
del document["tool"]["demo"]["inline"]["a"]
print(tomlkit.dumps(document))
fresh = tomlkit.document()
fresh.add(tomlkit.comment("made"))
fresh.add("a", tomlkit.item({"b": [1.5, None is None]}))
print(fresh.as_string())
for bad in ("a = ", "a = 1\na = 2", "[x"):
    try:
        tomlkit.parse(bad)
    except Exception as error:
        print(type(error).__name__, error)
