"""Do simulated melanomas make a better classifier? Real images against real and simulated ones.

    python benchmarks/usefulness.py simulate --data DIR --out work/usefulness
    python benchmarks/usefulness.py train --data DIR --out work/usefulness
    python benchmarks/usefulness.py table --data DIR --out work/usefulness

The real images are those of training patients that `skin-mini` never saw: 203 nevi, and all or few
melanomas. A hundred of the nevi are edited to melanoma by the default preset; the last state counts
as melanoma. What an edit leaves behind must not become the sign of a melanoma, so a third arm also
takes these nevi after an edit of the same size towards a nevus, which counts as a nevus. All arms
train the same network for the same number of steps on batches that are half melanoma, three seeds
each, and are scored on the real `test` images. `skin-mini` learned from melanomas of others,
so what simulation adds may be what real images of theirs would: the last arm takes a hundred of
those instead.
"""

import argparse
import csv
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import torch
from films import write_figures
from PIL import Image

import sequela
from sequela.checkpoints import load_classifier
from sequela.cohorts import Example, load_cohorts
from sequela.conditioning import auto_region
from sequela.core import Condition
from sequela.metrics import auroc, estimate
from sequela.simulators import baselines
from sequela.simulators.baselines import Task
from sequela.training import read_recipe, run_recipe
from sequela.training.data import few, learner_of, load_images
from sequela.training.recipe import DataSettings

SETS = ("skin-ham", "skin-isic")
TARGET = "melanoma"
SEEDS = (0, 1, 2)
FEW = 20
EDITED = 100  # nevi
ARMS = ("real", "and simulated", "and simulated with controls", "and real ones of others")
RECIPE = """
name = "usefulness"
objective = "classifier"
seed = {seed}
[data]
sets = ["plain-csv"]
domain = "skin"
image_size = 128
channels = 3
mirror = true
rotation_degrees = 90
[network]
architecture = "residual-mini"
targets = ["melanoma"]
[optimiser]
steps = {steps}
batch_size = 32
learning_rate = 2e-3
warmup_steps = 50
weight_decay = 0.05
ema_decay = 0.99
[log]
evaluate_every = {steps}
checkpoint_every = 200
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("part", choices=("simulate", "train", "table"))
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--steps", type=int, default=600)
    options = parser.parse_args()
    torch.set_num_threads(1)
    {"simulate": simulate, "train": train, "table": table}[options.part](options)


def asked_for(data: Path) -> list[Example]:
    """Nevi and melanomas."""
    wanted: tuple[tuple[str, ...], ...] = ((), (TARGET,))
    return [e for e in load_cohorts(SETS, data) if e.findings in wanted]


def side(examples: Iterable[Example], split: str, learner: str = "", *, ill: bool) -> list[Example]:
    """Of one split, those ill or not; in training, of one kind of patient."""
    return [
        e
        for e in examples
        if e.split == split
        and bool(e.findings) == ill
        and (split != "train" or learner_of(e.patient) == learner)
    ]


def simulate(options: argparse.Namespace) -> None:
    """Each training nevus as a melanoma, and after an edit of the same size to a nevus."""
    editor = sequela.load(model="skin-mini")
    nevi = side(asked_for(options.data), "train", "judge", ill=False)
    for number, example in enumerate(few(nevi, EDITED)):
        files = {kind: made_file(options.out, kind, example) for kind in ("ill", "control")}
        if files["control"].exists():
            continue
        scan = sequela.read(example.path)
        region = auto_region(scan, "skin", (TARGET,)).region
        last = {}
        for kind, finding in (("ill", TARGET), ("control", editor.vocabulary.reference)):
            asked = Condition(findings=(editor.vocabulary.finding(finding),))
            task = Task(scan=scan, condition=asked, region=region, seed=number)
            last[kind] = baselines.progressive(editor, task)
        last["control"] = baselines.same_size(task, last["control"], last["ill"])
        for kind, file in files.items():
            file.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(np.asarray(last[kind][-1].image)).save(file)
        print(example.patient, flush=True)


def made_file(out: Path, kind: str, example: Example) -> Path:
    return out / kind / f"{example.path.stem}.png"


def train(options: argparse.Namespace) -> None:
    for seed in SEEDS:
        for share in ("few", "all"):
            for arm in ARMS:
                folder = arm_folder(options.out, arm, share, seed)
                if not (folder / "model.safetensors").exists():
                    write_arm(options, arm, share, folder)
                    recipe = folder / "recipe.toml"
                    recipe.write_text(RECIPE.format(seed=seed, steps=options.steps))
                    run_recipe(read_recipe(recipe), data=folder, out=folder)
                    print(folder.name, flush=True)


def arm_folder(out: Path, arm: str, share: str, seed: int) -> Path:
    return out / f"{share}-{ARMS.index(arm)}-{seed}"


def write_arm(options: argparse.Namespace, arm: str, share: str, folder: Path) -> None:
    """The images of one arm as a table; the held-out side serves calibration alone."""
    examples = asked_for(options.data)
    nevi, melanomas = (side(examples, "train", "judge", ill=ill) for ill in (False, True))
    ill = [e.path for e in (few(melanomas, FEW) if share == "few" else melanomas)]
    healthy = [e.path for e in nevi]
    if "simulated" in arm:
        ill += [made_file(options.out, "ill", e) for e in few(nevi, EDITED)]
    if "controls" in arm:
        healthy += [made_file(options.out, "control", e) for e in few(nevi, EDITED)]
    if "others" in arm:
        ill += [e.path for e in few(side(examples, "train", "generator", ill=True), EDITED)]
    rows = [(p, "", "train") for p in healthy] + [(p, TARGET, "train") for p in ill]
    rows += [(e.path, TARGET if e.findings else "", "val") for e in examples if e.split == "val"]
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "images.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(("file", "findings", "split"))
        writer.writerows((path.resolve(), found, split) for path, found, split in rows)


def table(options: argparse.Namespace) -> None:
    """AUROC of the seeds' mean logit on `test`, and of each arm less the first, by patient."""
    examples = [e for e in asked_for(options.data) if e.split == "test"]
    settings = DataSettings(sets=SETS, domain="skin", image_size=128, channels=3)
    images = torch.cat(list(load_images(examples, "test", settings).parts(64)))
    ill = np.array([bool(e.findings) for e in examples])
    patients = np.array([e.patient for e in examples])
    figures, lines = {}, ["| real melanomas | arm | AUROC | each seed | minus the first |"]
    lines += ["|---|---|---|---|---|"]
    for share in ("few", "all"):
        logits = {arm: scores(options.out, arm, share, images) for arm in ARMS}
        for arm in ARMS:
            row = told(logits[arm], logits[ARMS[0]], ill, patients)
            figures[f"{share}, {arm}"] = row
            gap = "" if arm == ARMS[0] else row["minus the first"]
            seeds = ", ".join(f"{value:.3f}" for value in row["seeds"])
            lines.append(f"| {share} | {arm} | {row['auroc']} | {seeds} | {gap} |")
    write_figures(figures, options.out / "figures.json")
    print("\n".join(lines))


def scores(out: Path, arm: str, share: str, images: torch.Tensor) -> list[np.ndarray]:
    files = [arm_folder(out, arm, share, seed) / "model.safetensors" for seed in SEEDS]
    return [np.asarray(load_classifier(file).logits(images)) for file in files]


def told(
    runs: Sequence[np.ndarray], first: Sequence[np.ndarray], ill: np.ndarray, patients: np.ndarray
) -> dict[str, object]:
    mean, base = np.mean(runs, axis=0), np.mean(first, axis=0)
    own = estimate(lambda i: auroc(mean[i], ill[i]), patients)
    gap = estimate(lambda i: auroc(mean[i], ill[i]) - auroc(base[i], ill[i]), patients)
    return {
        "auroc": f"{own.value:.3f} [{own.low:.3f}, {own.high:.3f}]",
        "seeds": [auroc(run, ill) for run in runs],
        "minus the first": f"{gap.value:+.3f} [{gap.low:+.3f}, {gap.high:+.3f}]",
    }


if __name__ == "__main__":
    main()
