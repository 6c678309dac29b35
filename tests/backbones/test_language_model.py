"""Ask a real local server for JSON, in all the ways in which it can fail."""

import logging
import pickle
import re
import socket
import struct
import sys
import time
import zlib
from dataclasses import asdict

import pytest

from sequela.backbones.language_model import Endpoint, ask_json
from sequela.core import EndpointError, InvalidInputError, MissingExtraError
from tests.backbones.chat_server import KEY, ChatServer, Reply, chat_server, completion, failure

PATIENT = "Ada Lovelace coughs"
SCHEMA = {
    "type": "object",
    "properties": {
        "same": {"type": "boolean"},
        "side": {"type": ["string", "null"], "enum": ["left", "right", None]},
    },
    "required": ["same", "side"],
    "additionalProperties": False,
}
GOOD = {"same": True, "side": None}
PNG = b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 0) + b"IEND" + struct.pack(">I", zlib.crc32(b"IEND"))


pytestmark = pytest.mark.usefixtures("only_our_environment")


def endpoint(server: ChatServer, *, timeout_seconds: float = 5.0, retries: int = 0) -> Endpoint:
    return Endpoint(
        base_url=server.base_url, model="tiny", timeout_seconds=timeout_seconds, retries=retries
    )


def ask(server: ChatServer, **options: float) -> dict[str, object]:
    return ask_json(endpoint(server, **options), "Judge.", PATIENT, SCHEMA)  # type: ignore[arg-type]


def sentence_of(server: ChatServer, **options: float) -> str:
    with pytest.raises(EndpointError) as caught:
        ask(server, **options)
    error = caught.value
    assert error.__cause__ is None, "the client's error holds the request"
    assert error.__context__ is None, "and a traceback would show it"
    message = str(error)
    assert "\n" not in message
    assert len(message) < 300
    assert KEY not in message
    assert PATIENT not in message
    assert re.match(r"`(endpoint|model|SEQUELA_LLM_API_KEY)` ", message)
    assert message.endswith(".")
    return message


# --- the right answer


def test_the_answer_comes_back_as_json_values(server: ChatServer):
    server.says(completion(GOOD))
    assert ask(server) == GOOD


def test_the_question_is_asked_at_temperature_0_under_a_strict_schema(server: ChatServer):
    server.says(completion(GOOD))
    ask(server)
    (request,) = server.requests
    assert request["path"] == "/v1/chat/completions"
    assert request["model"] == "tiny"
    assert request["temperature"] == 0
    assert request["messages"] == [
        {"role": "system", "content": "Judge."},
        {"role": "user", "content": PATIENT},
    ]
    assert request["response_format"]["json_schema"]["strict"] is True
    assert request["response_format"]["json_schema"]["schema"] == SCHEMA


def test_images_travel_as_data_urls(server: ChatServer):
    server.says(completion(GOOD))
    ask_json(endpoint(server), "Judge.", "Same patient?", SCHEMA, images=[PNG, PNG])
    content = server.requests[0]["messages"][1]["content"]
    assert [part["type"] for part in content] == ["text", "image_url", "image_url"]
    assert content[1]["image_url"]["url"].startswith("data:image/png;base64,iVBORw0KGgo")


def test_an_image_that_is_no_png_is_refused_before_anything_is_sent(server: ChatServer):
    with pytest.raises(InvalidInputError, match="`images` must be PNG"):
        ask_json(endpoint(server), "Judge.", "?", SCHEMA, images=[b"\xff\xd8jpeg"])
    assert server.requests == []


def test_json_in_a_code_fence_counts(server: ChatServer):
    server.says(completion('```json\n{"same": false, "side": "left"}\n```'))
    assert ask(server) == {"same": False, "side": "left"}


@pytest.mark.parametrize("status", [400, 422])
def test_a_server_that_knows_no_schema_is_asked_once_more_with_it_as_text(
    server: ChatServer, status: int
):
    server.says(failure(status, "response_format unknown"), completion(GOOD))
    assert ask(server) == GOOD
    first, second = server.requests
    assert second["response_format"] == {"type": "json_object"}
    assert second["messages"][0]["content"].startswith("Judge.\n\n")
    assert '"enum": ["left", "right", null]' in second["messages"][0]["content"]
    assert second["messages"][1] == first["messages"][1]


def test_the_schema_holds_for_servers_that_know_none(server: ChatServer):
    server.says(failure(400), completion({"same": "perhaps", "side": None}))
    assert "the answer.same must be of type boolean" in sentence_of(server)


# --- failures, one sentence each


def test_a_wrong_key_is_named_by_its_variable(server: ChatServer):
    server.says(failure(401, f"Incorrect API key provided: {KEY}"))
    assert "`SEQUELA_LLM_API_KEY` was refused" in sentence_of(server)
    assert len(server.requests) == 1


def test_an_unknown_model_is_named(server: ChatServer):
    server.says(failure(404))
    assert "`model` 'tiny' is not known" in sentence_of(server)


def test_400_twice_is_told_once(server: ChatServer):
    server.says(failure(400, PATIENT))
    assert "refuses the request (400)" in sentence_of(server)
    assert len(server.requests) == 2


def test_too_many_requests_are_waited_for_as_long_as_the_server_says(server: ChatServer):
    server.says(failure(429, retry_after="0.3"), completion(GOOD))
    start = time.monotonic()
    assert ask(server, retries=1) == GOOD
    assert 0.3 <= time.monotonic() - start < 2
    assert len(server.requests) == 2


def test_too_many_requests_for_good_end_after_the_retries(server: ChatServer):
    server.says(failure(429, PATIENT, retry_after="0.01"))
    assert "(429), in 3 tries. Wait 0.01 seconds" in sentence_of(server, retries=2)
    assert len(server.requests) == 3


def test_a_wait_of_an_hour_is_told_and_not_waited_for(server: ChatServer):
    server.says(failure(429, retry_after="3600"))
    start = time.monotonic()
    assert "Wait 3600 seconds" in sentence_of(server, retries=2)
    assert time.monotonic() - start < 2


def test_what_the_server_writes_in_retry_after_is_not_repeated(server: ChatServer):
    server.says(failure(429, retry_after=PATIENT))
    assert "Wait a while" in sentence_of(server)


@pytest.mark.parametrize("status", [500, 503])
def test_a_server_that_breaks_is_asked_again_and_then_told_of(server: ChatServer, status: int):
    server.says(failure(status, PATIENT, retry_after="0.01"))
    assert f"failed ({status}), in 2 tries" in sentence_of(server, retries=1)
    assert len(server.requests) == 2


def test_a_server_that_hangs_is_given_up(server: ChatServer):
    server.says(Reply(body=b" ", drip_seconds=60.0))
    start = time.monotonic()
    assert "did not answer within 0.2 seconds" in sentence_of(server, timeout_seconds=0.2)
    assert time.monotonic() - start < 2


def test_a_server_that_drips_is_given_up(server: ChatServer):
    server.says(Reply(body=completion(GOOD).body, drip_seconds=0.05))
    start = time.monotonic()
    assert "did not answer within 0.3 seconds" in sentence_of(server, timeout_seconds=0.3)
    assert time.monotonic() - start < 2


def test_a_connection_cut_in_the_middle_of_the_answer_is_told(server: ChatServer):
    body = completion(GOOD).body
    server.says(Reply(body=body[:20], promised=len(body)))
    assert "broke the connection" in sentence_of(server)


def test_nobody_listening_is_told():
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
    nobody = Endpoint(base_url=f"http://127.0.0.1:{port}/v1", model="tiny", retries=0)
    with pytest.raises(EndpointError, match=rf"127\.0\.0\.1:{port} could not be reached"):
        ask_json(nobody, "Judge.", PATIENT, SCHEMA)


def test_an_endless_answer_is_cut(server: ChatServer):
    server.says(Reply(body=b" " * 5_000_000))
    assert "more than 4000000 bytes" in sentence_of(server)


def test_a_redirect_is_not_followed(server: ChatServer):
    with chat_server() as elsewhere:
        elsewhere.says(completion(GOOD))
        server.says(failure(307, location=f"{elsewhere.base_url}/chat/completions"))
        assert "redirects to another address (307)" in sentence_of(server)
        assert elsewhere.requests == []


@pytest.mark.parametrize(
    ("reply", "words"),
    [
        (completion(f"Surely! {PATIENT}."), "got prose"),
        (completion([GOOD]), "got prose"),
        (completion("[" * 100_000), "got prose"),
        (completion(""), "got an empty answer"),
        (completion(GOOD, finish_reason="length"), "cut off at the model's limit"),
        (completion("", message={"refusal": PATIENT}), "got a refusal"),
        (Reply(body=b"<html>It works!</html>"), "got no chat completion"),
        (Reply(body=b'{"choices": []}'), "got no chat completion"),
        (Reply(body=b'{"choices": [{"message": null}]}'), "got no chat completion"),
        (Reply(body=b"\xff\xfe\x00"), "got no chat completion"),
        (completion({"same": True}), "the answer must have 'side'"),
        (completion({**GOOD, "side": PATIENT}), "the answer.side must be one of the listed words"),
        (completion({**GOOD, PATIENT: 1}), "the answer must have nothing but same, side"),
        (completion({**GOOD, "same": 1}), "the answer.same must be of type boolean"),
    ],
)
def test_what_is_not_the_answer_asked_for_is_told_and_not_repeated(
    server: ChatServer, reply: Reply, words: str
):
    server.says(reply)
    assert words in sentence_of(server)


# --- silence


@pytest.mark.parametrize("reply", [completion(GOOD), failure(401, KEY + PATIENT)])
def test_neither_key_nor_question_is_logged_at_any_level(
    server: ChatServer, caplog: pytest.LogCaptureFixture, reply: Reply
):
    for name in ("", "openai", "openai._base_client", "httpx2", "httpcore2.http11"):
        caplog.set_level(logging.DEBUG, logger=name or None)
    server.says(reply)
    try:
        ask(server)
    except EndpointError:
        logging.getLogger("sequela").exception("failed")
    told = caplog.text
    assert KEY not in told
    assert PATIENT not in told
    assert [r.name for r in caplog.records if not r.name.startswith("sequela")] == []


def test_others_may_log_again_afterwards(server: ChatServer, caplog: pytest.LogCaptureFixture):
    server.says(completion(GOOD))
    ask(server)
    with caplog.at_level(logging.DEBUG, logger="httpx2"):
        logging.getLogger("httpx2").debug("heard")
    assert "heard" in caplog.text


def test_the_key_is_no_part_of_the_endpoint(server: ChatServer):
    there = endpoint(server)
    assert KEY not in repr(there)
    assert KEY not in repr(asdict(there))
    assert KEY.encode() not in pickle.dumps(there)


# --- the environment


def test_the_key_is_read_when_asking_without_the_line_break_of_its_file(
    server: ChatServer, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("SEQUELA_LLM_API_KEY", "another\n")
    server.says(completion(GOOD))
    ask(server)
    assert server.authorizations == ["Bearer another"]


def test_the_key_for_openai_is_sent_to_nobody_else(
    server: ChatServer, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.delenv("SEQUELA_LLM_API_KEY")
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.setenv("OPENAI_ADMIN_KEY", KEY)
    monkeypatch.setenv("OPENAI_CUSTOM_HEADERS", f"Authorization: Bearer {KEY}")
    server.says(completion(GOOD))
    ask(server)
    assert server.authorizations == ["Bearer none"]
    monkeypatch.setenv("OPENAI_BASE_URL", server.base_url)
    ask(server)
    assert server.authorizations[1] == f"Bearer {KEY}"


def test_our_variables_win_over_those_of_openai(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:1/v1")
    monkeypatch.setenv("OPENAI_MODEL", "theirs")
    assert Endpoint.from_environment() == Endpoint(base_url="http://127.0.0.1:1/v1", model="theirs")
    monkeypatch.setenv("SEQUELA_LLM_MODEL", "ours")
    monkeypatch.setenv("SEQUELA_LLM_BASE_URL", "http://127.0.0.1:2/v1")
    assert Endpoint.from_environment() == Endpoint(base_url="http://127.0.0.1:2/v1", model="ours")


def test_no_model_named_anywhere_is_told():
    with pytest.raises(InvalidInputError, match=r"`model` must name .* Set SEQUELA_LLM_MODEL"):
        Endpoint.from_environment()


def test_openai_without_a_key_is_told_before_anything_is_sent(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("SEQUELA_LLM_API_KEY")
    with pytest.raises(InvalidInputError, match="`SEQUELA_LLM_API_KEY` must hold a key"):
        ask_json(Endpoint(model="any"), "Judge.", PATIENT, SCHEMA)


@pytest.mark.parametrize("key", ["sk-two words", "sk-ü", "sk\x00", "sk-a\nsk-b"])
def test_a_key_that_no_header_can_hold_is_not_shown(
    server: ChatServer, monkeypatch: pytest.MonkeyPatch, key: str
):
    try:
        monkeypatch.setenv("SEQUELA_LLM_API_KEY", key)
    except ValueError:
        return  # no environment can hold it either
    with pytest.raises(InvalidInputError, match="`SEQUELA_LLM_API_KEY` must be one line") as caught:
        ask(server)
    assert key not in str(caught.value)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "localhost:8000",
        "ftp://a/v1",
        "http://",
        "http://a b/v1",
        "http://a:x/v1",
        "http://[1/v1",
        "http://a..b/v1",
        "http://a\x00/v1",
    ],
)
def test_an_address_that_is_none_is_told(url: str):
    with pytest.raises(InvalidInputError, match="`base_url` must be an address such as"):
        Endpoint(base_url=url, model="tiny")


@pytest.mark.parametrize("url", [f"https://me:{KEY}@a/v1", f"https://a/v1?key={KEY}"])
def test_a_key_in_the_address_is_refused_and_not_shown(url: str):
    with pytest.raises(InvalidInputError, match="must hold no user, password") as caught:
        Endpoint(base_url=url, model="tiny")
    assert KEY not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "encrypted"),
    [("https://a/v1", True), ("http://localhost:1/v1", True), ("http://10.0.0.2/v1", False)],
)
def test_it_knows_whether_others_can_listen(url: str, encrypted: bool):
    assert Endpoint(base_url=url, model="tiny").encrypted is encrypted


def test_a_missing_client_names_the_extra(server: ChatServer, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "openai", None)
    with pytest.raises(MissingExtraError, match=r"sequela\[llm\]"):
        ask(server)
