"""Fundus photographs with grades of diabetic retinopathy.

Source: Kaggle Diabetic Retinopathy Detection 2015 (EyePACS), APTOS 2019 Blindness Detection, and
the images that ODIR-5K files as normal; research only.
"""

from pathlib import Path

from sequela.cohorts.examples import Example, read_labels

_COLUMNS = ("file", "label", "patient_id", "group", "split")
GRADES = {"1": "mild", "2": "moderate", "3": "severe", "4": "proliferative"}
_CAMERAS = {"eyepacs": "EyePACS", "aptos": "APTOS", "odir": "ODIR"}


def fundus(root: Path) -> list[Example]:
    """All three sources, each its own view: they look different, and ODIR here is healthy only."""
    folder = root / "fundus"

    def example(row: dict[str, str]) -> Example:
        grade = GRADES.get(row["label"])
        return Example(
            path=folder / row["file"],
            patient=row["group"] or row["patient_id"],
            split=row["split"],
            findings=() if grade is None else ("diabetic", grade),
            view=_CAMERAS[row["file"].split("/")[0]],
        )

    return read_labels(folder, _COLUMNS, example)
