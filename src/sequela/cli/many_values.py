"""Options that take any number of values, as in `--dates 2020-03-01 2021-04-12 --out run/`."""

from pathlib import Path
from typing import Any

from typer.core import TyperCommand


class ManyValues(TyperCommand):
    """A command whose options `--dates` and `--at` go on until the next option or file."""

    spread: tuple[str, ...] = ("--dates", "--at")

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Repeat the option before each further value, which is how click takes several."""
        parsed: list[str] = super().parse_args(ctx, spread_values(args, self.spread))
        return parsed


def spread_values(args: list[str], options: tuple[str, ...]) -> list[str]:
    """The arguments with every further value of an option given an option of its own."""
    made: list[str] = []
    current, has_one = "", False
    for arg in args:
        if arg.startswith("--"):
            name, equals, _ = arg.partition("=")
            current, has_one = (name if name in options else ""), bool(equals)
        elif current and has_one and not Path(arg).exists():
            made.append(current)
        elif current and has_one:  # a file again: the option's values are over
            current = ""
        has_one = has_one or not arg.startswith("--")
        made.append(arg)
    return made
