from jinja2 import DictLoader, Environment, StrictUndefined, Template, TemplateSyntaxError, UndefinedError, select_autoescape

environment = Environment(
    loader=DictLoader({
        "base.html": "<title>{% block title %}Base{% endblock %}</title>{% block body %}{% endblock %}",
        "page.html": """{% extends "base.html" %}{% from "macros.html" import row %}
{% block title %}{{ super() }} - {{ title }}{% endblock %}
{% block body %}{% for item in items if item.size %}{{ loop.index }}: {{ row(item) }}{% else %}none{% endfor %}{% endblock %}""",
        "macros.html": "{% macro row(item) %}<li>{{ item.name|title }} {{ '%.1f'|format(item.size) }}</li>{% endmacro %}",
    }),
    autoescape=select_autoescape(), trim_blocks=True, undefined=StrictUndefined,
)
environment.filters["shout"] = lambda text: text.upper() + "!"
print(environment.get_template("page.html").render(title="<A>", items=[{"name": "x y", "size": 1}, {"name": "z", "size": 0}, {"name": "w", "size": 2.25}]))
print(environment.from_string("{{ 'hi'|shout }} {{ [3,1,2]|sort|join(',') }} {{ {'b':1,'a':2}|dictsort }} {{ data|tojson }}").render(data={"k": "<v>"}))
print(Template("{% set ns = namespace(n=0) %}{% for i in range(4) %}{% set ns.n = ns.n + i %}{% endfor %}{{ ns.n }} {{ x|default('d') }}").render())
for source in ("{% if %}", "{{ missing.name }}"):
    try:
        environment.from_string(source).render()
    except (TemplateSyntaxError, UndefinedError) as error:
        print(type(error).__name__, error)
