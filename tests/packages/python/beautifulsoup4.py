from bs4 import BeautifulSoup

html = """<html><head><title>Page</title></head><body>
<div id="main" class="box wide"><h1>Head &amp; tail</h1><p>One <b>bold</b> <a href="/a">link</a></p>
<ul><li>1</li><li class="x">2</li></ul><script>var a = 1;</script></div><table><tr><td>c</td></tr></table>"""
soup = BeautifulSoup(html, "html.parser")
print(soup.title.string, soup.find("div")["class"], [a["href"] for a in soup.find_all("a", href=True)])
print(soup.select_one("ul > li.x").get_text(), len(soup.select("#main li:nth-child(odd)")))
for tag in soup(["script", "style"]):
    tag.decompose()
print(soup.get_text(" ", strip=True))
soup.h1.string.replace_with("New")
soup.p.append(soup.new_tag("br"))
print(soup.prettify())
print(BeautifulSoup("<p>a<p>b", "html5lib").body)
