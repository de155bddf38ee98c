import asyncio
import json
from typing import Optional
from fastapi import Depends, FastAPI, HTTPException, Query
from pydantic import BaseModel

app = FastAPI(title="Demo", version="1.0")


class Item(BaseModel):
    name: str
    price: float = 1.0
    tags: list[str] = []


async def common(q: Optional[str] = Query(None, max_length=5)):
    return q


@app.get("/items/{item_id}")
async def read(item_id: int, q=Depends(common)):
    if item_id == 0:
        raise HTTPException(404, "none")
    return {"id": item_id, "q": q}


@app.post("/items", response_model=Item, status_code=201)
async def make(item: Item):
    return item


async def ask(method, path, query=b"", body=b""):
    sent = []

    async def receive():
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message):
        sent.append(message)

    headers = [(b"content-type", b"application/json")]
    scope = {"type": "http", "method": method, "path": path, "raw_path": path.encode(), "root_path": "", "scheme": "http", "query_string": query, "headers": headers, "server": ("e", 80), "client": ("c", 1), "http_version": "1.1"}
    await app(scope, receive, send)
    print(sent[0]["status"], sent[1]["body"].decode())


async def main():
    await ask("GET", "/items/3", b"q=ab")
    await ask("GET", "/items/0")
    await ask("GET", "/items/x", b"q=abcdef")
    await ask("POST", "/items", body=b'{"name": "n", "price": "2.5"}')
    await ask("POST", "/items", body=b"{}")


asyncio.run(main())
print(json.dumps(app.openapi())[:400])
