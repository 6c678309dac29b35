"""Reports read by a language model: a real local server answers, rightly and wrongly."""

import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest

from sequela.backbones import Endpoint
from sequela.conditioning.reports import llm_prompt
from sequela.conditioning.reports.llm import preview, read_report_llm
from sequela.core import EndpointError, InvalidInputError, UnknownNameError
from tests.backbones.chat_server import ChatServer, Reply, chat_server, completion, failure

KEY = "sk-very-secret-0123"
NAME = "Lovelace"
TEXT = f"""\
Patient: Ada {NAME}  MRN 00123
Chest X-ray: moderate LEFT pleural\neffusion, possible pneumonia at the right base.
No pneumothorax. Pacemaker."""


@pytest.fixture(autouse=True)
def _only_our_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("SEQUELA_LLM_API_KEY", KEY)


@pytest.fixture
def server() -> Iterator[ChatServer]:
    with chat_server() as running:
        yield running


def endpoint(server: ChatServer) -> Endpoint:
    return Endpoint(base_url=server.base_url, model="tiny", timeout_seconds=0.5, retries=0)


def finding(name: str, words: str, **rest: Any) -> dict[str, Any]:
    plain = {"certainty": "present", "severity": None, "side": None, "place": ""}
    return {"name": name, **plain, "words": words, **rest}


def answer(
    *findings: dict[str, Any], domain: str = "chest", devices: tuple[str, ...] = ()
) -> Reply:
    return completion({"domain": domain, "findings": list(findings), "devices": list(devices)})


EFFUSION = finding("Effusion", "moderate left pleural effusion", severity="moderate", side="left")
PNEUMONIA = finding(
    "Pneumonia", "possible pneumonia at the right base", certainty="possible", place="base"
)
NO_PNEUMOTHORAX = finding("Pneumothorax", "No pneumothorax.", certainty="absent")


def read(server: ChatServer, text: str = TEXT, **options: Any) -> Any:
    return read_report_llm(text, endpoint=endpoint(server), allow_sending=True, **options)


def sentence_of(server: ChatServer, kind: type[Exception], **options: Any) -> str:
    with pytest.raises(kind) as caught:
        read(server, **options)
    message = str(caught.value)
    assert "\n" not in message
    assert NAME not in message
    assert KEY not in message
    assert "effusion" not in message, "no part of the report"
    return message


def test_an_answer_becomes_a_report(server: ChatServer):
    server.says(answer(EFFUSION, PNEUMONIA, NO_PNEUMOTHORAX, devices=("pacemaker", "pacemaker")))
    report = read(server)
    assert report.domain == "chest"
    assert report.provider == "llm: tiny"
    assert report.prompt == "A chest X-ray image,Effusion,Pneumonia"
    assert report.devices == ("pacemaker",)
    effusion, pneumonia, pneumothorax = report.findings
    assert (effusion.severity, effusion.side) == ("moderate", "left")
    assert (pneumonia.certainty, pneumonia.place) == ("possible", "base")
    assert pneumothorax.certainty == "absent"


def test_a_server_without_schemas_serves_too(server: ChatServer):
    server.says(failure(400), answer(EFFUSION))
    assert read(server).prompt == "A chest X-ray image,Effusion"


# --- what leaves the machine


def test_nothing_is_sent_unless_it_is_allowed(server: ChatServer):
    with pytest.raises(InvalidInputError, match="`allow_sending` must be True before"):
        read_report_llm(TEXT, endpoint=endpoint(server), allow_sending=False)
    assert server.requests == []


@pytest.mark.parametrize("domain", [None, "chest"])
def test_the_preview_shows_every_word_that_is_sent(server: ChatServer, domain: str | None):
    shown = preview(TEXT, domain, endpoint(server))
    assert server.requests == []
    server.says(answer(EFFUSION))
    read(server, domain=domain)
    (sent,) = server.requests
    system, user = (message["content"] for message in sent["messages"])
    schema = sent["response_format"]["json_schema"]["schema"]
    assert f"--- system\n{system}\n\n--- user\n{user}\n\n--- schema" in shown
    assert json.dumps(schema, indent=1) in shown
    assert server.base_url in shown
    assert KEY not in shown


def test_identifiers_are_neither_shown_nor_sent(server: ChatServer):
    server.says(answer(EFFUSION))
    read(server)
    shown = preview(TEXT, None, endpoint(server))
    for text in (json.dumps(server.requests), shown):
        assert NAME not in text
        assert "00123" not in text
        assert "Patient: [name]" in text
    assert "Removed from the report: name, number." in shown


def test_the_preview_warns_of_an_open_line():
    open_line = Endpoint(base_url="http://10.0.0.2/v1", model="tiny")
    assert "http://10.0.0.2/v1 (NOT ENCRYPTED)" in preview(TEXT, None, open_line)


@pytest.mark.parametrize(
    "reply", [answer(EFFUSION), completion(TEXT), failure(500, TEXT), failure(401, KEY)]
)
def test_no_word_of_the_report_is_logged(
    server: ChatServer, caplog: pytest.LogCaptureFixture, reply: Reply
):
    caplog.set_level(logging.DEBUG)
    caplog.set_level(logging.DEBUG, logger="openai")
    server.says(reply)
    try:
        read(server)
    except EndpointError:
        logging.getLogger("sequela").exception("failed")
    assert "pleural" not in caplog.text
    assert NAME not in caplog.text
    assert KEY not in caplog.text


# --- answers that the report does not bear out


def test_an_invented_finding_is_refused(server: ChatServer):
    server.says(answer(EFFUSION, finding("Mass", "large mass in the left lung")))
    message = sentence_of(server, EndpointError)
    assert "a finding whose words are not in the report" in message


def test_a_finding_without_words_is_refused(server: ChatServer):
    server.says(answer(finding("Effusion", " - ")))
    assert "a finding whose words are not in the report" in sentence_of(server, EndpointError)


def test_half_a_word_of_the_report_is_no_quotation(server: ChatServer):
    server.says(answer(finding("Effusion", "fusion")))
    assert "a finding whose words are not in the report" in sentence_of(server, EndpointError)


def test_a_name_of_another_domain_is_refused(server: ChatServer):
    server.says(answer(finding("melanoma", "possible pneumonia")))
    assert "outside the vocabulary of chest X-rays" in sentence_of(server, EndpointError)


def test_a_name_of_no_domain_breaks_the_schema(server: ChatServer):
    server.says(answer(finding("Pleural plaque", "left pleural effusion")))
    message = sentence_of(server, EndpointError)
    assert "the answer.findings[0].name must be one of the listed words" in message


def test_present_and_absent_at_once_is_refused(server: ChatServer):
    server.says(answer(EFFUSION, {**EFFUSION, "certainty": "absent"}))
    assert "a finding both present and absent on one side" in sentence_of(server, EndpointError)


def test_a_finding_told_twice_counts_once_at_its_worst(server: ChatServer):
    worse = {**EFFUSION, "severity": "severe"}
    server.says(answer(EFFUSION, worse, {**EFFUSION, "severity": None}))
    (effusion,) = read(server).findings
    assert effusion.severity == "severe"


def test_prose_is_one_sentence(server: ChatServer):
    server.says(completion("The patient has an effusion."))
    assert "got prose" in sentence_of(server, EndpointError)


# --- reports that are none


def test_another_domain_than_the_one_given_is_named(server: ChatServer):
    server.says(answer(domain="fundus"))
    message = sentence_of(server, InvalidInputError, domain="chest")
    assert "`report` must be about chest X-rays" in message
    assert "fundus photographs" in message


def test_no_domain_at_all_is_told(server: ChatServer):
    server.says(answer(domain="other"))
    assert "for one about something else" in sentence_of(server, InvalidInputError)


def test_no_finding_at_all_is_told(server: ChatServer):
    server.says(answer())
    assert "found none" in sentence_of(server, InvalidInputError)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("  \n", "must hold text"),
        ("effusion " * 3000, "at most 20000 characters"),
        ("Die Lunge ist frei, kein Erguss und keine Infiltrate", "must be in English"),
    ],
)
def test_what_cannot_be_scrubbed_or_read_is_not_sent(server: ChatServer, text: str, words: str):
    with pytest.raises(InvalidInputError, match=words):
        read(server, text)
    with pytest.raises(InvalidInputError, match=words):
        preview(text, None, endpoint(server))
    assert server.requests == []


def test_an_unknown_domain_is_told_before_anything_is_sent(server: ChatServer):
    with pytest.raises(UnknownNameError, match="`domain` 'brain' is not known"):
        read(server, domain="brain")
    assert server.requests == []


# --- the prompt


@pytest.mark.parametrize("domain", ["chest", "fundus", "skin"])
def test_the_examples_of_the_prompt_keep_its_own_rules(server: ChatServer, domain: str):
    for text, told in llm_prompt.EXAMPLES[domain]:
        server.says(completion(told))
        assert read(server, text, domain=domain).domain == domain


@pytest.mark.parametrize("domain", [None, "chest", "fundus", "skin"])
def test_every_object_of_the_schema_is_strict(domain: str | None):
    def check(schema: dict[str, Any]) -> None:
        if schema["type"] == "object":
            assert schema["required"] == list(schema["properties"])
            assert schema["additionalProperties"] is False
        for part in (*schema.get("properties", {}).values(), *filter(None, [schema.get("items")])):
            check(part)

    check(llm_prompt.answer_schema(domain))
