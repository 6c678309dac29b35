"""Does editing towards a disease look like it to a judge that never guided it?

    python benchmarks/progression.py --data FOLDER --domain skin --judge FILE --out FOLDER

Each `test` image without finding is edited towards the domain's disease (chest: pneumonia, fundus:
diabetic, skin: melanoma). Four controls change the same region by the same mean amount each step:
the reference prompt, the findings of the test images shuffled over these patients, noise,
brightness. A fifth and harder row asks for another finding. The judge scores every state; figures
are rises of its logit from state 0 to the last, and the paired differences to each control, with
95 % intervals over patients.
"""

import argparse
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from domains import DOMAINS, Domain
from films import as_judged, interval, write_figures
from judge import SIZE, load_judge

import sequela
from sequela.checkpoints import load_classifier
from sequela.conditioning import auto_region, vocabulary_of
from sequela.core import Trajectory
from sequela.render import contact_sheet, to_display, viewing_size

Control = Callable[[np.ndarray, np.ndarray, np.random.Generator], np.ndarray]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--judge", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--domain", choices=DOMAINS, default="chest")
    parser.add_argument("--model", help="default: the domain's bundled model")
    parser.add_argument("--guidance-scale", type=float)
    parser.add_argument("--limit", type=int)
    parser.add_argument("--strength", type=float)
    parser.add_argument("--preset", help="by default what suits the model")
    options = parser.parse_args()

    domain = DOMAINS[options.domain]
    judge, size, channels = judge_at(options.judge)
    words = vocabulary_of(domain.name)
    editor = sequela.load(
        model=options.model or domain.model,
        preset_name=options.preset,
        guidance_scale=options.guidance_scale,
        strength=options.strength,
    )
    films = domain.baselines(options.data, options.limit)
    rng = np.random.default_rng(0)
    others = [name for name in words.findings if name != domain.target]
    shuffled = shuffled_findings(domain, options.data, len(films), rng)
    scores: dict[str, list[np.ndarray]] = {}
    rows, labels = [], []
    for film, mixed in zip(films, shuffled, strict=True):
        scan = sequela.read(film.path)
        region = auto_region(scan, domain.name, (domain.target,)).region

        def edited(name: str, scan=scan, region=region) -> Trajectory:
            return editor.simulate(scan, condition=name, region=region, seed=0)

        ill = edited(domain.target)
        effective = ill.regions["effective"].array
        changes = deltas(ill)
        noise = rng.normal(size=scan.array.shape).astype(np.float32)
        if scan.is_colour:
            effective = effective[..., None]
        controls = {
            "reference": deltas(edited(words.reference)),
            "shuffled findings": deltas(edited(mixed)),
            "other finding": deltas(edited(str(rng.choice(others)))),
            "noise": [noise * effective] * len(changes),
            "brightness": [effective * np.ones_like(noise)] * len(changes),
        }
        states = {"disease": changes} | {
            name: [resized(c, change) for c, change in zip(control, changes, strict=True)]
            for name, control in controls.items()
        }
        for name, moved in states.items():
            images = [np.clip(scan.array + delta, 0, 255) for delta in moved]
            seen = as_judged(images, scan.window, size, channels)
            scores.setdefault(name, []).append(judge(seen))
        shown = [ill.states[i].image for i in (0, 2, 5, 10)]
        rows += [viewing_size(to_display(x, scan.window), 256) for x in shown]
        labels += [film.path.stem, "2", "5", "10"]
        print(film.path.stem, {k: round(float(v[-1][-1] - v[-1][0]), 2) for k, v in scores.items()})
    options.out.mkdir(parents=True, exist_ok=True)
    for page in range(0, len(rows), 48):
        path = options.out / f"sheet_{page // 48}.png"
        contact_sheet(rows[page : page + 48], labels[page : page + 48], path, columns=8)
    write_figures(summary(scores, [f.patient for f in films]), options.out / "figures.json")


def judge_at(path: Path) -> tuple[Callable[[torch.Tensor], np.ndarray], int, int]:
    """A judge's logits, and the side and channels of what it sees.

    A folder holds the ensemble of `judge_train.py`, a file a classifier that a recipe trained.
    """
    if path.is_dir():
        ensemble = load_judge(path)
        return lambda images: ensemble.score(images).numpy(), SIZE, 1
    judge = load_classifier(path)
    return judge.logits, judge.card["image_size"], judge.card["channels"]


def shuffled_findings(
    domain: Domain, data: Path, count: int, rng: np.random.Generator
) -> list[str]:
    """One finding of a random test image for each patient; the reference where it has none."""
    test = [e for e in domain.examples(data) if e.split == "test"]
    chosen = rng.permutation(len(test))[:count]
    reference = vocabulary_of(domain.name).reference
    return [str(rng.choice(test[i].findings or (reference,))) for i in chosen]


def deltas(trajectory: Trajectory) -> list[np.ndarray]:
    """Each state minus the baseline, in stored units."""
    baseline = trajectory.scan.array.astype(np.float32)
    return [state.image.astype(np.float32) - baseline for state in trajectory.states]


def resized(control: np.ndarray, change: np.ndarray) -> np.ndarray:
    """The control's change scaled to the same mean amount as `change`."""
    amount = np.abs(control).mean()
    return control if amount == 0 else control * (np.abs(change).mean() / amount)


def summary(scores: dict[str, list[np.ndarray]], patients: list[str]) -> dict[str, object]:
    """Mean score by step, rise, and the paired difference of the rise to each control."""
    tables = {name: np.stack(rows) for name, rows in scores.items()}
    rise = {name: table[:, -1] - table[:, 0] for name, table in tables.items()}
    return {
        "films": len(patients),
        "patients": len(set(patients)),
        "mean logit by step": {
            n: [round(float(x), 3) for x in t.mean(0)] for n, t in tables.items()
        },
        "rise (logit, 95 % interval)": {n: interval(r, patients) for n, r in rise.items()},
        "disease minus control (logit, 95 % interval)": {
            n: interval(rise["disease"] - r, patients) for n, r in rise.items() if n != "disease"
        },
    }


if __name__ == "__main__":
    main()
