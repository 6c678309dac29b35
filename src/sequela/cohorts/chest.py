"""Chest X-ray cohorts: the NIH subset, and the freely licensed part of the COVID-19 collection.

Source: Wang et al., "ChestX-ray8", CVPR 2017 (NIH Clinical Center); Cohen et al., "COVID-19 image
data collection", arXiv:2006.11988.
"""

from pathlib import Path

from sequela.cohorts.examples import Example, age_years_of, read_labels, sex_of

_COLUMNS = ("file", "label", "patient_id", "split", "view")
_TIME_FINDINGS: dict[str, tuple[str, ...] | None] = {
    "COVID-19": ("COVID-19",),
    "No Finding": (),
    "Pneumocystis": ("Pneumonia",),
    "ARDS": ("Edema",),
}


def cxr_nih(root: Path) -> list[Example]:
    """NIH ChestX-ray14 films labelled "no finding" or "pneumonia", with all other findings."""
    folder = root / "cxr_nih"

    def example(row: dict[str, str]) -> Example:
        names = [n for n in row["all_findings"].split("|") if n and n != "No Finding"]
        return Example(
            path=folder / row["file"],
            patient=row["patient_id"],
            split=row["split"],
            findings=tuple(sorted(name.replace("_", " ") for name in names)),
            view=row["view"],
            age_years=age_years_of(row),
            sex=sex_of(row),
        )

    return read_labels(folder, (*_COLUMNS, "all_findings"), example)


def cxr_time_open(root: Path) -> list[Example]:
    """Freely licensed films of the COVID-19 collection; the others are left out.

    COVID-19 films keep a label of their own: they are cut tightly around the lungs, and under a
    shared label that framing would be learned as a sign of pneumonia.
    """
    folder = root / "cxr_time"

    def example(row: dict[str, str]) -> Example | None:
        if row["licence_class"] != "open":
            return None
        return Example(
            path=folder / row["file"],
            patient=row["group"] or row["patient_id"],
            split=row["split"],
            findings=_TIME_FINDINGS.get(row["label"]),
            view="PA" if row["view"] == "PA" else "AP",
            age_years=age_years_of(row),
            sex=sex_of(row),
        )

    return read_labels(folder, (*_COLUMNS, "licence_class", "group"), example)
