import asyncio
import logging
import uvicorn
from uvicorn.config import LOGGING_CONFIG
from uvicorn.importer import ImportFromStringError, import_from_string


async def app(scope, receive, send):
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"ok"})


config = uvicorn.Config(app, host="127.0.0.1", port=8123, log_level="warning", lifespan="off")
config.load()
print(config.loaded, config.host, config.port, config.interface, config.http_protocol_class.__name__)
print(sorted(LOGGING_CONFIG["loggers"]), logging.getLogger("uvicorn").level)
server = uvicorn.Server(config)
print(server.started, server.should_exit)
print(import_from_string("json:dumps")([1]))
try:
    import_from_string("json:nothing")
except ImportFromStringError as error:
    print(error)
sent = []


async def send(message):
    sent.append(message["type"])


asyncio.run(config.loaded_app({"type": "http", "client": ("127.0.0.1", 1), "headers": []}, None, send))
print(sent)
