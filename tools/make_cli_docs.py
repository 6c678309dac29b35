"""Write docs/cli.md from the program itself; a test fails when the page is stale."""

from pathlib import Path

import typer
from typer.main import get_command

from sequela.cli import app

PAGE = Path(__file__).parents[1] / "docs" / "cli.md"


def page() -> str:
    """The command line reference as Markdown."""
    root = get_command(app)
    lines = [
        "# Command line",
        "",
        "Made by `make docs` from the program; do not edit.",
        "",
        "Exit codes: 0 done, 1 failed while working, 2 misuse, 130 interrupted.",
    ]
    for name, command in root.commands.items():  # type: ignore[attr-defined]  # typer's group
        lines += ["", f"## sequela {name}", "", *_words(command.help or ""), ""]
        lines += ["| option | meaning | default |", "|---|---|---|"]
        lines += [_row(parameter) for parameter in command.params]
    return "\n".join(lines) + "\n"


def _words(text: str) -> list[str]:
    return [f"    {line.strip()}" if "sequela " in line else line for line in text.splitlines()]


def _row(parameter: "typer.core.TyperOption") -> str:
    names = "`, `".join(parameter.opts)
    is_argument = parameter.param_type_name == "argument"
    shown = f"`{(parameter.name or '').upper()}`" if is_argument else f"`{names}`"
    meta = parameter.metavar
    if meta and not is_argument:
        shown += f" `{meta}`"
    text = (getattr(parameter, "help", None) or "").replace("|", "\\|")
    default = "required" if parameter.required else _default(parameter.default)
    return f"| {shown.replace('|', chr(92) + '|')} | {text} | {default} |"


def _default(value: object) -> str:
    return "" if value is None or value is False or value == "" else f"`{value}`"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
