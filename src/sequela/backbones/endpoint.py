"""Endpoint: where a language model listens, how long to wait for it, and the key it wants."""

import os
from dataclasses import dataclass
from urllib.parse import urlsplit

from sequela.core.checks import check_count, check_positive
from sequela.core.errors import InvalidInputError

OPENAI = "https://api.openai.com/v1"


@dataclass(frozen=True, kw_only=True)
class Endpoint:
    """Where a language model listens.

    The key is no field: `SEQUELA_LLM_API_KEY` is read when asking. `OPENAI_API_KEY` stands in for
    it, but is sent nowhere but to OpenAI itself and to the address in `OPENAI_BASE_URL`.

    Attributes:
        base_url: Up to and with the version, such as `http://127.0.0.1:8000/v1`.
        model: As the server calls it.
        timeout_seconds: Longest wait for an answer to begin, and again for it to end, > 0.
        retries: Further tries after 429, 5xx, a timeout or a failed connection; `Retry-After` is
            honoured up to two minutes.
    """

    base_url: str = OPENAI
    model: str
    timeout_seconds: float = 60.0
    retries: int = 2

    def __post_init__(self) -> None:
        _check_url(self.base_url)
        if not self.model.strip():
            raise InvalidInputError(
                "`model` must name a language model, got ''. Set SEQUELA_LLM_MODEL."
            )
        check_positive("timeout_seconds", self.timeout_seconds)
        check_count("retries", self.retries, minimum=0)

    @classmethod
    def from_environment(
        cls,
        *,
        base_url: str | None = None,
        model: str | None = None,
        timeout_seconds: float = 60.0,
        retries: int = 2,
    ) -> "Endpoint":
        """What is given, else SEQUELA_LLM_BASE_URL and _MODEL, else OPENAI_BASE_URL and _MODEL.

        Raises:
            InvalidInputError: No model is named anywhere, or a value breaks a rule.
        """
        return cls(
            base_url=base_url or _setting("BASE_URL") or OPENAI,
            model=model or _setting("MODEL"),
            timeout_seconds=timeout_seconds,
            retries=retries,
        )

    @property
    def host(self) -> str:
        """The server's name and port, for messages."""
        return urlsplit(self.base_url).netloc

    @property
    def encrypted(self) -> bool:
        """Whether nobody on the way can read what is sent."""
        parts = urlsplit(self.base_url)
        return parts.scheme == "https" or parts.hostname in ("127.0.0.1", "localhost", "::1")


def key_of(endpoint: Endpoint) -> str:
    """The key to send, from the environment; `none` where a server wants none.

    Raises:
        InvalidInputError: It is missing or no key can look like that.
    """
    own = {OPENAI, os.environ.get("OPENAI_BASE_URL", OPENAI).strip()}
    key = os.environ.get("SEQUELA_LLM_API_KEY", "").strip()
    if not key and endpoint.base_url in own:
        key = os.environ.get("OPENAI_API_KEY", "").strip()
    if not key and endpoint.base_url == OPENAI:
        raise InvalidInputError(
            "`SEQUELA_LLM_API_KEY` must hold a key for OpenAI's server, but is not set. Set it, or "
            "name another server in SEQUELA_LLM_BASE_URL."
        )
    if not (key.isascii() and key.isprintable()) or " " in key:
        raise InvalidInputError(
            "`SEQUELA_LLM_API_KEY` must be one line of plain characters without blanks, and is "
            "not. Copy the key again."
        )
    return key or "none"  # servers of one's own often want none, the client always does


def _setting(name: str) -> str:
    return (
        os.environ.get(f"SEQUELA_LLM_{name}", "").strip()
        or os.environ.get(f"OPENAI_{name}", "").strip()
    )


def _check_url(url: str) -> None:
    try:
        parts = urlsplit(url)
        host = (parts.hostname or "").encode("idna")  # the client fails at names it cannot encode
        web = parts.scheme in ("http", "https") and bool(host) and parts.port != 0
        plain = web and url.isprintable() and " " not in url
        secret = "@" in parts.netloc or bool(parts.query or parts.fragment)
    except ValueError:
        plain = secret = False
    if secret:
        raise InvalidInputError(
            "`base_url` must hold no user, password, query or fragment, and does. Give the key in "
            "SEQUELA_LLM_API_KEY."
        )
    if not plain:
        raise InvalidInputError(
            f"`base_url` must be an address such as http://127.0.0.1:8000/v1, got {url!r}. "
            "Set SEQUELA_LLM_BASE_URL."
        )
