"""The Responses API of OpenAI, as much of it as Codex needs of a model."""

import base64
import json
import re

from conversation import Call, Image, Offer, Result

PATH = "/v1/responses"
NAMESPACE = "mcp__wxmcp"
WALL_TIME = re.compile(r"\AWall time: [0-9.]+ seconds\nOutput:\n?")


def offer(request):
    """The definition of `run_code` in a request, or None: a function in the namespace of the server."""
    for group in request.get("tools", []):
        if group["type"] == "namespace" and group["name"] == NAMESPACE:
            for tool in group["tools"]:
                if tool["name"] == "run_code":
                    return Offer(tool["name"], list(tool["parameters"]["properties"]))
    return None


def results(request):
    """The results of calls in a request, in order."""
    return [result(item) for item in request["input"] if item["type"] == "function_call_output"]


def result(item):
    """A function_call_output item as a Result."""
    output = item["output"]
    if isinstance(output, str):
        output = [{"type": "input_text", "text": output}]
    # Codex begins each result with how long it took.
    texts = [WALL_TIME.sub("", part["text"]) for part in output if part["type"] == "input_text"]
    urls = [part["image_url"] for part in output if part["type"] == "input_image"]
    return Result([text for text in texts if text], [image(url) for url in urls])


def image(url):
    """The image in a data URL."""
    head, _, data = url.partition(";base64,")
    return Image(head.removeprefix("data:"), base64.b64decode(data))


def reply(turn, tool):
    """The events of a streamed reply: a call of the tool, or a text."""
    if isinstance(turn, Call):
        item = {
            "type": "function_call", "id": f"fc_{turn.id}", "call_id": turn.id, "status": "completed",
            "name": tool.name, "namespace": NAMESPACE, "arguments": json.dumps(turn.arguments),
        }
    else:
        content = [{"type": "output_text", "text": turn, "annotations": []}]
        item = {"type": "message", "id": "msg_1", "role": "assistant", "status": "completed", "content": content}
    response = {"id": "resp_1", "object": "response", "status": "in_progress", "output": []}
    usage = {
        "input_tokens": 1, "input_tokens_details": {"cached_tokens": 0},
        "output_tokens": 1, "output_tokens_details": {"reasoning_tokens": 0}, "total_tokens": 2,
    }
    done = {**response, "status": "completed", "output": [item], "usage": usage}
    return [
        {"type": "response.created", "response": response},
        {"type": "response.output_item.added", "output_index": 0, "item": item},
        {"type": "response.output_item.done", "output_index": 0, "item": item},
        {"type": "response.completed", "response": done},
    ]
