"""How well hardware on chest films is found, and that it outlives an edit.

    python benchmarks/devices.py --data FOLDER --out work/devices

Hardware of known place is drawn into real `test` films of patients who stand (PA views): recall of
its pixels and of whole pieces by kind and contrast, with intervals over patients; and the share of
the same films that is flagged with nothing drawn, part of which is hardware of their own. Sheets
show real films of intensive care, and a drawn pacemaker through an edit towards pneumonia.
"""

import argparse
from dataclasses import replace
from pathlib import Path

import numpy as np
from films import interval, write_figures

import sequela
from sequela.cohorts import Example, load_cohorts
from sequela.cohorts.synthetic.hardware import KINDS, Hardware, draw_hardware
from sequela.conditioning import Instructions, Wish, find_devices
from sequela.core import Scan, Window
from sequela.imaging import channels_first, to_model_range
from sequela.render import contact_sheet

FOUND = 0.5  # share of its pixels from which on a piece counts as found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--split", default="test")
    options = parser.parse_args()
    films = [e for e in load_cohorts(("cxr-nih",), options.data) if e.split == options.split]
    standing = [e for e in films if e.view == "PA"]
    options.out.mkdir(parents=True, exist_ok=True)
    figures = measured(standing)
    lying = [e for e in films if e.view == "AP"][:12]
    care = [e for e in load_cohorts(("cxr-time-open",), options.data) if e.split == options.split]
    overlays(lying + care[:12], options.out / "real.png")
    overlays(standing[:24], options.out / "standing.png")
    figures["pacemaker"] = outlives(standing[:4], options.out / "pacemaker.png")
    figures["invented"] = invented(standing[:6])
    write_figures(figures, options.out / "figures.json")


def grey(scan: Scan) -> np.ndarray:
    shown = (channels_first(to_model_range(scan.array, scan.window)).mean(axis=0) + 1) / 2
    return np.clip(shown, 0, 1).astype(np.float32)


def with_film(scan: Scan, film: np.ndarray) -> Scan:
    window = Window(low=0, high=255, origin="dtype")
    return replace(scan, array=np.rint(film * 255).astype(np.uint8), window=window)


def measured(examples: list[Example]) -> dict[str, object]:
    """Recall by kind, and the flagged share of films as they are."""
    draw = np.random.default_rng(0)
    rows: dict[str, list[tuple[float, float]]] = {kind: [] for kind in KINDS}
    flagged = []
    for example in examples:
        scan = sequela.read(example.path)
        film = grey(scan)
        flagged.append(float(find_devices(scan).mask.mean()))
        for kind, drawn in rows.items():
            piece = draw_hardware(film, kind, draw)
            found = find_devices(with_film(scan, piece.film)).mask
            drawn.append((float((found & piece.mask).sum() / piece.mask.sum()), piece.contrast))
    patients = [e.patient for e in examples]
    figures: dict[str, object] = {
        "films": len(examples),
        "flagged share of films as they are": told(np.array(flagged), patients),
        "films with nothing flagged": sum(share == 0 for share in flagged),
    }
    for kind, drawn in rows.items():
        recall, contrast = np.array(drawn).T
        low = contrast < np.median(contrast)
        figures[kind] = {
            "pixel recall": told(recall, patients),
            "pieces found": told((recall > FOUND).astype(float), patients),
            "pixel recall, fainter half": round(float(recall[low].mean()), 3),
            "pixel recall, plainer half": round(float(recall[~low].mean()), 3),
        }
    return figures


def told(values: np.ndarray, patients: list[str]) -> str:
    mean, low, high = interval(values, patients)
    return f"{mean:.4f} [{low:.4f}, {high:.4f}]"


def overlays(examples: list[Example], path: Path) -> None:
    """Films with what was found in red."""
    pictures, labels = [], []
    for example in examples:
        scan = sequela.read(example.path)
        devices = find_devices(scan)
        picture = np.repeat(np.rint(grey(scan) * 255).astype(np.uint8)[..., None], 3, axis=-1)
        picture[devices.mask] = (230, 60, 50)
        pictures.append(thumbnail(picture))
        labels.append(devices.summary or "nothing")
    contact_sheet(pictures, labels, path, columns=6)


def thumbnail(picture: np.ndarray, side: int = 320) -> np.ndarray:
    from PIL import Image

    image = Image.fromarray(picture)
    image.thumbnail((side, side))
    return np.asarray(image)


def outlives(examples: list[Example], path: Path) -> dict[str, object]:
    """A drawn pacemaker through an edit: what of it is protected, and whether that moves."""
    draw = np.random.default_rng(3)
    editor = sequela.load(model="chest-mini")
    pictures, labels, kept, moved = [], [], [], []
    for example in examples:
        scan = sequela.read(example.path)
        piece: Hardware = draw_hardware(grey(scan), "generator", draw)
        worn = with_film(scan, piece.film)
        brief = Instructions(wishes=(Wish(name="pneumonia"),)).on(worn)
        run = editor.simulate(
            worn, condition=brief.condition, region=brief.region, protect=brief.protected, seed=0
        )
        protected = np.zeros(worn.plane) if brief.protected is None else brief.protected.array
        kept.append(float((protected[piece.mask] > 0).mean()))
        last = run.states[-1].image
        moved.append(int(np.abs(last.astype(int) - worn.array)[protected > 0].max(initial=0)))
        outline = np.repeat(worn.array[..., None], 3, axis=-1)
        outline[protected > 0] = (230, 60, 50)
        states = [run.states[i].image for i in (0, 5, 10)]
        pictures += [thumbnail(x) for x in (*states, outline)]
        labels += ["baseline", "step 5", "step 10", f"protected {kept[-1]:.0%} of it"]
    contact_sheet(pictures, labels, path, columns=4)
    return {
        "share of the pacemaker that is protected": [round(x, 3) for x in kept],
        "largest change inside the protected region": max(moved),
    }


def invented(examples: list[Example]) -> dict[str, object]:
    """Ordinary edits of films: pieces that are flagged as invented."""
    from sequela.conditioning.devices import invented_devices

    editor = sequela.load(model="chest-mini")
    counts = []
    for example in examples:
        scan = sequela.read(example.path)
        brief = Instructions(wishes=(Wish(name="pneumonia"),)).on(scan)
        run = editor.simulate(scan, condition=brief.condition, region=brief.region, seed=0)
        found = invented_devices(scan, run.states[-1].image, find_devices(scan))
        counts.append(len(found))
    return {"edits": len(counts), "pieces flagged": counts}


if __name__ == "__main__":
    main()
