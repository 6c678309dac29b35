"""A bridge between real films of one patient."""

import csv
import os
from collections import defaultdict
from pathlib import Path

import numpy as np
import pytest

import sequela

pytestmark = pytest.mark.realdata


@pytest.fixture(scope="module")
def visits() -> list[tuple[float, Path]]:
    """The dated films of a `test` patient with three visits."""
    folder = os.environ.get("SEQUELA_DATA")
    if not folder:
        pytest.skip("SEQUELA_DATA names no folder with the public images")
    found: dict[str, dict[float, Path]] = defaultdict(dict)
    with (Path(folder) / "cxr_time/labels.csv").open(encoding="utf-8", errors="replace") as file:
        for row in csv.DictReader(file):
            if row["split"] == "test" and row["days"]:
                path = Path(folder) / "cxr_time" / row["file"]
                found[row["patient_id"]].setdefault(float(row["days"]), path)
    return next(sorted(films.items()) for films in found.values() if len(films) == 3)


def test_two_real_visits_are_bridged_and_the_state_between_is_no_copy(visits, tmp_path) -> None:
    pytest.importorskip("SimpleITK")
    first, last = sequela.read(visits[0][1]), sequela.read(visits[-1][1])
    made = sequela.bridge(first, last, dates=("2020-01-01", "2020-01-31"), at=["2020-01-16"])
    made.save(tmp_path / "run")
    back = sequela.open_run(tmp_path / "run")
    assert np.array_equal(back.states[0].image, first.array)
    gaps = [
        np.abs(back.states[1].image.astype(float) - back.states[n].image).mean() for n in (0, 2)
    ]
    assert min(gaps) > 0.3 * max(gaps) > 0
    assert back.record.config["agreement"] >= back.record.config["agreement_before"]
    assert (tmp_path / "run" / "video.mp4").stat().st_size > 1000
