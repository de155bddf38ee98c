from websockets.client import ClientProtocol
from websockets.server import ServerProtocol
from websockets.frames import Frame, Opcode
from websockets.http11 import Request
from websockets.uri import parse_uri
import websockets

client = ClientProtocol(parse_uri("ws://example.com/chat"))
server = ServerProtocol()
client.send_request(client.connect())
server.receive_data(b"".join(client.data_to_send()))
request = server.events_received()[0]
print(type(request).__name__, request.path, request.headers["Upgrade"])
server.send_response(server.accept(request))
client.receive_data(b"".join(server.data_to_send()))
print(client.state.name, server.state.name, client.events_received()[0].status_code)
client.send_text("hé".encode())
server.receive_data(b"".join(client.data_to_send()))
print([(frame.opcode.name, frame.data.decode()) for frame in server.events_received()])
server.send_close(1000, "bye")
client.receive_data(b"".join(server.data_to_send()))
print(client.close_code, client.close_reason)
print(Frame(Opcode.TEXT, b"hi").serialize(mask=False))
print(websockets.ConnectionClosedOK(None, None), parse_uri("wss://u:p@e.com:9/x?y"))
