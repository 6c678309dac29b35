"""Language model: the door to any server that speaks OpenAI's chat protocol.

One question, one answer that fits a JSON schema, or one sentence that says what went wrong. The
key comes from the environment at the moment of asking and is stored nowhere; neither the key nor
what is asked ever reaches a log or a message, and no server can send the text on elsewhere by a
redirect.
"""

import base64
import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sequela.backbones.answer import check_answer, object_in
from sequela.backbones.endpoint import Endpoint, key_of
from sequela.backbones.failures import cut, nonsense, refusal, too_slow, unreachable
from sequela.backbones.silence import unlogged
from sequela.core.errors import EndpointError, InvalidInputError, MissingExtraError

if TYPE_CHECKING:
    import openai

__all__ = ["Endpoint", "ask_json", "request_body"]

_PNG = b"\x89PNG\r\n\x1a\n"
_LARGEST = 4_000_000  # bytes of an answer; what is asked for here takes some thousand
_UNKNOWN_FORMAT = (400, 422)  # what servers answer that know no `json_schema`


def request_body(
    endpoint: Endpoint,
    system: str,
    user: str,
    schema: Mapping[str, Any],
    images: Sequence[bytes] = (),
) -> dict[str, Any]:
    """Everything that `ask_json` sends, apart from the key.

    Raises:
        InvalidInputError: An image is no PNG.
    """
    content: Any = user
    if images:
        content = [{"type": "text", "text": user}, *(_image_part(image) for image in images)]
    return {
        "model": endpoint.model,
        "temperature": 0,
        "messages": [{"role": "system", "content": system}, {"role": "user", "content": content}],
        "response_format": {
            "type": "json_schema",
            "json_schema": {"name": "answer", "strict": True, "schema": dict(schema)},
        },
    }


def ask_json(
    endpoint: Endpoint,
    system: str,
    user: str,
    schema: Mapping[str, Any],
    *,
    images: Sequence[bytes] = (),
) -> dict[str, Any]:
    """The model's answer as JSON values that fit a schema.

    Servers that know no schema are asked a second time, with the schema as text and for any JSON
    object; the answer is checked here in both cases. Temperature is 0.

    Args:
        endpoint: Whom to ask.
        system: What the model is to do.
        user: What to do it with; whoever calls has removed what must not leave the machine.
        schema: JSON schema of an object, in the part of the language that `check_answer` knows.
        images: PNG files, sent along as they are: re-encode pixels to be rid of foreign metadata.

    Raises:
        MissingExtraError: The client is not installed.
        InvalidInputError: No key, or an image that is no PNG.
        EndpointError: The server refused, failed, hung or answered what was not asked for.
    """
    body = request_body(endpoint, system, user, schema, images)
    with _client(endpoint) as client, unlogged("openai", "httpx2", "httpcore2"):
        outcome = _send(client, endpoint, body)
        if outcome.status in _UNKNOWN_FORMAT:
            outcome = _send(client, endpoint, _with_schema_as_text(body))
    if outcome.failure:
        raise EndpointError(outcome.failure)
    found = object_in(outcome.answer)
    if isinstance(found, str):
        raise EndpointError(nonsense(endpoint, found))
    broken = check_answer(found, schema)
    if broken:
        raise EndpointError(nonsense(endpoint, f"JSON that breaks the schema: {broken}"))
    return found


@dataclass(frozen=True, kw_only=True)
class _Outcome:
    """An answer's bytes, or a sentence on why there are none."""

    answer: bytes = b""
    failure: str = ""
    status: int = 0


def _send(client: "openai.OpenAI", endpoint: Endpoint, body: Mapping[str, Any]) -> _Outcome:
    """One request with its retries.

    The errors of the client hold the request, and messages of a server may quote it, so they end
    here: none becomes the cause of ours.
    """
    import httpx2
    import openai

    try:
        with client.chat.completions.with_streaming_response.create(**body) as response:
            return _read(response.iter_bytes(), endpoint)
    except openai.APIStatusError as error:
        failure = refusal(error.status_code, error.response.headers.get("retry-after"), endpoint)
        return _Outcome(failure=failure, status=error.status_code)
    except (openai.APITimeoutError, httpx2.TimeoutException):
        return _Outcome(failure=too_slow(endpoint))
    except openai.APIConnectionError as error:
        reached = not isinstance(error.__cause__, httpx2.ConnectError)
        return _Outcome(failure=cut(endpoint) if reached else unreachable(endpoint))
    except (openai.OpenAIError, httpx2.HTTPError):
        return _Outcome(failure=cut(endpoint))


def _read(chunks: Any, endpoint: Endpoint) -> _Outcome:
    """The whole answer, unless it drips for too long or never ends."""
    deadline = time.monotonic() + endpoint.timeout_seconds
    answer = b""
    for chunk in chunks:
        answer += chunk
        if time.monotonic() > deadline:
            return _Outcome(failure=too_slow(endpoint))
        if len(answer) > _LARGEST:
            return _Outcome(failure=nonsense(endpoint, f"more than {_LARGEST} bytes"))
    return _Outcome(answer=answer)


def _client(endpoint: Endpoint) -> "openai.OpenAI":
    try:
        import openai
    except ImportError as error:
        raise MissingExtraError(
            "`endpoint` needs the openai client, and it is not installed. "
            'Install the extra: pip install "sequela[llm]".'
        ) from error
    key = key_of(endpoint)
    return openai.OpenAI(
        base_url=endpoint.base_url,
        api_key=key,
        default_headers={"Authorization": f"Bearer {key}"},  # else OPENAI_CUSTOM_HEADERS may win
        timeout=endpoint.timeout_seconds,
        max_retries=endpoint.retries,
        # A redirect would carry the report to a server that nobody named.
        http_client=openai.DefaultHttpxClient(follow_redirects=False),
    )


def _image_part(image: bytes) -> dict[str, Any]:
    if not image.startswith(_PNG):
        raise InvalidInputError(
            f"`images` must be PNG files, got one of {len(image)} bytes that is none. Encode it."
        )
    url = f"data:image/png;base64,{base64.b64encode(image).decode('ascii')}"
    return {"type": "image_url", "image_url": {"url": url}}


def _with_schema_as_text(body: Mapping[str, Any]) -> dict[str, Any]:
    system, user = body["messages"]
    schema = json.dumps(body["response_format"]["json_schema"]["schema"])
    text = f"{system['content']}\n\nAnswer with one JSON object of this schema:\n{schema}"
    return {
        **body,
        "messages": [{**system, "content": text}, user],
        "response_format": {"type": "json_object"},
    }
