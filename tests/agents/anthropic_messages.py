"""The Messages API of Anthropic, as much of it as Claude Code needs of a model."""

import base64
import json

from conversation import Call, Image, Offer, Result

PATH = "/v1/messages"


def offer(request):
    """The definition of `run_code` in a request, or None."""
    for tool in request.get("tools", []):
        if tool["name"] == "mcp__wxmcp__run_code":
            return Offer(tool["name"], list(tool["input_schema"]["properties"]))
    return None


def results(request):
    """The results of calls in a request, in order."""
    return [
        result(block)
        for message in request["messages"]
        if isinstance(message["content"], list)
        for block in message["content"]
        if block["type"] == "tool_result"
    ]


def result(block):
    """A tool_result block as a Result."""
    content = block["content"]
    if isinstance(content, str):
        return Result([content])
    texts = [part["text"] for part in content if part["type"] == "text"]
    sources = [part["source"] for part in content if part["type"] == "image"]
    return Result(texts, [Image(source["media_type"], base64.b64decode(source["data"])) for source in sources])


def reply(turn, tool):
    """The events of a streamed reply: a call of the tool, or a text."""
    if isinstance(turn, Call):
        block = {"type": "tool_use", "id": turn.id, "name": tool.name, "input": {}}
        delta = {"type": "input_json_delta", "partial_json": json.dumps(turn.arguments)}
        reason = "tool_use"
    else:
        block = {"type": "text", "text": ""}
        delta = {"type": "text_delta", "text": turn}
        reason = "end_turn"
    usage = {"input_tokens": 1, "output_tokens": 1}
    message = {
        "id": "msg_1", "type": "message", "role": "assistant", "model": "scripted", "content": [],
        "stop_reason": None, "stop_sequence": None, "usage": usage,
    }
    return [
        {"type": "message_start", "message": message},
        {"type": "content_block_start", "index": 0, "content_block": block},
        {"type": "content_block_delta", "index": 0, "delta": delta},
        {"type": "content_block_stop", "index": 0},
        {"type": "message_delta", "delta": {"stop_reason": reason, "stop_sequence": None}, "usage": usage},
        {"type": "message_stop"},
    ]
