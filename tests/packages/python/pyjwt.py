import datetime
import jwt

claims = {"sub": "42", "exp": datetime.datetime(2100, 1, 1, tzinfo=datetime.timezone.utc), "aud": "app", "roles": ["a"]}
token = jwt.encode(claims, "a secret of more than thirty-two bytes", algorithm="HS256", headers={"kid": "k1"})
print(token, jwt.get_unverified_header(token))
print(jwt.decode(token, "a secret of more than thirty-two bytes", algorithms=["HS256"], audience="app"))
for arguments in (("other secret of more than thirty-two bytes", "app"), ("a secret of more than thirty-two bytes", "else")):
    try:
        jwt.decode(token, arguments[0], algorithms=["HS256"], audience=arguments[1])
    except jwt.InvalidTokenError as error:
        print(type(error).__name__, error)
old = jwt.encode({"exp": 1}, "k" * 32)
for call in (lambda: jwt.decode(old, "k" * 32, algorithms=["HS256"]), lambda: jwt.decode("x.y", "k" * 32, algorithms=["HS256"]), lambda: jwt.encode({}, "key", algorithm="RS256")):
    try:
        print(call())
    except Exception as error:
        print(type(error).__name__, error)
print(jwt.decode(old, options={"verify_signature": False}), jwt.PyJWK({"kty": "oct", "k": "c2VjcmV0", "alg": "HS256"}).key)
