"""TOML files into frozen dataclasses: an unknown key is an error, and so is a missing one."""

import tomllib
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any, TypeVar

from sequela.core.errors import InvalidInputError, UnreadableFileError

T = TypeVar("T")


def read_toml(path: Path, name: str) -> dict[str, Any]:
    """The tables of a TOML file; `name` is the argument it was given as.

    Raises:
        UnreadableFileError: There is no such file.
        InvalidInputError: It is not TOML.
    """
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UnreadableFileError(
            f"`{name}` must be a TOML file, but {path} cannot be read ({error.strerror})."
        ) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InvalidInputError(f"`{name}` {path.name} is not valid TOML: {error}.") from error


def section(kind: type[T], values: dict[str, Any], name: str) -> T:
    """One table as the dataclass `kind`; lists become tuples.

    Raises:
        InvalidInputError: A key is unknown or missing, or its value breaks a rule.
    """
    assert is_dataclass(kind)  # noqa: S101  # our own callers
    known = {f.name for f in fields(kind)}
    surplus = sorted(set(values) - known)
    if surplus:
        raise InvalidInputError(
            f"`{name}` does not know {surplus}. It knows {', '.join(sorted(known))}."
        )
    plain = {k: tuple(v) if isinstance(v, list) else v for k, v in values.items()}
    try:
        return kind(**plain)
    except TypeError as error:
        raise InvalidInputError(f"`{name}` is incomplete: {error}.") from error
