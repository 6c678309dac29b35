"""Curves: one CSV line for each logged step."""

import csv
from pathlib import Path


def append_row(table: Path, step: int, figures: dict[str, float]) -> None:
    """Add a line; the first one is preceded by the names."""
    is_new = not table.exists()
    with table.open("a", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        if is_new:
            writer.writerow(["step", *figures])
        writer.writerow([step, *(f"{value:.6g}" for value in figures.values())])


def drop_rows_after(table: Path, step: int) -> None:
    """Forget what an interrupted training did after its last checkpoint: it is done again."""
    if not table.exists():
        return
    names, *lines = table.read_text(encoding="utf-8").splitlines()
    kept = [line for line in lines if int(line.split(",")[0]) <= step]
    table.write_text("\n".join([names, *kept, ""]), encoding="utf-8", newline="\n")
