"""Tables: entrants with intervals, and their paired differences to the first of their table."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from sequela.evaluation.protocol import Entrant
from sequela.evaluation.scoring import Judges, Row
from sequela.metrics.bootstrap import Estimate, mean_estimate
from sequela.metrics.confidence import conf_at
from sequela.metrics.kid import kid
from sequela.metrics.subgroups import UNKNOWN, SubgroupRow, age_band, subgroup_rows

COLUMNS = {
    "identity": "same person, whole",
    "identity_region": "same person, region",
    "same_and_ill": "same person and ill",
    "conf_final": "Conf_final",
    "conf_seq": "Conf_seq",
    "rise": "rise (logit)",
    "monotonicity": "order",
    "ssim": "SSIM",
    "change": "change inside",
    "outside": "largest outside",
    "ghosting": "ghosting",
}
"""Figures of a table, by the name they have in `scores.csv`."""


Gain = Callable[[Row, Row], float]


@dataclass(frozen=True, kw_only=True)
class TableRow:
    """One entrant in one domain.

    Attributes:
        entrant: Which.
        images: Cells it rests on.
        figures: Mean with interval, by column.
        gains: What the table's first entrant has more than this one, on the same images, by the
            names of `GAINS`; empty for the first itself.
        kid: On the judge's features against real ill images, and of real halves beside.
    """

    entrant: Entrant
    images: int
    figures: dict[str, Estimate]
    gains: dict[str, Estimate]
    kid: float


@dataclass(frozen=True, kw_only=True)
class Table:
    """All entrants of one table in one domain.

    Attributes:
        name: Of the table.
        domain: Of the task.
        judge: Name of the judge.
        caveat: What is known against it.
        real_kid: KID of real ill images, one half against the other.
        rows: In the order of the protocol.
        subgroups: Conf_final of the first entrant by sex, age and view, where these are known.
    """

    name: str
    domain: str
    judge: str
    caveat: str
    real_kid: float
    rows: tuple[TableRow, ...]
    subgroups: tuple[SubgroupRow, ...]

    def own(self, rows: Sequence[Row]) -> list[Row]:
        """Of all cells' rows, those that this table is of."""
        key = (self.name, self.domain)
        return [r for r in rows if (r.made.entrant.table, r.made.task.name) == key]


def tables_of(
    rows: Sequence[Row],
    judges: dict[str, Judges],
    real: dict[str, np.ndarray],
) -> list[Table]:
    """Every table in every domain that has cells in it.

    Args:
        rows: From `scoring.score_all`.
        judges: By domain.
        real: Judge's features of real ill images, by domain.
    """
    made: dict[tuple[str, str], list[Row]] = {}
    for row in rows:
        key = (row.made.entrant.table, row.made.task.name)
        made.setdefault(key, []).append(row)
    return [
        _table(name, domain, own, judges[domain], real[domain])
        for (name, domain), own in made.items()
    ]


def _table(name: str, domain: str, rows: list[Row], judges: Judges, real: np.ndarray) -> Table:
    entrants: dict[str, list[Row]] = {}
    for row in rows:
        entrants.setdefault(row.made.entrant.label, []).append(row)
    first = next(iter(entrants.values()))
    known = str(judges.judge.card["name"])
    return Table(
        name=name,
        domain=domain,
        judge=known,
        caveat=rows[0].made.task.caveat,
        real_kid=_distance(real[::2], real[1::2], known),
        rows=tuple(
            TableRow(
                entrant=own[0].made.entrant,
                images=len(own),
                figures={c: _mean(own, c) for c in COLUMNS},
                gains={} if own is first else {n: _paired(first, own, g) for n, g in GAINS.items()},
                kid=_distance(np.stack([row.features[-1] for row in own]), real, known),
            )
            for own in entrants.values()
        ),
        subgroups=_subgroups(first),
    )


def _subgroups(rows: Sequence[Row]) -> tuple[SubgroupRow, ...]:
    examples = [row.made.example for row in rows]
    groups = {
        "sex": np.array([e.sex or UNKNOWN for e in examples]),
        "age": np.array([age_band(e.age_years) for e in examples]),
        "view": np.array([e.view or UNKNOWN for e in examples]),
    }
    scores = np.array([row.figures["conf_final"] for row in rows])
    patients = np.array([e.patient for e in examples])
    varied = {name: given for name, given in groups.items() if len(set(given.tolist())) > 1}
    return tuple(subgroup_rows(lambda i: float(scores[i].mean()), varied, patients))


def _mean(rows: Sequence[Row], column: str) -> Estimate:
    values = np.array([row.figures[column] for row in rows])
    return _told(values, np.array([row.made.example.patient for row in rows]))


def _told(values: np.ndarray, patients: np.ndarray) -> Estimate:
    if np.isnan(values).all():
        nothing = float("nan")
        return Estimate(value=nothing, low=nothing, high=nothing, cases=0, patients=0)
    return mean_estimate(values, patients)


def _more(column: str) -> Gain:
    return lambda first, other: first.figures[column] - other.figures[column]


def _more_at_its_likeness(first: Row, other: Row) -> float:
    reached = float(first.likeness[-1])
    return first.figures["conf_final"] - conf_at(other.scores, other.likeness, reached)


GAINS: dict[str, Gain] = {
    "Conf_final": _more("conf_final"),
    "Conf_final at the first's SSIM": _more_at_its_likeness,
    "same person and ill": _more("same_and_ill"),
}
"""What the first entrant of a table is ahead in."""


def _paired(first: Sequence[Row], other: Sequence[Row], gain: Gain) -> Estimate:
    """On images and seeds that both have."""
    mine = {(r.made.key.image, r.made.seed): r for r in first}
    pairs = [(mine[key], r) for r in other if (key := (r.made.key.image, r.made.seed)) in mine]
    gains = np.array([gain(a, b) for a, b in pairs])
    return _told(gains, np.array([b.made.example.patient for _, b in pairs]))


def _distance(made: np.ndarray, real: np.ndarray, features: str) -> float:
    if min(len(made), len(real)) < 2:
        return float("nan")
    return kid(made, real, features=features).value
