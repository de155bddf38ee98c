from flask import Flask, abort, g, jsonify, render_template_string, request, session, url_for

app = Flask("demo")
app.secret_key = "key"


@app.get("/hello/<name>")
def hello(name):
    return render_template_string("<p>Hello {{ name|upper }} {{ url_for('items', page=2) }}</p>", name=name)


@app.route("/items", methods=["GET", "POST"])
def items():
    if request.method == "POST":
        session["last"] = request.get_json()["name"]
        return jsonify(saved=session["last"]), 201
    return {"page": request.args.get("page", type=int), "last": session.get("last")}


@app.errorhandler(404)
def missing(error):
    return {"error": error.description}, 404


with app.test_client() as client:
    print(client.get("/hello/<bob>").text)
    print(client.post("/items", json={"name": "x"}).status, client.get("/items?page=3").json)
    print(client.get("/none").json, client.put("/items").status_code)
print(sorted(str(rule) for rule in app.url_map.iter_rules()))
