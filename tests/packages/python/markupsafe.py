import markupsafe
from markupsafe import Markup, escape, escape_silent, soft_str

print(escape("<a href='x'>\"&\"</a>"), repr(escape_silent(None)), escape(Markup("<b>")), type(escape(1)).__name__)
print(Markup("<em>%s</em> %d") % ("<x>", 3), Markup("<p>{0.real}</p>{name}").format(5, name="<n>"), Markup("<b>a</b>") + "<c>")
print(Markup("<p>x &amp; <b>y</b><!-- c --></p>").striptags(), Markup("&lt;&eacute;").unescape(), Markup(" ").join(["<", ">"]))


class Own:
    def __html__(self):
        return "<own>"


print(escape(Own()), Markup.escape("<>"), soft_str(Markup("a")), Markup("ab")[0] * 2, Markup("a<b").split("<"), markupsafe._native._escape_inner("<"))
