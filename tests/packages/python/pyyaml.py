import yaml

text = """
name: demo
tags: [a, b, "c: d"]
nested: {x: 1, y: 2.5, z: null, on: true}
date: 2024-05-06
when: 2024-05-06T07:08:09Z
text: |
  line one
  line two
base: &base {k: v}
derived: {<<: *base, m: n}
"""
data = yaml.safe_load(text)
print(data)
print(yaml.safe_dump(data, sort_keys=False, allow_unicode=True, indent=2))
print(yaml.dump({"b": [1, {"c": "é\n"}], "a": "yes"}, default_flow_style=None))
print(list(yaml.safe_load_all("a: 1\n---\nb: 2\n")), yaml.__with_libyaml__)
try:
    yaml.safe_load("a: [1, 2\nb: }")
except yaml.YAMLError as error:
    print(error)
