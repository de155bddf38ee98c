import google.auth
from google.auth import jwt
from google.auth.exceptions import DefaultCredentialsError
from google.oauth2 import service_account
from google.oauth2.credentials import Credentials
import os
import rsa

os.environ["NO_GCE_CHECK"] = "true"
# A key of its own, from fixed primes: small, so that it is quick.
p, q = 2**521 - 1, 2**607 - 1
private = rsa.PrivateKey(p * q, 65537, rsa.common.inverse(65537, (p - 1) * (q - 1)), p, q)
info = {
    "type": "service_account", "project_id": "p", "private_key": private.save_pkcs1().decode(), "private_key_id": "1",
    "client_email": "a@p.iam.gserviceaccount.com", "token_uri": "https://oauth2.googleapis.com/token",
}
credentials = service_account.Credentials.from_service_account_info(info, scopes=["https://www.googleapis.com/auth/drive"])
print(credentials.service_account_email, credentials.scopes, credentials.valid, credentials.project_id)
token = jwt.encode(credentials.signer, {"iss": "me", "iat": 1, "exp": 2})
print(jwt.decode_header(token), len(token), jwt.decode(token, verify=False))
user = Credentials("token", refresh_token="r", client_id="c", client_secret="s", token_uri="https://t")
print(user.token, user.expired, sorted(user.to_json(strip=["token"])[:20]))
try:
    google.auth.default()
except DefaultCredentialsError as error:
    print(str(error).split(".")[0])
