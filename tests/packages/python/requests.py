import requests
from requests.adapters import BaseAdapter
from requests.auth import HTTPBasicAuth

request = requests.Request(
    "POST", "https://api.example.com/items?page=1", params={"q": "a b", "tag": ["x", "y"]},
    json={"name": "é"}, auth=HTTPBasicAuth("user", "pass"), cookies={"k": "v"},
).prepare()
print(request.method, request.url, dict(request.headers), request.body)
upload = requests.Request("POST", "http://e.com", files={"f": ("a.txt", b"hello", "text/plain")}, data={"k": "v"}).prepare()
print(len(upload.body), upload.headers["Content-Type"].split(";")[0])


class Canned(BaseAdapter):
    def send(self, request, **kwargs):
        response = requests.Response()
        response.status_code, response.url, response.request = 404, request.url, request
        response._content, response.headers["Content-Type"] = b'{"error": "none"}', "application/json; charset=utf-8"
        return response

    def close(self):
        pass


session = requests.Session()
session.mount("https://", Canned())
session.headers.update({"X-Token": "t"})
answer = session.get("https://api.example.com/x", params={"n": 1})
print(answer, answer.ok, answer.json(), answer.encoding, answer.request.headers["X-Token"])
try:
    answer.raise_for_status()
except requests.HTTPError as error:
    print(error)
