"""A place that is not granted. Arguments: the folder of the packages, the server's port."""

import asyncio
import sys
import urllib.request

sys.path.insert(0, sys.argv[1])

import aiohttp
import httpx
import requests


async def by_httpx(url):
    async with httpx.AsyncClient() as client:
        return (await client.get(url)).status_code


async def by_aiohttp(url):
    async with aiohttp.ClientSession() as session, session.get(url) as answer:
        return answer.status


def attempt(what, act):
    try:
        print(what, act())
    except Exception as error:
        name = f"{type(error).__module__}.{type(error).__name__}"
        cause = error
        while cause is not None and "not granted" not in str(cause):
            cause = cause.__cause__ or cause.__context__
        print(what, name, "in its words" if cause is error else "in its cause's words" if cause else "without words")


for url in (f"http://localhost:{sys.argv[2]}/hello", "https://api.test/", "http://192.0.2.1:8080/"):
    print(url.partition("//")[2].partition(":")[0].rstrip("/"))
    attempt("  requests", lambda: requests.get(url).status_code)
    attempt("  httpx", lambda: httpx.get(url).status_code)
    attempt("  httpx, asynchronous", lambda: asyncio.run(by_httpx(url)))
    attempt("  aiohttp", lambda: asyncio.run(by_aiohttp(url)))
    attempt("  urllib.request", lambda: urllib.request.urlopen(url).status)
