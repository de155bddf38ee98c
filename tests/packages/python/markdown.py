import markdown
from markdown.extensions.toc import TocExtension

text = """# Title

Some *text* with `code`, a [link](http://e.com "t") and a footnote[^1].

Name | Size
---- | ---:
a    | 1

```python
print("<x>")
```

1. one
2. two
    - nested

Term
:   Definition

[^1]: The note.
"""
print(markdown.markdown(text))
print(markdown.markdown(text, extensions=["extra", "sane_lists", "nl2br", "codehilite"]))
reader = markdown.Markdown(extensions=["meta", TocExtension(permalink=True)])
print(reader.convert("title: T\n\n# One\n\n## Two"), reader.Meta, reader.toc)
