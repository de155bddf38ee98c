import io
import os
import tempfile
from dotenv import dotenv_values, load_dotenv, set_key

text = """
# comment
export API_KEY="abc def"
PLAIN=value # trailing
SINGLE='a $PLAIN'
EXPANDED=${PLAIN}/x
MULTI="line1\\nline2"
EMPTY=
"""
print(dict(dotenv_values(stream=io.StringIO(text))))
with tempfile.TemporaryDirectory() as folder:
    path = os.path.join(folder, ".env")
    with open(path, "w") as file:
        file.write(text)
    print(load_dotenv(path), os.environ["API_KEY"], os.getenv("EXPANDED"))
    set_key(path, "PLAIN", "new")
    print(open(path).read())
