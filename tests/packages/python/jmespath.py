import jmespath
from jmespath import functions
from jmespath.exceptions import JMESPathError

data = {"people": [{"name": "ann", "age": 30, "tags": ["x"]}, {"name": "bob", "age": 20}, {"name": "cy", "age": 41, "tags": ["y", "z"]}]}
for query in ("people[*].name", "people[?age > `25`].{n: name, t: tags[0]}", "sort_by(people, &age)[-1].name", "people[].tags[]", "length(people)", "people[::-1].age | [0]", "max_by(people, &age).name", "join(', ', people[*].name)", "people[?contains(name, 'b')]"):
    print(query, jmespath.search(query, data))


class Own(functions.Functions):
    @functions.signature({"types": ["string"]})
    def _func_shout(self, text):
        return text.upper()


print(jmespath.search("shout(people[0].name)", data, options=jmespath.Options(custom_functions=Own())), jmespath.compile("a.b").parsed["type"])
for query in ("people[", "unknown(@)", "abs('x')"):
    try:
        jmespath.search(query, data)
    except JMESPathError as error:
        print(type(error).__name__, error)
