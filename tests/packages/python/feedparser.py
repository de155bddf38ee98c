import feedparser

rss = """<?xml version="1.0" encoding="utf-8"?><rss version="2.0"><channel><title>News &amp; more</title><link>http://e.com</link>
<item><title>One</title><link>/1</link><description>&lt;p onclick="x"&gt;Hi &lt;b&gt;there&lt;/b&gt;&lt;script&gt;x&lt;/script&gt;&lt;/p&gt;</description><pubDate>Mon, 06 May 2024 07:08:09 GMT</pubDate><guid>g1</guid></item>
<item><title>Two</title></item></channel></rss>"""
feed = feedparser.parse(rss)
print(feed.version, feed.bozo, feed.feed.title, feed.feed.link, len(feed.entries))
for entry in feed.entries:
    print(entry.title, entry.get("link"), entry.get("summary"), entry.get("published_parsed"), entry.get("id"))
atom = feedparser.parse('<feed xmlns="http://www.w3.org/2005/Atom"><title>A</title><entry><title type="html">&lt;i&gt;T&lt;/i&gt;</title><updated>2024-05-06T07:08:09+02:00</updated><link href="http://e.com/x" rel="alternate"/><author><name>Ann</name></author></entry></feed>')
print(atom.version, atom.entries[0].title, tuple(atom.entries[0].updated_parsed)[:6], atom.entries[0].author, atom.entries[0].links)
broken = feedparser.parse("<rss><channel><title>x</channel>")
print(broken.bozo, type(broken.bozo_exception).__name__, broken.feed)
