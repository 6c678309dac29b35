"""Answer: the JSON object in a chat server's answer, and whether it fits a schema.

Nothing here quotes the answer: it may hold parts of a report.
"""

import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any

_IS: Mapping[str, Callable[[Any], bool]] = {
    "object": lambda value: isinstance(value, dict),
    "array": lambda value: isinstance(value, list),
    "string": lambda value: isinstance(value, str),
    "boolean": lambda value: isinstance(value, bool),
    "integer": lambda value: isinstance(value, int) and not isinstance(value, bool),
    "number": lambda value: isinstance(value, int | float) and not isinstance(value, bool),
    "null": lambda value: value is None,
}


def object_in(answer: bytes) -> dict[str, Any] | str:
    """The JSON object a chat completion holds, or words for what it holds instead."""
    completion = _json(answer)
    try:
        choice = completion["choices"][0]
        message = choice["message"]
        text, refusal = message.get("content"), message.get("refusal")
    except (TypeError, KeyError, IndexError, AttributeError):
        return "no chat completion"
    if refusal or choice.get("finish_reason") == "content_filter":
        return "a refusal"
    if choice.get("finish_reason") == "length":
        return "an answer cut off at the model's limit"
    if not (isinstance(text, str) and text.strip()):
        return "an empty answer"
    found = _json(_unfenced(text))
    return found if isinstance(found, dict) else "prose"


def check_answer(value: Any, schema: Mapping[str, Any], place: str = "the answer") -> str:
    """Where and how a value breaks a schema, or "".

    Knows `type`, `enum`, `properties`, `required`, `additionalProperties` (False) and `items`.
    """
    kinds = schema.get("type", [])
    kinds = [kinds] if isinstance(kinds, str) else kinds
    if kinds and not any(_IS[kind](value) for kind in kinds):
        return f"{place} must be of type {' or '.join(kinds)}"
    if "enum" in schema and value not in schema["enum"]:
        return f"{place} must be one of the listed words"
    if isinstance(value, dict):
        return _first(_in_object(value, schema, place))
    if isinstance(value, list) and "items" in schema:
        parts = enumerate(value)
        return _first(check_answer(v, schema["items"], f"{place}[{i}]") for i, v in parts)
    return ""


def _in_object(value: dict[str, Any], schema: Mapping[str, Any], place: str) -> Iterable[str]:
    known = schema.get("properties", {})
    for name in schema.get("required", ()):
        if name not in value:
            yield f"{place} must have {name!r}"
    if schema.get("additionalProperties") is False and not value.keys() <= known.keys():
        yield f"{place} must have nothing but {', '.join(known)}"
    for name, part in known.items():
        if name in value:
            yield check_answer(value[name], part, f"{place}.{name}")


def _first(sentences: Iterable[str]) -> str:
    return next((sentence for sentence in sentences if sentence), "")


def _json(text: str | bytes) -> Any:
    """The JSON value, or None for what is none."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _unfenced(text: str) -> str:
    """Without the code fence that many models put around JSON."""
    lines = text.strip().splitlines()
    fenced = len(lines) > 2 and lines[0].startswith("```") and lines[-1].strip() == "```"
    return "\n".join(lines[1:-1]) if fenced else text
