"""How far each classifier and judge can be trusted, beside the shortcuts it might have taken.

    python benchmarks/judges.py --data FOLDER --models work/classifiers --out work/judges

Each is measured on `test` alone: AUROC with an interval drawn by patient, next to the AUROC of what
an honest classifier must beat (view, age, sex, file size, fine detail; alone and together, fitted
on `train`), the change of the score of a real image under noise and sharpening, and the calibration
error before and after.
"""

import argparse
import csv
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from domains import DOMAINS
from films import write_figures
from jaxtyping import Bool, Float
from scipy.optimize import minimize

from sequela.checkpoints import Classifier, load_classifier
from sequela.cohorts import Example
from sequela.metrics import Platt, auroc, patient_interval, reliability
from sequela.training.data import load_images
from sequela.training.recipe import DataSettings

FOLDERS = {"chest": ("cxr_nih",), "fundus": ("fundus",), "skin": ("skin_ham", "skin_isic_cc0")}


@dataclass(frozen=True, kw_only=True, eq=False)
class Cases:
    """Images that are ill with the first target or healthy, and what else is known of them."""

    images: torch.Tensor
    ill: Bool[np.ndarray, " case"]
    patients: np.ndarray
    shortcuts: dict[str, Float[np.ndarray, " case"]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--models", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--names", nargs="*", default=None)
    options = parser.parse_args()
    paths = sorted(options.models.glob("*/model.safetensors"))
    figures = {}
    for path in paths:
        if options.names and path.parent.name not in options.names:
            continue
        classifier = load_classifier(path)
        cases = {split: read_cases(options.data, classifier, split) for split in ("train", "test")}
        figures[path.parent.name] = measured(classifier, cases)
        print(path.parent.name, json.dumps(figures[path.parent.name], indent=2), flush=True)
    write_figures(figures, options.out / "figures.json")


def read_cases(data: Path, classifier: Classifier, split: str) -> Cases:
    card = classifier.card
    domain, target = card["domain"], set(card["targets"][0].split("|"))
    known = known_of(data, domain)

    def counts(example: Example) -> bool:
        told = example.findings is not None and (
            not example.findings or bool(target & set(example.findings))
        )
        return example.split == split and told

    examples = [e for e in DOMAINS[domain].examples(data) if counts(e)]
    settings = DataSettings(
        sets=DOMAINS[domain].sets, image_size=card["image_size"], channels=card["channels"]
    )
    images = load_images(examples, split, settings).images
    shortcuts = {
        "view": np.array([float(e.view == "PA") for e in examples]),
        "file size": np.array([float(e.path.stat().st_size) for e in examples]),
        "fine detail": fine_detail(images),
        **{
            name: np.array([known[e.path][name] for e in examples])
            for name in next(iter(known.values()))
        },
    }
    return Cases(
        images=images,
        ill=np.array([bool(e.findings) for e in examples]),
        patients=np.array([e.patient for e in examples]),
        shortcuts={name: v for name, v in shortcuts.items() if np.ptp(v) > 0},
    )


def known_of(data: Path, domain: str) -> dict[Path, dict[str, float]]:
    """Age in years and sex of each file, as far as the tables tell; the mean where they do not."""
    rows: dict[Path, dict[str, float]] = {}
    for name in FOLDERS[domain]:
        with (data / name / "labels.csv").open(newline="", encoding="utf-8") as stream:
            for row in csv.DictReader(stream):
                age = row.get("age", "")
                rows[data / name / row["file"]] = {
                    "age": float(age) if age not in ("", "unknown") else float("nan"),
                    "sex": float(row.get("sex", "").lower().startswith("m")),
                }
    mean = float(np.nanmean([row["age"] for row in rows.values()] or [0.0])) if rows else 0.0
    for row in rows.values():
        row["age"] = mean if np.isnan(row["age"]) else row["age"]
        if np.isnan(row["age"]):
            row["age"] = 0.0
    return rows


def fine_detail(images: torch.Tensor) -> Float[np.ndarray, " case"]:
    """Mean |difference| of neighbouring pixels, against the image's spread."""
    grey = images.mean(dim=1)
    detail = grey.diff(dim=-1).abs().mean((1, 2)) + grey.diff(dim=-2).abs().mean((1, 2))
    return (detail / grey.std(dim=(1, 2))).double().numpy()


def measured(classifier: Classifier, cases: dict[str, Cases]) -> dict[str, object]:
    test = cases["test"]
    logits = classifier.logits(test.images)

    def told(scores: np.ndarray) -> str:
        low, high = patient_interval(lambda i: auroc(scores[i], test.ill[i]), test.patients)
        return f"{auroc(scores, test.ill):.3f} [{low:.3f}, {high:.3f}]"

    together = combined(cases["train"], test)
    low, high = patient_interval(
        lambda i: auroc(logits[i], test.ill[i]) - auroc(together[i], test.ill[i]), test.patients
    )
    gain = auroc(logits, test.ill) - auroc(together, test.ill)
    draw = torch.Generator().manual_seed(0)
    noise = 0.03 * torch.randn(test.images.shape, generator=draw)
    blurred = torch.nn.functional.avg_pool2d(test.images, 3, 1, 1)
    probability = classifier.calibration(logits)
    return {
        "cases": f"{int(test.ill.sum())} ill of {len(test.ill)}",
        "AUROC": told(logits),
        "AUROC of shortcuts": {
            n: told(v * sign(cases["train"], n)) for n, v in test.shortcuts.items()
        },
        "AUROC of all shortcuts": told(together),
        "classifier minus shortcuts": f"{gain:+.3f} [{low:+.3f}, {high:+.3f}]",
        "change of probability under noise": shift(
            classifier, test, (test.images + noise).clamp(-1, 1)
        ),
        "change of probability under sharpening": shift(
            classifier, test, (1.5 * test.images - 0.5 * blurred).clamp(-1, 1)
        ),
        "calibration error before": round(reliability(Platt()(logits), test.ill).error, 3),
        "calibration error after": round(reliability(probability, test.ill).error, 3),
    }


def shift(classifier: Classifier, cases: Cases, changed: torch.Tensor) -> str:
    before, after = classifier.probability(cases.images), classifier.probability(changed)
    low, high = patient_interval(lambda i: float((after - before)[i].mean()), cases.patients)
    return f"{float((after - before).mean()):+.3f} [{low:+.3f}, {high:+.3f}]"


def sign(train: Cases, name: str) -> float:
    return 1.0 if auroc(train.shortcuts[name], train.ill) >= 0.5 else -1.0


def combined(train: Cases, test: Cases) -> Float[np.ndarray, " case"]:
    """Scores of a logistic regression of all shortcuts, fitted on `train`."""
    names = list(test.shortcuts)
    table = np.stack([train.shortcuts[n] for n in names], 1)
    mean, spread = table.mean(0), table.std(0) + 1e-9

    def design(cases: Cases) -> np.ndarray:
        values = (np.stack([cases.shortcuts[n] for n in names], 1) - mean) / spread
        return np.column_stack([values, np.ones(len(values))])

    known: Callable[[np.ndarray], float] = logistic_loss(design(train), train.ill)
    weights = minimize(known, np.zeros(len(names) + 1), method="BFGS").x
    return design(test) @ weights


def logistic_loss(table: np.ndarray, ill: np.ndarray) -> Callable[[np.ndarray], float]:
    def loss(weights: np.ndarray) -> float:
        shown = table @ weights
        return float(
            np.mean(np.logaddexp(0, shown) - ill * shown) + 1e-3 * (weights[:-1] ** 2).sum()
        )

    return loss


if __name__ == "__main__":
    main()
