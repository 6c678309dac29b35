"""Two findings at once on real films: composed, each in its own place, against one prompt for both.

    python benchmarks/composition_films.py --data DIR --out FOLDER

The first `test` films without finding, edited towards pneumonia in the left half of the image and
cardiomegaly in the place found for the heart. No judge of both can be trusted, so this is a sheet
to look at: the film, the two ways, and beside each what it changed. Written with it: the mean
change in each finding's place, in shares of the window.
"""

import argparse
from pathlib import Path

import numpy as np
from composition import composed, one_prompt
from films import healthy_test_films, interval, write_figures

import sequela
from sequela.conditioning import auto_region
from sequela.core import Region, Scan
from sequela.render import contact_sheet, to_display

FINDINGS = ("Pneumonia", "Cardiomegaly")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--films", type=int, default=6)
    options = parser.parse_args()
    editor = sequela.load(model="chest-mini")
    shown, labels, changes = [], [], []
    for number, film in enumerate(healthy_test_films(options.data, options.films)):
        scan = sequela.read(film.path)
        places = places_of(scan)
        region = Region(array=np.maximum(*(p.array for p in places.values())), origin="drawn")
        ways = {"composed": composed(FINDINGS, places), "one prompt": one_prompt(FINDINGS, region)}
        first = to_display(scan.array, scan.window).astype(float)
        shown.append(first)
        labels.append(film.path.stem)
        row = []
        for name, asked in ways.items():
            states = editor.simulate(scan, condition=asked, region=region, seed=number).states
            last = to_display(states[-1].image, scan.window).astype(float)
            shown += [last, np.clip(128 + 2 * (last - first), 0, 255)]
            labels += [name, "its change, twice"]
            row.append([inside(last - first, places[f].array) for f in FINDINGS])
        changes.append(row)
    options.out.mkdir(parents=True, exist_ok=True)
    contact_sheet([x.astype(np.uint8) for x in shown], labels, options.out / "sheet.png", columns=5)
    table = np.array(changes)
    cases = [str(i) for i in range(len(table))]
    told = {
        name: {f: interval(table[:, i, j], cases) for j, f in enumerate(FINDINGS)}
        for i, name in enumerate(("composed", "one prompt"))
    }
    write_figures({"films": len(cases), "mean change in its place": told}, options.out / "f.json")


def places_of(scan: Scan) -> dict[str, Region]:
    """The left half of the image's lungs for pneumonia, the heart's place for cardiomegaly."""
    found = {}
    for finding in FINDINGS:
        region = auto_region(scan, "chest", (finding,)).region
        found[finding] = np.ones(scan.plane, np.float32) if region is None else region.array
    half = np.zeros(scan.plane, np.float32)
    half[:, : scan.plane[1] // 2] = 1
    found["Pneumonia"] = found["Pneumonia"] * half
    return {
        name: Region(array=place.astype(np.float32), origin="drawn")
        for name, place in found.items()
    }


def inside(change: np.ndarray, place: np.ndarray) -> float:
    return float(np.abs(change)[place > 0.5].mean() / 255)


if __name__ == "__main__":
    main()
