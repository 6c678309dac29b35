"""How fast, how alike and how convergent are the three presets on the bundled model?

    python benchmarks/presets.py --data FOLDER --out work/presets

All presets walk 10 steps at strength 0.5 on the same films at the model's own size, side by side
in one run. Likeness is measured on the decoded change (the codec's round trip subtracted), where
the change exceeds three times its spread over seeds; next to it stands how much `paper` agrees with
itself under another seed. Convergence is the fit of c (1 - k^n) to the mean |change| by step.
"""

import argparse
import time
from pathlib import Path

import numpy as np
import torch
from films import healthy_test_films, write_figures
from scipy.optimize import curve_fit

import sequela
from sequela.conditioning import auto_region
from sequela.simulators.editing import PRESETS, ProgressiveEditor

SEEDS = (0, 1, 2, 3)
NAMES = ("fast", "paper", "official")
ALIKE = {"strength": 0.5, "away_from_healthy": True}  # the same question to all three


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--model", default="chest-mini")
    parser.add_argument("--films", type=int, default=8)
    options = parser.parse_args()

    backbone = sequela.load(model=options.model).backbone
    editors = {
        name: ProgressiveEditor(backbone=backbone, settings=PRESETS[name].changed(**ALIKE))
        for name in NAMES
    }
    scans = [sequela.read(f.path) for f in healthy_test_films(options.data, options.films)]
    regions = [auto_region(scan).region for scan in scans]
    decoded_changes(editors["fast"], scans[0], regions[0], 0)  # warm up
    seconds: dict[str, list[float]] = {name: [] for name in NAMES}
    likeness: list[dict[str, float]] = []
    by_step = []
    for scan, region in zip(scans, regions, strict=True):
        runs = {}
        for name in NAMES:
            for seed in SEEDS if name == "paper" else SEEDS[:1]:
                begin = time.perf_counter()
                runs[name, seed] = decoded_changes(editors[name], scan, region, seed)
                seconds[name].append(time.perf_counter() - begin)
        likeness.append(compared(runs))
        by_step.append(np.abs(runs["fast", 0]).mean(axis=(1, 2, 3)))
    medians = {name: float(np.median(times)) for name, times in seconds.items()}
    figures = {
        "seconds (median, 10 steps and decoding)": medians,
        "official / fast": medians["official"] / medians["fast"],
        "paper / fast": medians["paper"] / medians["fast"],
        "correlation on moved pixels (mean over films)": {
            key: float(np.nanmean([row[key] for row in likeness])) for key in likeness[0]
        },
        "convergence of fast": damping(np.mean(by_step, axis=0)),
    }
    write_figures(figures, options.out / "figures.json")


@torch.inference_mode()
def decoded_changes(
    editor: ProgressiveEditor, scan: sequela.Scan, region: sequela.Region, seed: int
) -> np.ndarray:
    """Decoded state minus decoded baseline for every step, `[11, 1, S, S]`."""
    latents = editor.latents(scan, condition="Pneumonia", region=region, seed=seed)
    images = editor.backbone.decode(latents)
    return (images - images[:1]).float().cpu().numpy()


def compared(runs: dict[tuple[str, int], np.ndarray]) -> dict[str, float]:
    """Correlations of the last state's change where it exceeds three times its spread."""
    paper = np.stack([runs["paper", seed][-1] for seed in SEEDS])
    moved = np.abs(paper.mean(axis=0)) > 3 * paper.std(axis=0, ddof=1)

    def correlation(a: np.ndarray, b: np.ndarray) -> float:
        return float(np.corrcoef(a[moved], b[moved])[0, 1]) if moved.sum() > 2 else float("nan")

    return {
        "fast with paper": correlation(runs["fast", 0][-1], paper[0]),
        "official with paper": correlation(runs["official", 0][-1], paper[0]),
        "paper with itself, another seed": float(
            np.mean([correlation(paper[0], other) for other in paper[1:]])
        ),
        "share of pixels": float(moved.mean()),
    }


def damping(by_step: np.ndarray) -> dict[str, object]:
    """Fit c (1 - k^n); the damping law expects k near `keep_inside`."""
    steps = np.arange(len(by_step))
    (c, k), _ = curve_fit(
        lambda n, c, k: c * (1 - k**n), steps, by_step, p0=(by_step[-1], 0.75), bounds=(0, (10, 1))
    )
    residual = by_step - c * (1 - k**steps)
    return {
        "mean |change| by step (model scale)": [round(float(x), 4) for x in by_step],
        "c": float(c),
        "k": float(k),
        "largest residual / c": float(np.abs(residual).max() / c),
        "law at k = 0.75, largest residual / c": law_residual(by_step),
    }


def law_residual(by_step: np.ndarray) -> float:
    shape = 1 - 0.75 ** np.arange(len(by_step))
    c = float((by_step * shape).sum() / (shape * shape).sum())
    return float(np.abs(by_step - c * shape).max() / c)


if __name__ == "__main__":
    main()
