"""Make what the lung engine bundles beside its weights: the example patient and the mean drift.

    python benchmarks/lungs_assets.py example --seed 4000178 --scans 2
    python benchmarks/lungs_assets.py drift --patients 200 --cache work/lungs-drift

Both come from the synthetic cohort: no image of a person goes into them. The seeds of the drift are
those of training, the example's is in neither training nor test.
"""

import argparse
import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from sequela.cohorts.synthetic.lungs import draw_patient
from sequela.io import write_array
from sequela.simulators.lungs.population import fit_population, save_population
from sequela.training.lung_scans import drawn_scans

ASSETS = Path(__file__).parents[1] / "src" / "sequela" / "assets"
DAYS_PER_YEAR = 365.25


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=("example", "drift"))
    parser.add_argument("--seed", type=int, default=4_000_178)
    parser.add_argument("--scans", type=int, default=2)
    parser.add_argument("--patients", type=int, default=200)
    parser.add_argument("--cache", type=Path, default=Path("work/lungs-drift"))
    options = parser.parse_args()
    if options.what == "example":
        print(example(options.seed, options.scans))
    else:
        print(drift(options.patients, options.cache))


def example(seed: int, count: int) -> Path:
    """The first scans of one patient as NIfTI, with the seed that draws the truth."""
    patient, folder = draw_patient(seed), ASSETS / "examples" / "lungs"
    folder.mkdir(parents=True, exist_ok=True)
    names, days = [], []
    for number, years in enumerate(patient.visit_years[:count], 1):
        days.append(round(years * DAYS_PER_YEAR))
        # drawn for the whole day that the file tells
        volume = patient.scan(days[-1] / DAYS_PER_YEAR).astype(np.int16)
        path = write_array(folder / f"visit-{number}", volume, affine=patient.grid.affine)
        names.append(path.name)
    told = {
        "seed": seed,
        "start": "2020-01-01",
        "days": days,
        "scans": names,
        "law": patient.law,
        "arm": patient.arm,
        "note": "Drawn by sequela.cohorts.synthetic.lungs; shows no person.",
    }
    (folder / "patient.json").write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")
    return folder


def drift(patients: int, cache: Path) -> Path:
    """The mean change a year of training patients, over the box of the lungs."""
    scans = drawn_scans(draw_patient, list(range(patients)), cache)

    def cases() -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
        for number, history in enumerate(scans.histories):
            rows = [history.rows[0], history.rows[-1]]
            years = np.array([history.years[0], history.years[-1]])
            yield scans.volumes[rows], years, scans.lungs[number].astype(bool)

    card = {
        "name": "lung-drift",
        "data": {"sets": ["synthetic-lungs"], "training_patients": patients},
        "licence": "Apache-2.0; made of drawn patients only.",
    }
    path = ASSETS / "lungs" / "drift.safetensors"
    save_population(fit_population(cases(), card), path)
    return path


if __name__ == "__main__":
    main()
