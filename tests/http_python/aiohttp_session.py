"""What people do with the client of `aiohttp`. Arguments: the folder of the packages, the server's port."""

import asyncio
import sys

sys.path.insert(0, sys.argv[1])

import aiohttp

BASE = f"http://localhost:{sys.argv[2]}"


async def show(answer):
    body = await answer.read()
    headers = {name.lower(): value for name, value in answer.headers.items() if name.lower() not in ("date", "server")}
    print(answer.status, answer.reason, len(body), body[:20], headers)


async def parts():
    yield b"one"
    yield b"two"


async def meet(session):
    async with session.get(BASE + "/meet/20/aiohttp") as answer:
        return await answer.text()


async def main():
    async with aiohttp.ClientSession(headers={"Accept-Encoding": "gzip, deflate"}) as session:
        async with session.get(BASE + "/hello") as answer:
            print(await answer.text())
            await show(answer)
        async with session.get(BASE + "/cookies") as answer:
            print(answer.headers.getall("Set-Cookie"))
        async with session.get(BASE + "/echo", params={"q": "a b"}, headers={"X-Y": "1"}) as answer:
            print(await answer.json())
        form = aiohttp.FormData()
        form.add_field("f", b"content", filename="n.txt")
        for options in ({"json": {"a": 1}}, {"data": parts()}, {"data": b"abc", "expect100": True}):
            async with session.post(BASE + "/echo", **options) as answer:
                print((await answer.json())["body"])
        async with session.post(BASE + "/echo", data=form) as answer:
            print("content" in (await answer.json())["body"])
        for path in ("/gzip", "/chunked", "/close", "/status/204", "/status/304", "/status/418"):
            async with session.get(BASE + path) as answer:
                await show(answer)
        async with session.head(BASE + "/hello") as answer:
            await show(answer)
        async with session.get(BASE + "/redirect") as answer:
            print((await answer.json())["method"], [one.status for one in answer.history])
        async with session.get(BASE + "/big") as answer:
            print(sum([len(part) async for part in answer.content.iter_chunked(1000)]))
        async with session.get(BASE + "/auth", headers={"Authorization": "Basic dTpw"}) as answer:
            await show(answer)
        print(set(await asyncio.gather(*(meet(session) for _ in range(20)))))
        try:
            async with session.get(BASE + "/status/500", raise_for_status=True):
                pass
        except aiohttp.ClientResponseError as error:
            print(type(error).__name__, error.status)
        try:
            await session.get(BASE + "/never", timeout=aiohttp.ClientTimeout(sock_read=0.2))
        except asyncio.TimeoutError as error:
            print(type(error).__name__)
        try:
            await session.get("http://localhost:1/")
        except aiohttp.ClientConnectorError as error:
            print(type(error).__name__)
        # Asks for nothing of the standard library's that the libraries do not.
        reader, writer = await asyncio.open_connection("localhost", int(sys.argv[2]))
        writer.write(b"GET /hello HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        print((await reader.read())[-5:])
        writer.close()


asyncio.run(main())
