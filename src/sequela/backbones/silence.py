"""Silence: keep what other packages log out of every log while private text is on its way."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

# A context variable, so that another thread's logs stay as they are.
_silent: ContextVar[bool] = ContextVar("silent", default=False)


class _Mute(logging.Filter):
    def filter(self, record: logging.LogRecord) -> bool:
        return not _silent.get()


_MUTE = _Mute()


@contextmanager
def unlogged(*packages: str) -> Iterator[None]:
    """Within it, these packages log nothing, whatever level anybody has set for them.

    A level would not do: users raise levels to debug, and then requests are in the log.

    Args:
        packages: Names of top loggers; those below them are meant too. Import them before.
    """
    token = _silent.set(True)
    try:
        for name in _loggers(packages):
            logging.getLogger(name).addFilter(_MUTE)  # twice is once; loggers below need their own
        yield
    finally:
        _silent.reset(token)


def _loggers(packages: tuple[str, ...]) -> list[str]:
    known = list(logging.root.manager.loggerDict)
    return [*packages, *(n for n in known if n.startswith(tuple(f"{p}." for p in packages)))]
