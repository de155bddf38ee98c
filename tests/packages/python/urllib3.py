import io
import urllib3
from urllib3.util import Retry, Timeout, parse_url
from urllib3.filepost import encode_multipart_formdata
from urllib3.response import HTTPResponse

print(parse_url("https://user@example.com:8443/a/b?x=1#f"))
print(urllib3.make_headers(basic_auth="a:b", keep_alive=True, user_agent="me", accept_encoding=["gzip"]))
body, kind = encode_multipart_formdata({"k": "v", "f": ("a.txt", b"abc")}, boundary="XX")
print(kind, body)
answer = HTTPResponse(io.BytesIO(b'{"a": 1}'), headers={"Content-Type": "application/json"}, status=200, preload_content=False)
print(answer.status, answer.json(), answer.headers["content-type"])
retry = Retry(total=3, backoff_factor=0.5, status_forcelist=[503], allowed_methods=["GET"])
print(retry, retry.is_retry("GET", 503), retry.increment("GET", "/", error=None, response=HTTPResponse(status=503)).total)
print(Timeout(connect=1, read=2))
pool = urllib3.PoolManager(num_pools=2, retries=False)
print(pool.connection_from_url("http://example.com/x").host)
urllib3.disable_warnings(urllib3.exceptions.InsecureRequestWarning)
