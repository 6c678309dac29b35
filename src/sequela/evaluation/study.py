"""Study: a protocol from images to tables, plots and one page; an interrupted one goes on."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from sequela.core import DISCLAIMER
from sequela.core.checks import check_count
from sequela.evaluation import outputs, pictures
from sequela.evaluation.protocol import Protocol
from sequela.evaluation.scoring import Row, score_all
from sequela.evaluation.simulate import Failure, simulate_all
from sequela.evaluation.subjects import subjects_of
from sequela.evaluation.tables import Table, tables_of
from sequela.io import atomic_folder
from sequela.render import write_page
from sequela.simulators.recording import versions

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, kw_only=True, eq=False)
class Study:
    """What a protocol came to.

    Attributes:
        protocol: What was asked.
        rows: One for each cell.
        failures: Images that could not be simulated.
        tables: In every domain.
    """

    protocol: Protocol
    rows: Sequence[Row]
    failures: Sequence[Failure]
    tables: Sequence[Table]


def evaluate(
    protocol: Protocol,
    *,
    data: Path,
    out: Path,
    workers: int = 1,
    overwrite: bool = False,
    progress: Progress | None = None,
) -> Study:
    """Run a protocol and write `out/results`; cells are kept in `out/cells` for the next run.

    Args:
        protocol: From `read_protocol`.
        data: Folder that holds the data sets.
        out: Folder for cells and results.
        workers: Processes that simulate.
        overwrite: Replace results that are already there.
        progress: Called with what is being done, how much of it is done, and how much there is.

    Raises:
        OutputExistsError: There are results and `overwrite` is not set; nothing was computed.
        MissingExtraError: pyarrow or matplotlib is not installed.
    """
    check_count("workers", workers)

    def told(stage: str) -> Callable[[int, int], None]:
        return lambda done, all_: progress(stage, done, all_) if progress else None

    cells = out / "cells"
    with atomic_folder(out / "results", overwrite=overwrite) as work:
        subjects = {task.name: subjects_of(task, data) for task in protocol.domains}
        made, failures = simulate_all(
            protocol, subjects, cells, workers=workers, progress=told("simulating")
        )
        rows, judges = score_all(protocol.domains, made, cells, told("scoring"))
        real = {name: judges[name].features_of(found.real) for name, found in subjects.items()}
        tables = tables_of(rows, judges, real)
        study = Study(protocol=protocol, rows=rows, failures=failures, tables=tables)
        _write(study, work, cells)
    return study


def _write(study: Study, folder: Path, cells: Path) -> None:
    texts = {
        "scores.csv": outputs.scores_csv(study.rows),
        "failures.csv": outputs.failures_csv(study.failures),
        "tables.md": "\n".join(outputs.markdown(t) for t in study.tables),
        "tables.tex": "\n".join(outputs.latex(t) for t in study.tables),
        "record.json": json.dumps(_record(study), indent=2) + "\n",
    }
    for table in study.tables:
        texts[f"{_slug(table)}.csv"] = outputs.table_csv(table)
    for name, text in texts.items():
        (folder / name).write_text(text, encoding="utf-8")
    outputs.write_parquet(study.rows, folder / "results.parquet")
    write_page(
        "evaluation.html.j2",
        folder / "results.html",
        disclaimer=DISCLAIMER,
        name=study.protocol.name,
        parts=[_part(study, table, cells) for table in study.tables],
        failures=study.failures,
        cells=len(study.rows),
        seeds=study.protocol.seeds,
    )


def _part(study: Study, table: Table, cells: Path) -> dict[str, object]:
    head, body = outputs.grid(table)
    return {
        "table": table,
        "head": head,
        "body": body,
        "curves": pictures.curves_svg(table, study.rows),
        "prices": pictures.prices_svg(table, study.rows),
        "steps": pictures.steps_svg(table, study.rows, cells),
        "paths": pictures.paths_svg(table, study.rows),
        "subgroups": outputs.subgroup_grid(table) if table.subgroups else None,
        "strips": pictures.strips_of(table, study.rows, cells),
    }


def _record(study: Study) -> dict[str, object]:
    return {
        "protocol": study.protocol.name,
        "seeds": study.protocol.seeds,
        "cells": len(study.rows),
        "failures": len(study.failures),
        "versions": versions(),
        "disclaimer": DISCLAIMER,
    }


def _slug(table: Table) -> str:
    return f"{table.name}-{table.domain}".replace(" ", "-").replace("/", "-")
