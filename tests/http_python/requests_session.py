"""What people do with `requests`. Arguments: the folder of the packages, the server's port."""

import io
import sys

sys.path.insert(0, sys.argv[1])

import requests
from concurrent.futures import ThreadPoolExecutor
from requests.adapters import HTTPAdapter
from urllib3.util import Retry

BASE = f"http://localhost:{sys.argv[2]}"


def show(answer):
    headers = {name.lower(): value for name, value in answer.headers.items() if name.lower() not in ("date", "server")}
    print(answer.status_code, answer.reason, len(answer.content), answer.content[:20], headers)


show(requests.get(BASE + "/hello"))
session = requests.Session()
session.headers["Accept-Encoding"] = "gzip, deflate"
show(session.get(BASE + "/cookies"))
print(sorted(session.cookies.items()))
print(session.get(BASE + "/echo", params={"q": "a b"}, headers={"X-Y": "1"}).json())
print(session.post(BASE + "/echo", json={"a": 1}).json())
print(session.post(BASE + "/echo", data={"a": 1}).json()["body"])
told = session.post(BASE + "/echo", files={"f": ("n.txt", io.BytesIO(b"content"))}).json()
print(told["headers"]["content-type"].partition("=")[0], "content" in told["body"])
print(session.post(BASE + "/echo", data=(part for part in [b"one", b"two"])).json()["body"])
for path in ("/gzip", "/chunked", "/close"):
    show(session.get(BASE + path))
with session.get(BASE + "/gzip", stream=True) as answer:
    print(answer.raw.read(3), answer.raw.headers["content-encoding"])
with session.get(BASE + "/big", stream=True) as answer:
    print(sum(map(len, answer.iter_content(1000))), answer.headers["content-length"])
with session.get(BASE + "/chunked", stream=True) as answer:
    print(b"".join(answer.raw.stream(4)))
with session.get(BASE + "/big", stream=True) as answer:
    print(answer.raw.read(10), "then the rest is left")
show(session.head(BASE + "/hello"))
for status in (204, 304, 418):
    show(session.get(f"{BASE}/status/{status}"))
answer = session.post(BASE + "/redirect", data=b"x")
print(answer.json()["method"], answer.url.removeprefix(BASE), [one.status_code for one in answer.history])
answer = session.put(BASE + "/keep", data=b"x")
print(answer.json()["method"], answer.json()["body"])
show(session.get(BASE + "/auth"))
show(session.get(BASE + "/auth", auth=("u", "p")))
try:
    session.get(BASE + "/status/500").raise_for_status()
except requests.HTTPError as error:
    print(type(error).__name__, error.response.status_code)
session.mount("http://", HTTPAdapter(max_retries=Retry(total=5, status_forcelist=[503])))
show(session.get(BASE + "/flaky"))
try:
    requests.get(BASE + "/never", timeout=(30, 0.2))
except requests.exceptions.ReadTimeout as error:
    print(type(error).__name__, "Read timed out" in str(error))
try:
    requests.get("http://localhost:1/")
except requests.exceptions.ConnectionError as error:
    print(type(error).__name__, type(error.args[0].reason).__name__)
answer = session.post(BASE + "/echo", data=b"y" * 100, headers={"Expect": "100-continue"})
print(answer.status_code, len(answer.json()["body"]))
# More threads than may wait on top of each other.
with ThreadPoolExecutor(60) as pool:
    print(set(pool.map(lambda _: requests.get(BASE + "/meet/60/requests").text, range(60))))
