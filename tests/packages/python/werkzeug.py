from werkzeug.datastructures import Headers, MultiDict
from werkzeug.exceptions import NotFound
from werkzeug.routing import Map, Rule
from werkzeug.security import check_password_hash, generate_password_hash
from werkzeug.test import Client, EnvironBuilder
from werkzeug.utils import secure_filename
from werkzeug.wrappers import Request, Response

routes = Map([Rule("/", endpoint="index"), Rule("/user/<int:id>", endpoint="user")])


@Request.application
def app(request):
    adapter = routes.bind_to_environ(request.environ)
    try:
        endpoint, values = adapter.match()
    except NotFound as error:
        return error
    response = Response(f"{endpoint} {values} {request.args.to_dict()} {request.form.get('k')}", mimetype="text/plain")
    response.set_cookie("c", "v", max_age=60, httponly=True, expires=0)
    return response


client = Client(app)
answer = client.post("/user/7?x=1", data={"k": "v"})
print(answer.status, answer.text, answer.headers["Set-Cookie"])
print(client.get("/none").status_code, client.get("/").content_type)
print(secure_filename("../../etc/pass wd"), check_password_hash(generate_password_hash("pw", "pbkdf2:sha256:10"), "pw"))
print(MultiDict([("a", "1"), ("a", "2")]).getlist("a"), Headers({"X-A": "1"}).get("x-a"), EnvironBuilder(path="/p", query_string="q=1").get_environ()["QUERY_STRING"])
