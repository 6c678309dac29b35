"""Ablations of the 4D-VQ-GAN in the form of the paper's Tables 1 and 3, small, three seeds each.

    python benchmarks/lungs_ablations.py --out work/lungs-ablations --codec work/lungs-mini/codec

Table 1: the temporal model as published, without the skip, and told of the time, all on the codes
of one codec; states are decoded from codes alone, as published, and scored on held-out scans.
Table 3: codebooks of 256 and of 1024 codes, each a codec of its own.
The budget is far below the paper's: `--steps` updates each, crops of 16 x 48 x 48 for codecs. A run
that was stopped goes on where it was. Link `scans` into `--out` to use scans drawn before.
"""

import argparse
import csv
import os
from collections.abc import Iterator
from functools import partial
from itertools import product
from pathlib import Path

import numpy as np
import torch

from sequela.cohorts.synthetic.lungs import draw_patient
from sequela.evaluation.forecasts import ForecastCase, read_scores, score_case, write_scores
from sequela.simulators.lungs import LungEngine, load_codec, load_forecaster
from sequela.training import read_recipe, run_recipe

SEEDS = (0, 1, 2)
MODES = ("interpolation", "extrapolation")
TEST = range(2_000_000, 2_000_200)
LEAST_SCANS = 3
VARIANTS = {
    "without skip": "has_skip = false",
    "proposed": "",
    "time_aware": "is_time_aware = true\nare_dates_exact = true",
}
CODEBOOKS = (256, 1024)

FORECAST = """
name = "ablation"
objective = "latent-forecast"
seed = {seed}
[data]
sets = ["synthetic-lungs"]
[network]
codec = "{codec}"
patients = 200
held_out = 16
solver = "midpoint"
modes = ["reconstruction", "extrapolation", "interpolation"]
state_weight = 1.0
{variant}
[optimiser]
steps = {steps}
batch_size = 2
learning_rate = 2e-3
warmup_steps = 20
weight_decay = 1e-4
ema_decay = 0.98
mixed_precision = "{precision}"
[log]
every = 20
evaluate_every = {steps}
checkpoint_every = 50
"""

CODEC = """
name = "ablation"
objective = "vqgan"
seed = {seed}
[data]
sets = ["synthetic-lungs"]
[network]
patients = 200
held_out = 16
shape = [32, 96, 96]
crop = [16, 48, 48]
crops_at_lungs = 0.9
width = 8
codes = {codes}
decoder_blocks = 1
norm = "voxel"
lung_weight = 4.0
discriminator_from = {steps}
discriminator_width = 8
discriminator_layers = 1
[optimiser]
steps = {steps}
batch_size = 2
learning_rate = 2e-3
warmup_steps = 20
weight_decay = 1e-4
betas = [0.9, 0.99]
ema_decay = 0.98
mixed_precision = "{precision}"
[log]
every = 20
evaluate_every = {steps}
checkpoint_every = 50
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--codec", type=Path, required=True, help="folder of a vqgan training")
    parser.add_argument("--steps", type=int, default=400)
    parser.add_argument("--mixed-precision", default="no", choices=("no", "bf16"))
    parser.add_argument("--patients", type=int, default=60, help="of the test cohort, at most")
    options = parser.parse_args()
    torch.set_num_threads(1)
    options.out.mkdir(parents=True, exist_ok=True)
    for codes, seed in product(CODEBOOKS, SEEDS):
        text = CODEC.format(
            seed=seed, codes=codes, steps=options.steps, precision=options.mixed_precision
        )
        trained(text, options.out / f"codes-{codes}-{seed}")
    for (name, variant), seed in product(VARIANTS.items(), SEEDS):
        folder = options.out / f"{name.replace(' ', '-')}-{seed}"
        text = FORECAST.format(
            seed=seed,
            codec=options.codec.resolve(),
            variant=variant,
            steps=options.steps,
            precision=options.mixed_precision,
        )
        with_latents(folder)
        trained(text, folder)
        keep_latents(folder)
        scored(options, folder, f"{name}, seed {seed}")
    write_tables(options.out)


def trained(text: str, folder: Path) -> None:
    """Train a recipe into a folder, unless it was."""
    if not (folder / "model.safetensors").exists():
        recipe = folder.with_suffix(".toml")
        recipe.write_text(text, encoding="utf-8")
        run_recipe(read_recipe(recipe), data=folder.parent, out=folder)


def with_latents(folder: Path) -> None:
    """Let a training find the latents that another one of the same codec left."""
    for kept in folder.parent.glob("latents-*.safetensors"):
        folder.mkdir(exist_ok=True)
        if not (folder / kept.name).exists():
            os.link(kept, folder / kept.name)


def keep_latents(folder: Path) -> None:
    for made in folder.glob("latents-*.safetensors"):
        if not (folder.parent / made.name).exists():
            os.link(made, folder.parent / made.name)


def scored(options: argparse.Namespace, folder: Path, name: str) -> None:
    path = options.out / "scores.csv"
    done = {(s.patient, s.mode, s.method) for s in read_scores(path)} if path.exists() else set()
    codec, _ = load_codec(options.codec / "model.safetensors")
    forecaster, _ = load_forecaster(folder / "model.safetensors")
    engine = LungEngine(codec=codec, forecaster=forecaster, detail="none")
    for case in cases(options.patients):
        forecast = partial(told, engine, case.lungs)
        for mode in MODES:
            if (case.patient, mode, name) not in done:
                write_scores(list(score_case(case, {name: forecast}, mode=mode)), path)


def told(
    engine: LungEngine, lungs: np.ndarray, scans: np.ndarray, years: np.ndarray, asked: np.ndarray
) -> np.ndarray:
    """The engine as a forecast of scans and dates."""
    tensors = (torch.from_numpy(np.asarray(x, np.float32)) for x in (scans, years, asked))
    given, dates, wanted = tensors
    return engine.forecast(given, dates, torch.from_numpy(lungs), wanted).numpy()


def cases(most: int) -> Iterator[ForecastCase]:
    for seed in TEST[:most]:
        patient = draw_patient(seed)
        if len(patient.visit_years) >= LEAST_SCANS:
            yield ForecastCase(
                cohort="test",
                patient=seed,
                group=patient.law,
                scans=np.stack([patient.scan(y) for y in patient.visit_years]).astype(np.float32),
                years=np.array(patient.visit_years),
                lungs=patient.lung_mask(),
                voxel_ml=patient.grid.voxel_ml,
            )


def write_tables(out: Path) -> None:
    """Means over seeds with their standard deviation: seeds are what the spread is of."""
    scores = read_scores(out / "scores.csv")
    lines = ["## Table 1: held-out scans, then the published convention (given scans counted)\n"]
    heads = [f"{mode[:-7]}. {name}" for mode in MODES for name in ("MSE", "SSIM", "PSNR")]
    for counted in (False, True):
        lines += ["| model | " + " | ".join(heads) + " |", "|" + "---|" * (len(heads) + 1)]
        for name in VARIANTS:
            cells = []
            for mode in MODES:
                runs = []
                for seed in SEEDS:
                    mine = [
                        s
                        for s in scores
                        if s.method == f"{name}, seed {seed}"
                        and s.mode == mode
                        and (counted or not s.is_given)
                    ]
                    runs.append([np.mean([getattr(s, k) for s in mine]) for k in FIGURES])
                cells += [
                    f"{mean:.4f} ({spread:.4f})"
                    for mean, spread in zip(
                        np.mean(runs, axis=0), np.std(runs, axis=0, ddof=1), strict=True
                    )
                ]
            lines.append(f"| {name} | " + " | ".join(cells) + " |")
        lines.append("")
    lines += ["## Table 3: reconstruction in held-out lungs, MSE x 1000\n"]
    lines += ["| codes | MSE x 1000 (standard deviation over seeds) |", "|---|---|"]
    for codes in CODEBOOKS:
        found = [last_row(out / f"codes-{codes}-{seed}" / "held_out.csv") for seed in SEEDS]
        errors = [1000 * float(row["lung_mse"]) for row in found]
        lines.append(f"| {codes} | {np.mean(errors):.3f} ({np.std(errors, ddof=1):.3f}) |")
    (out / "tables.md").write_text("\n".join(lines) + "\n", encoding="utf-8")
    print("\n".join(lines))


FIGURES = ("mse", "ssim", "psnr_db")


def last_row(path: Path) -> dict[str, str]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))[-1]


if __name__ == "__main__":
    main()
