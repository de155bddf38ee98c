import asyncio
import aiohttp
from aiohttp import web
from multidict import CIMultiDict
from yarl import URL


async def hello(request):
    return web.json_response({"name": request.match_info["name"]})


async def main():
    timeout = aiohttp.ClientTimeout(total=5)
    async with aiohttp.ClientSession(base_url="http://example.com/", headers={"A": "b"}, timeout=timeout) as session:
        print(session.closed, session.headers, session.timeout.total)
    print(session.closed)
    form = aiohttp.FormData({"k": "v"})
    print(form()._value)


asyncio.run(main())
app = web.Application()
app.router.add_get("/hello/{name}", hello)
print([route.method for route in app.router.routes()], app.router.named_resources())
print(URL("http://e.com/a/../b?x=1").with_query(y=2) / "c", CIMultiDict(A="1", a="2").getall("A"))
print(aiohttp.BasicAuth("u", "p").encode(), aiohttp.http.HttpVersion11, aiohttp.WSMsgType.TEXT)
print(issubclass(aiohttp.ClientConnectorError, aiohttp.ClientError), aiohttp.helpers.parse_mimetype("text/html; charset=utf-8"))
