"""One registry for everything that has a name: simulators, transitions, region providers."""

from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import entry_points
from typing import Generic, TypeVar

from sequela.core.checks import unknown_name
from sequela.core.errors import InvalidInputError, UnknownNameError

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class Entry(Generic[T]):
    """What is known of one registered thing."""

    name: str
    make: T  # the class or function itself
    source: str  # the paper, or "baseline"
    licence: str = "Apache-2.0"


class Registry(Generic[T]):
    """Names to factories; third parties join through the entry-point group `sequela.<kind>`.

    Args:
        kind: What is registered, in the singular; it appears in error messages.
    """

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self._entries: dict[str, Entry[T]] = {}
        self._asked_outsiders = False

    def add(self, name: str, make: T, *, source: str, licence: str = "Apache-2.0") -> None:
        """Register `make` under a kebab-case name; a duplicate is refused."""
        if name in self._entries:
            raise InvalidInputError(
                f"`{self.kind}` {name!r} is already registered; choose a new one."
            )
        self._entries[name] = Entry(name=name, make=make, source=source, licence=licence)

    def get(self, name: str) -> Entry[T]:
        """The entry of that name; outsiders' packages are asked on the first miss."""
        if name not in self._entries:
            self._ask_outsiders()
        if name not in self._entries:
            raise UnknownNameError(unknown_name(self.kind, name, self._entries))
        return self._entries[name]

    def __iter__(self) -> Iterator[Entry[T]]:
        return iter([self._entries[name] for name in sorted(self._entries)])

    def _ask_outsiders(self) -> None:
        if self._asked_outsiders:
            return
        self._asked_outsiders = True
        for point in entry_points(group=f"sequela.{self.kind}"):
            if point.name not in self._entries:
                self.add(point.name, point.load(), source=f"entry point {point.value}")
