"""Read a clinical report by a language model, on any server that speaks OpenAI's protocol.

Choose it for reports that say things around the corner; the rules do the rest, offline and always
alike. Nothing is sent without `allow_sending`; `preview` shows every word that would be. What
comes back must fit the vocabulary, and every finding must quote the report: a model that invents
a disease is refused.

Source of the idea: Liang et al., "PIE", arXiv:2309.11745, where a language model re-captions a
clinical report to the short form a diffusion model was trained on. The prompt is our own.
"""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from sequela.backbones.language_model import Endpoint, ask_json, request_body
from sequela.conditioning.reports.llm_prompt import OTHER, answer_schema, question, system_prompt
from sequela.conditioning.reports.report import SEVERITIES, Report, ReportedFinding
from sequela.conditioning.reports.rules.language import check_english
from sequela.conditioning.reports.scrub import Scrubbed, scrub
from sequela.conditioning.vocabulary import vocabulary_of
from sequela.core import EndpointError, InvalidInputError

_LONGEST = 20_000  # characters; a report is a page or two


def preview(text: str, domain: str | None, endpoint: Endpoint) -> str:
    """What `read_report_llm` would send, word for word, and where to.

    Args:
        text: The report, in English.
        domain: `chest`, `fundus` or `skin`; None lets the model tell.
        endpoint: Where it would go.

    Raises:
        InvalidInputError: The report is empty, too long or in another language.
        UnknownNameError: No such domain.
    """
    scrubbed = _sendable(text, domain)
    body = request_body(endpoint, *_asked(scrubbed, domain))
    system, user = (message["content"] for message in body["messages"])
    schema = body["response_format"]["json_schema"]["schema"]
    safe = "encrypted" if endpoint.encrypted else "NOT ENCRYPTED"
    removed = ", ".join(scrubbed.removed) or "nothing was found to remove"
    return "\n\n".join(
        (
            f"To: {endpoint.base_url} ({safe})\nModel: {endpoint.model}, temperature 0\n"
            f"Removed from the report: {removed}. Names without a label or title stay: look.",
            f"--- system\n{system}",
            f"--- user\n{user}",
            f"--- schema of the answer\n{json.dumps(schema, indent=1)}",
            "A server that refuses the schema gets it at the end of the system text instead.",
        )
    )


def read_report_llm(
    text: str, *, domain: str | None = None, endpoint: Endpoint, allow_sending: bool
) -> Report:
    """What a language model says that a clinical report says.

    Args:
        text: The report, in English: identifiers are found by English rules only.
        domain: `chest`, `fundus` or `skin`; None lets the model tell.
        endpoint: Whom to ask.
        allow_sending: True to send the scrubbed report there; False refuses.

    Returns:
        The findings with certainty, severity, side and place, and the devices; its provider is
        `llm: ` and the model's name, and its words are those of the scrubbed report.

    Raises:
        InvalidInputError: Sending is not allowed, or the report is empty, too long, in another
            language, about another domain, or names no finding.
        EndpointError: The server fails, or its answer is none that the report bears out.
        UnknownNameError: No such domain.
        MissingExtraError: The client is not installed.
    """
    scrubbed = _sendable(text, domain)
    if not allow_sending:
        raise InvalidInputError(
            f"`allow_sending` must be True before a report leaves for {endpoint.host}, got False. "
            "Look at `preview` first, then set it; or read the report by the rules, offline."
        )
    answer = ask_json(endpoint, *_asked(scrubbed, domain))
    return _report(answer, scrubbed.text, domain, endpoint)


def _asked(scrubbed: Scrubbed, domain: str | None) -> tuple[str, str, dict[str, Any]]:
    """System text, user text and schema."""
    return system_prompt(domain), question(scrubbed.text), answer_schema(domain)


def _sendable(text: str, domain: str | None) -> Scrubbed:
    """The report without identifiers, once it is one that a model can be asked about."""
    if domain is not None:
        vocabulary_of(domain)
    if not text.strip():
        raise InvalidInputError(
            "`report` must hold text, got an empty one. Name what to simulate with --finding."
        )
    if len(text) > _LONGEST:
        raise InvalidInputError(
            f"`report` must have at most {_LONGEST} characters, got {len(text)}. "
            "Give one report, not an archive."
        )
    check_english(text)
    return scrub(text)


def _report(answer: Mapping[str, Any], text: str, domain: str | None, endpoint: Endpoint) -> Report:
    told = answer["domain"]
    if told == OTHER or (domain is not None and told != domain):
        wanted = vocabulary_of(domain).title if domain else "a chest X-ray, fundus or skin image"
        found = "something else" if told == OTHER else vocabulary_of(told).title
        raise InvalidInputError(
            f"`report` must be about {wanted}, but the language model takes it for one about "
            f"{found}. Give the report of this image."
        )
    told_findings = [ReportedFinding(**finding) for finding in answer["findings"]]
    _check(told_findings, told, text, endpoint)
    findings = _once_a_side(told_findings)
    devices = tuple(dict.fromkeys(answer["devices"]))
    if not (findings or devices):
        raise InvalidInputError(
            f"`report` must name a finding of {vocabulary_of(told).title}, but the language model "
            "found none. Name what to simulate with --finding."
        )
    return Report(
        domain=told, findings=findings, devices=devices, provider=f"llm: {endpoint.model}"
    )


def _check(findings: Sequence[ReportedFinding], domain: str, text: str, endpoint: Endpoint) -> None:
    """Refuse an answer that the report does not bear out."""
    known = vocabulary_of(domain).names
    said, denied = (
        {(f.name, f.side) for f in findings if (f.certainty == "absent") is absent}
        for absent in (False, True)
    )
    plain = _plain(text)
    if any(finding.name not in known for finding in findings):
        fault = f"a finding outside the vocabulary of {vocabulary_of(domain).title}"
    elif said & denied:
        fault = "a finding both present and absent on one side"
    elif any(_plain(f.words).strip() == "" or _plain(f.words) not in plain for f in findings):
        fault = "a finding whose words are not in the report"
    else:
        return
    raise EndpointError(
        f"`model` {endpoint.model!r} must tell only what the report says, got {fault}. "
        "Name a better model in SEQUELA_LLM_MODEL, or read the report by the rules."
    )


def _once_a_side(findings: Sequence[ReportedFinding]) -> tuple[ReportedFinding, ...]:
    """Each finding once for a side, as severe as the worst that is told of it there."""
    kept: dict[tuple[str, str | None], ReportedFinding] = {}
    for finding in findings:
        first = kept.setdefault((finding.name, finding.side), finding)
        if _rank(finding) > _rank(first):
            kept[finding.name, finding.side] = finding
    return tuple(kept.values())


def _rank(finding: ReportedFinding) -> int:
    return 0 if finding.severity is None else 1 + SEVERITIES.index(finding.severity)


def _plain(text: str) -> str:
    """Words alone, in small letters, each between blanks."""
    words = re.findall(r"[^\W_]+", text.lower())
    return f" {' '.join(words)} "
