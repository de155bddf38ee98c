from pygments import highlight, lex
from pygments.formatters import HtmlFormatter, NullFormatter, Terminal256Formatter, TerminalFormatter
from pygments.lexers import get_lexer_by_name, get_lexer_for_filename, guess_lexer, PythonLexer
from pygments.styles import get_all_styles
from pygments.util import ClassNotFound

code = 'def greet(name: str) -> None:\n    """Doc."""\n    print(f"hi {name}", 0x1F)  # note\n'
print(highlight(code, PythonLexer(), HtmlFormatter(linenos="table", cssclass="c")))
print(repr(highlight(code, PythonLexer(), TerminalFormatter())))
print([(str(kind), text) for kind, text in lex("SELECT a FROM b;", get_lexer_by_name("sql"))])
print(get_lexer_for_filename("x.rs").name, guess_lexer("#!/bin/bash\necho hi").name, len(list(get_all_styles())) > 20)
print(highlight("{\"a\": [1, true]}", get_lexer_by_name("json"), Terminal256Formatter(style="monokai")).encode())
print(HtmlFormatter(style="friendly").get_style_defs(".x").splitlines()[:6])
try:
    get_lexer_by_name("none")
except ClassNotFound as error:
    print(error)
