import asyncio
import httpx


def handle(request):
    if request.url.path == "/old":
        return httpx.Response(302, headers={"Location": "/new"})
    return httpx.Response(200, json={"path": request.url.path, "query": dict(request.url.params), "agent": request.headers["x-agent"]})


with httpx.Client(transport=httpx.MockTransport(handle), base_url="https://api.example.com", headers={"x-agent": "me"}) as client:
    answer = client.get("/old", params={"a": "1 2"}, follow_redirects=True)
    print(answer, answer.json(), [str(past.url) for past in answer.history])
    print(client.build_request("POST", "/x", data={"k": "v"}, files={"f": b"abc"}).headers["content-type"].split(";")[0])


async def main():
    async with httpx.AsyncClient(transport=httpx.MockTransport(handle), headers={"x-agent": "async"}) as client:
        answers = await asyncio.gather(*(client.get(f"http://e.com/{n}") for n in range(3)))
        print([answer.json()["path"] for answer in answers])


asyncio.run(main())
try:
    httpx.Response(503, request=httpx.Request("GET", "http://e.com")).raise_for_status()
except httpx.HTTPStatusError as error:
    print(error)
