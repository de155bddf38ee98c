"""A server that the host trusts, or not. Arguments: the folder of the packages, the server's port."""

import asyncio
import socket
import ssl
import sys
import urllib.request
import warnings

sys.path.insert(0, sys.argv[1])

import aiohttp
import httpx
import requests

warnings.simplefilter("ignore")
BASE = f"https://localhost:{sys.argv[2]}"


async def by_httpx():
    async with httpx.AsyncClient(timeout=30) as client:
        return {answer.text for answer in await asyncio.gather(*(client.get(BASE + "/meet/5/httpx") for _ in range(5)))}


async def by_aiohttp():
    async with aiohttp.ClientSession() as session:
        async def one():
            async with session.get(BASE + "/meet/5/aiohttp") as answer:
                return await answer.text()

        return set(await asyncio.gather(*(one() for _ in range(5))))


async def by_streams():
    reader, writer = await asyncio.open_connection("localhost", int(sys.argv[2]), ssl=True)
    writer.write(b"GET /hello HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    answer = await reader.read()
    writer.close()
    return answer[-5:]


def by_socket():
    place = "localhost", int(sys.argv[2])
    context = ssl.create_default_context()
    with socket.create_connection(place) as plain, context.wrap_socket(plain, server_hostname=place[0]) as secured:
        secured.sendall(b"GET /hello HTTP/1.0\r\n\r\n")
        answer = b""
        while part := secured.recv(1000):
            answer += part
        return answer[-5:], secured.getpeercert()


def by_another_name():
    with socket.create_connection(("localhost", int(sys.argv[2]))) as plain:
        return ssl.create_default_context().wrap_socket(plain, server_hostname="other.test")


def attempt(what, act):
    try:
        print(what, act())
    except Exception as error:
        reason = str(error).replace(sys.argv[2], "PORT")
        for words in ("nobody who is trusted signed it", "not the host that is connected to"):
            if words in reason:
                reason = words
        print(what, f"{type(error).__module__}.{type(error).__name__}:", reason)


attempt("requests", lambda: requests.get(BASE + "/hello").text)
attempt("requests, verify=False", lambda: requests.get(BASE + "/hello", verify=False).text)
attempt("requests, cert=", lambda: requests.get(BASE + "/hello", cert=sys.argv[1] + "/certifi/cacert.pem").text)
attempt("httpx", lambda: httpx.get(BASE + "/hello").text)
attempt("httpx, asynchronous", lambda: asyncio.run(by_httpx()))
attempt("aiohttp", lambda: asyncio.run(by_aiohttp()))
attempt("streams", lambda: asyncio.run(by_streams()))
attempt("urllib.request", lambda: urllib.request.urlopen(BASE + "/hello").read())
attempt("socket", by_socket)
attempt("another name", by_another_name)
