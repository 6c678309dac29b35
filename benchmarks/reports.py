"""Measure what the rules understand of real notes: the 32 `test` notes of `cxr_time`.

    SEQUELA_DATA=FOLDER python benchmarks/reports.py

A finding counts as said where it is present or possible. The labels beside this file were set by
hand, from the notes alone, before the rules had read one of them: what the note says of this
patient's images and of the disease shown, history left out. Precision and recall are over the pairs
of note and finding; intervals are 95 % bootstrap, patients drawn with replacement. Every
disagreement is printed with the file's name; the notes themselves are not part of the repository.
"""

import csv
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from sequela.conditioning import CHEST
from sequela.conditioning.reports import read_report
from sequela.conditioning.reports.rules.chest import CHEST_LEXICON
from sequela.conditioning.reports.rules.lexicon import FINDING
from sequela.conditioning.reports.rules.text import sentences
from sequela.core import InvalidInputError
from sequela.metrics import patient_interval

LABELS = Path(__file__).with_name("reports_cxr_time.csv")


@dataclass(frozen=True, kw_only=True)
class Note:
    """One note: whose, what it says by hand, what the rules make of it, and what it names."""

    file: str
    patient: str
    said: frozenset[str]
    read: frozenset[str]
    named: frozenset[str]
    refused: str


def main() -> None:
    notes = list(read_notes(Path(os.environ["SEQUELA_DATA"]) / "cxr_time"))
    patients = np.array([note.patient for note in notes])
    counts = np.array(
        [(len(n.said & n.read), len(n.read - n.said), len(n.said - n.read)) for n in notes]
    )
    print(f"{len(notes)} notes of {len(set(patients))} patients")
    for name, wrong in (("precision", 1), ("recall", 2)):

        def share(index: np.ndarray, wrong: int = wrong) -> float:
            right, missed = counts[index, 0].sum(), counts[index, wrong].sum()
            return float(right / (right + missed)) if right + missed else float("nan")

        low, high = patient_interval(share, patients)
        right, missed = counts[:, 0].sum(), counts[:, wrong].sum()
        value = share(np.arange(len(notes)))
        print(f"{name}: {value:.3f} [{low:.3f}, {high:.3f}] ({right} of {right + missed})")
    print("for comparison:")
    compare(
        "every phrase of the lexicon, no negation, no sections", notes, [n.named for n in notes]
    )
    compare("always Infiltration", notes, [frozenset({"Infiltration"})] * len(notes))
    exact = np.mean([note.said == note.read for note in notes])
    print(f"notes understood in full: {exact:.3f}")
    for name in CHEST.findings:
        table(name, notes)
    for note in notes:
        complain(note)


def compare(title: str, notes: list[Note], guesses: list[frozenset[str]]) -> None:
    right = sum(len(n.said & guess) for n, guess in zip(notes, guesses, strict=True))
    guessed, said = sum(map(len, guesses)), sum(len(n.said) for n in notes)
    print(f"  {title}: precision {right / guessed:.3f}, recall {right / said:.3f}")


def table(name: str, notes: list[Note]) -> None:
    said = sum(name in note.said for note in notes)
    read = sum(name in note.read for note in notes)
    both = sum(name in note.said & note.read for note in notes)
    if said or read:
        print(f"  {name}: said {said}, read {read}, agreed {both}")


def complain(note: Note) -> None:
    extra, missing = sorted(note.read - note.said), sorted(note.said - note.read)
    if extra or missing:
        print(f"{note.file}: invented {extra}, missed {missing} {note.refused}")
    elif note.refused:
        print(f"{note.file}: rightly nothing found, refused with: {note.refused}")


def read_notes(folder: Path) -> Iterator[Note]:
    with LABELS.open(newline="", encoding="utf-8") as stream:
        labels = {row["file"]: row["findings"] for row in csv.DictReader(stream)}
    with (folder / "labels.csv").open(newline="", encoding="utf-8") as stream:
        rows = [row for row in csv.DictReader(stream) if row["file"] in labels]
    for row in rows:
        read, refused = findings_in(row["text"])
        yield Note(
            file=row["file"],
            patient=row["patient_id"],
            said=frozenset(filter(None, labels[row["file"]].split(";"))),
            read=frozenset(read),
            named=frozenset(named_in(row["text"])),
            refused=refused,
        )


def findings_in(text: str) -> tuple[set[str], str]:
    """What the rules read; a refused note counts as nothing read."""
    try:
        return {finding.name for finding in read_report(text, domain="chest").asked}, ""
    except InvalidInputError as error:
        return set(), str(error).partition(",")[0]


def named_in(text: str) -> set[str]:
    """Every finding of which a phrase occurs, whatever is said of it."""
    told = sentences(text, all_sections=True)
    hits = [hit for sentence in told for hit in CHEST_LEXICON.hits(sentence.plain)]
    return {hit.name for hit in hits if hit.kind == FINDING}


if __name__ == "__main__":
    main()
