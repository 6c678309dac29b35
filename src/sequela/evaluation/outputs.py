"""Outputs: scores, failures and tables of a protocol as files that other programs read."""

import csv
import io
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from sequela.core import MissingExtraError
from sequela.evaluation.scoring import Row
from sequela.evaluation.simulate import Failure
from sequela.evaluation.tables import COLUMNS, GAINS, Table, TableRow
from sequela.metrics.bootstrap import Estimate

_FAILED = ("domain", "image", "seed", "reason")


def records(rows: Sequence[Row]) -> list[dict[str, Any]]:
    """One flat record for each cell."""
    return [
        {
            "domain": row.made.task.name,
            "table": row.made.entrant.table,
            "entrant": row.made.entrant.label,
            "image": row.made.example.path.name,
            "patient": row.made.example.patient,
            "seed": row.made.seed,
            **row.figures,
            "scores": [round(float(s), 6) for s in row.scores],
            "likeness": [round(float(s), 6) for s in row.likeness],
        }
        for row in rows
    ]


def scores_csv(rows: Sequence[Row]) -> str:
    """All cells; score and likeness of each state in one column each, parted by blanks."""
    lines = records(rows)
    for line in lines:
        for name in ("scores", "likeness"):
            line[name] = " ".join(f"{s:g}" for s in line[name])
    return _csv(lines, list(lines[0]) if lines else [])


def failures_csv(failures: Sequence[Failure]) -> str:
    """What could not be simulated, and why; a header alone is good news."""
    return _csv([asdict(failure) for failure in failures], _FAILED)


def write_parquet(rows: Sequence[Row], path: Path) -> None:
    """The same as `scores.csv`, typed, with scores as lists.

    Raises:
        MissingExtraError: pyarrow is not installed.
    """
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError as error:
        raise MissingExtraError(
            "results.parquet needs pyarrow. Install it with: pip install 'sequela[evaluate]'"
        ) from error
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(records(rows)), path)


def markdown(table: Table) -> str:
    """One table, with the paper's figures beside ours where it prints them."""
    head, body = grid(table)
    lines = [head, ["---"] * len(head), *body]
    title = f"### {table.name}: {table.domain} (judge: {table.judge})\n\n"
    caveat = f"**{table.caveat}**\n\n" if table.caveat else ""
    real = f"\n\nKID of real ill images, half against half: {table.real_kid:.3f}.\n"
    return title + caveat + _piped(lines) + real + _subgroups(table)


def _subgroups(table: Table) -> str:
    if not table.subgroups:
        return ""
    head, body = subgroup_grid(table)
    lines = [head, ["---"] * len(head), *body]
    return f"\n{table.rows[0].entrant.label}, Conf_final by subgroup:\n\n{_piped(lines)}\n"


def _piped(lines: Sequence[Sequence[str]]) -> str:
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def latex(table: Table) -> str:
    """The same as a LaTeX tabular."""
    head, body = grid(table)
    rows = [" & ".join(_escaped(c) for c in line) + r" \\" for line in (head, *body)]
    columns = "l" + "r" * (len(head) - 1)
    return "\n".join(
        [
            f"% {table.name}, {table.domain}, judge {table.judge}",
            rf"\begin{{tabular}}{{{columns}}}",
            r"\hline",
            rows[0],
            r"\hline",
            *rows[1:],
            r"\hline",
            r"\end{tabular}",
            "",
        ]
    )


def table_csv(table: Table) -> str:
    """The same with one column for each number."""
    lines = []
    for row in table.rows:
        line: dict[str, Any] = {"entrant": row.entrant.label, "images": row.images}
        for column, told in row.figures.items():
            line |= {column: told.value, f"{column}_low": told.low, f"{column}_high": told.high}
        line |= {"kid": row.kid}
        lines.append(line)
    return _csv(lines, list(lines[0]))


def grid(table: Table) -> tuple[list[str], list[list[str]]]:
    """Head and body as words."""
    shown = [c for c in COLUMNS if any(row.figures[c].cases for row in table.rows)]
    printed = any(row.entrant.paper.get(table.domain) for row in table.rows)
    compared = [name for name in GAINS if any(_is_told(row, name) for row in table.rows)]
    gains = [f"{name}: first minus this" for name in compared]
    head = ["", "n", *(COLUMNS[c] for c in shown), *gains, "KID"]
    body = []
    for row in table.rows:
        paper = row.entrant.paper.get(table.domain, {})
        cells = [row.entrant.label, str(row.images)]
        for column in shown:
            told = str(row.figures[column]) if row.figures[column].cases else ""
            if printed and column in paper:
                told += f" (paper {paper[column]:g})"
            cells.append(told)
        ahead = [_signed(row.gains.get(name)) for name in compared]
        body.append([*cells, *ahead, f"{row.kid:.3f}"])
    return head, body


def _is_told(row: TableRow, name: str) -> bool:
    return name in row.gains and row.gains[name].cases > 0


def subgroup_grid(table: Table) -> tuple[list[str], list[list[str]]]:
    """Head and body of the subgroups as words."""
    head = ["", "patients", "Conf_final", "gap to all others", "enough patients to tell"]
    body = [
        [
            f"{row.attribute}: {row.group}",
            str(row.inside.patients),
            str(row.inside),
            _signed(row.gap),
            "yes" if row.told else "no",
        ]
        for row in table.subgroups
    ]
    return head, body


def _signed(gain: Estimate | None) -> str:
    return "" if gain is None else f"{gain.value:+.3f} [{gain.low:+.3f}, {gain.high:+.3f}]"


def _escaped(text: str) -> str:
    return text.replace("_", r"\_").replace("%", r"\%").replace("&", r"\&")


def _csv(lines: Sequence[dict[str, Any]], columns: Sequence[str]) -> str:
    stream = io.StringIO()
    writer = csv.DictWriter(stream, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(lines)
    return stream.getvalue()
