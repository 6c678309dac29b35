"""Failures: one sentence for each way in which a language model's server lets one down.

No sentence repeats what the server says: servers quote keys and requests.
"""

from sequela.backbones.endpoint import Endpoint

_OWN_WAY = "Or do without a language model."


def refusal(status: int, wait: str | None, endpoint: Endpoint) -> str:
    """The sentence for an HTTP status; the server's own words may quote the request."""
    host, model = endpoint.host, endpoint.model
    if status in (401, 403):
        return (
            f"`SEQUELA_LLM_API_KEY` was refused by {host} ({status}). Set a key that may use "
            f"the model {model!r}."
        )
    if status == 404:
        return (
            f"`model` {model!r} is not known to {host} (404). Name one it offers in "
            "SEQUELA_LLM_MODEL; if it is right, correct SEQUELA_LLM_BASE_URL, which mostly ends "
            "in /v1."
        )
    if status == 429:
        seconds = wait if wait and wait.replace(".", "", 1).isdigit() else ""
        later = f"{seconds} seconds" if seconds else "a while"
        return (
            f"`endpoint` {host} takes no more requests, or the quota is used up (429)"
            f"{_tries(endpoint)}. Wait {later}. {_OWN_WAY}"
        )
    if 300 <= status < 400:
        return (
            f"`endpoint` {host} redirects to another address ({status}), where nothing is sent. "
            "Set SEQUELA_LLM_BASE_URL to the final address."
        )
    if status >= 500 or status in (408, 409):
        return f"`endpoint` {host} failed ({status}){_tries(endpoint)}. Try again later. {_OWN_WAY}"
    return (
        f"`endpoint` {host} refuses the request ({status}). Name a model in SEQUELA_LLM_MODEL that "
        "follows chats, takes temperature 0 and has room for what is sent."
    )


def too_slow(endpoint: Endpoint) -> str:
    """It hangs, or drips."""
    return (
        f"`endpoint` {endpoint.host} did not answer within {endpoint.timeout_seconds:g} seconds"
        f"{_tries(endpoint)}. Allow more with timeout_seconds. {_OWN_WAY}"
    )


def unreachable(endpoint: Endpoint) -> str:
    """Nobody listens there."""
    return (
        f"`endpoint` {endpoint.host} could not be reached, or its certificate is not trusted"
        f"{_tries(endpoint)}. Start the server, or correct SEQUELA_LLM_BASE_URL."
    )


def cut(endpoint: Endpoint) -> str:
    """The answer broke off."""
    return (
        f"`endpoint` {endpoint.host} broke the connection before its answer was complete. "
        f"Try again. {_OWN_WAY}"
    )


def nonsense(endpoint: Endpoint, what: str) -> str:
    """The answer is none of what was asked for."""
    return (
        f"`model` {endpoint.model!r} must answer in JSON of the asked-for schema, got {what}. "
        f"Name a model in SEQUELA_LLM_MODEL that follows schemas. {_OWN_WAY}"
    )


def _tries(endpoint: Endpoint) -> str:
    return f", in {endpoint.retries + 1} tries" if endpoint.retries else ""
