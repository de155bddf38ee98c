"""What people do with `httpx`. Arguments: the folder of the packages, the server's port."""

import asyncio
import sys

sys.path.insert(0, sys.argv[1])

import httpx
from concurrent.futures import ThreadPoolExecutor

BASE = f"http://localhost:{sys.argv[2]}"
OPTIONS = {"headers": {"Accept-Encoding": "gzip, deflate"}, "follow_redirects": True, "timeout": 30}


def show(answer):
    headers = {name: value for name, value in answer.headers.items() if name not in ("date", "server")}
    print(answer.status_code, answer.reason_phrase, len(answer.content), answer.content[:20], headers)


def parts():
    yield b"one"
    yield b"two"


show(httpx.get(BASE + "/hello"))
with httpx.Client(**OPTIONS) as client:
    show(client.get(BASE + "/cookies"))
    print(sorted(client.cookies.items()))
    told = client.get(BASE + "/echo", params={"q": "a b"}, headers={"X-Y": "1"}).json()
    print(told["path"], told["headers"])
    print(client.post(BASE + "/echo", json={"a": 1}).json()["body"])
    print(client.post(BASE + "/echo", data={"a": 1}).json()["body"])
    print("content" in client.post(BASE + "/echo", files={"f": ("n.txt", b"content")}).json()["body"])
    print(client.post(BASE + "/echo", content=parts()).json()["body"])
    for path in ("/gzip", "/chunked", "/close"):
        show(client.get(BASE + path))
    with client.stream("GET", BASE + "/big") as answer:
        print(sum(map(len, answer.iter_bytes(1000))))
    with client.stream("GET", BASE + "/gzip") as answer:
        print(b"".join(answer.iter_raw())[:3])
    show(client.head(BASE + "/hello"))
    for status in (204, 304):
        show(client.get(f"{BASE}/status/{status}"))
    answer = client.post(BASE + "/redirect", data={"x": 1})
    print(answer.json()["method"], [one.status_code for one in answer.history])
    answer = client.put(BASE + "/keep", content=b"x")
    print(answer.json()["method"], answer.json()["body"])
    show(client.get(BASE + "/auth", auth=("u", "p")))
    try:
        client.get(BASE + "/status/500").raise_for_status()
    except httpx.HTTPStatusError as error:
        print(type(error).__name__, error.response.status_code)
    try:
        client.get(BASE + "/never", timeout=httpx.Timeout(30, read=0.2))
    except httpx.ReadTimeout as error:
        print(repr(error))
    try:
        client.get("http://localhost:1/")
    except httpx.ConnectError as error:
        print(type(error).__name__)
with httpx.Client(limits=httpx.Limits(max_connections=60), timeout=30) as client, ThreadPoolExecutor(60) as pool:
    print(set(pool.map(lambda _: client.get(BASE + "/meet/60/threads").text, range(60))))


async def parts_later():
    for part in parts():
        yield part


async def main():
    async with httpx.AsyncClient(**OPTIONS) as client:
        show(await client.get(BASE + "/hello"))
        met = await asyncio.gather(*(client.get(BASE + "/meet/20/tasks") for _ in range(20)))
        print({answer.text for answer in met})
        async with client.stream("GET", BASE + "/big") as answer:
            print(sum([len(part) async for part in answer.aiter_bytes(1000)]))
        print((await client.post(BASE + "/echo", content=parts_later())).json()["body"])
        for path in ("/gzip", "/chunked", "/close"):
            show(await client.get(BASE + path))
        try:
            await client.get(BASE + "/never", timeout=httpx.Timeout(30, read=0.2))
        except httpx.ReadTimeout as error:
            print(repr(error))
        try:
            await client.get("http://localhost:1/")
        except httpx.ConnectError as error:
            print(type(error).__name__)
        task = asyncio.create_task(client.get(BASE + "/never"))
        await asyncio.sleep(0.1)
        task.cancel()
        try:
            await task
        except asyncio.CancelledError:
            print("cancelled")
        show(await client.get(BASE + "/hello"))


asyncio.run(main())
