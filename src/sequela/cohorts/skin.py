"""Dermoscopies of pigmented lesions: HAM10000 in part, and a public-domain set of the ISIC Archive.

Source: Tschandl et al., Scientific Data 2018, doi 10.1038/sdata.2018.161 (non-commercial); ISIC
Archive, collection UDA-1 (CC0).
"""

from pathlib import Path

from sequela.cohorts.examples import Example, age_years_of, read_labels, sex_of

_COLUMNS = ("file", "label", "patient_id", "split")
NAMES = {
    "nv": (),
    "nevus": (),
    "mel": ("melanoma",),
    "melanoma": ("melanoma",),
    "bkl": ("benign keratosis-like lesions",),
    "bcc": ("basal cell carcinoma",),
    "akiec": ("actinic keratoses and intraepithelial carcinoma",),
    "vasc": ("vascular lesions",),
    "df": ("dermatofibroma",),
}


def skin_ham(root: Path) -> list[Example]:
    """HAM10000's seven diagnoses; a nevus has no finding, for there is no healthy skin."""
    return _read(root / "skin_ham")


def skin_isic(root: Path) -> list[Example]:
    """Nevi and melanomas of the ISIC Archive that are in the public domain."""
    return _read(root / "skin_isic_cc0")


def _read(folder: Path) -> list[Example]:
    def example(row: dict[str, str]) -> Example:
        return Example(
            path=folder / row["file"],
            patient=row["patient_id"],
            split=row["split"],
            findings=NAMES.get(row["label"]),  # "benign" alone says too little
            age_years=age_years_of(row),
            sex=sex_of(row),
        )

    return read_labels(folder, _COLUMNS, example)
