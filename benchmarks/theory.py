"""What the published propositions claim, and what progressive editing does on real films.

    python benchmarks/theory.py --data FOLDER --domain chest --images 12 --out FOLDER

Draws `steps.png`, |x_n - x_(n-1)| in latents by step on a log axis, beside the bounds of
Proposition 2 as printed and as its proof has them and the damping law; `way.png`, |x_n - x_0|
beside the sum of those bounds (Proposition 3) and the damping law's limit; and `text.png`, how much
better the noise in each state is told under the condition than under the reference (a surrogate of
Proposition 1). Each for the preset `fast`, where every step draws its own noise, and for `steady`,
which goes back by inversion. C_1 and C_2 are the largest norms that were met: of
the baselines' latents, and of noise of that many dimensions. Writes `theory.json`.
"""

import argparse
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from domains import DOMAINS, Domain
from films import interval, write_figures

import sequela
from sequela.conditioning import auto_region, vocabulary_of
from sequela.evaluation.theory import damping, fit_decay, step_bound, text_evidence, way_bound

mpl.use("Agg")
import matplotlib.pyplot as plt

WAYS = {"fresh noise": "fast", "inversion": "steady"}  # and the preset of each


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--domain", choices=DOMAINS, default="chest")
    parser.add_argument("--model", help="instead of the bundled one")
    parser.add_argument("--images", type=int, default=12)
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()

    domain = DOMAINS[options.domain]
    model = options.model or domain.model
    walked = {name: walks(domain, model, way, options) for name, way in WAYS.items()}
    options.out.mkdir(parents=True, exist_ok=True)
    figures = {name: told(found) for name, found in walked.items()}
    draw_steps(walked, options.out / "steps.png")
    draw_way(walked, options.out / "way.png")
    draw_text(walked, options.out / "text.png")
    write_figures(figures, options.out / "theory.json")


def walks(domain: Domain, model: str, preset: str, options: argparse.Namespace) -> dict[str, Any]:
    """Moves, ways and the text's evidence of each image, and the bounds of the model."""
    editor = sequela.load(model=model, preset_name=preset)
    words = vocabulary_of(domain.name)
    moves, ways, evidence, sizes, patients = [], [], [], [], []
    for example in domain.baselines(options.data, options.images):
        scan = sequela.read(example.path)
        region = auto_region(scan, domain.name, (domain.target,)).region
        latents = editor.latents(scan, condition=domain.target, region=region)
        flat = latents.flatten(1).double()
        moves.append((flat[1:] - flat[:-1]).norm(dim=1).numpy())
        ways.append((flat[1:] - flat[0]).norm(dim=1).numpy())
        sizes.append(float(flat[0].norm()))
        prompts = (words.prompt([name]) for name in (domain.target, words.reference))
        evidence.append(text_evidence(editor.backbone, latents, *prompts))
        patients.append(example.patient)
    largest, noise = max(sizes), float(flat.shape[1]) ** 0.5
    schedule, steps = editor.backbone.schedule, len(moves[0])
    keep = editor.settings.keep_inside
    return {
        "moves": np.array(moves),
        "ways": np.array(ways),
        "evidence": np.array(evidence),
        "patients": patients,
        "bounds": {
            form: step_bound(schedule, steps, largest=largest, noise=noise, form=form)
            for form in ("printed", "proof")
        },
        "way bound": way_bound(schedule, steps, largest=largest, noise=noise),
        "keep": keep,
    }


def told(found: dict[str, Any]) -> dict[str, Any]:
    """The figures that the docs page quotes."""
    moves, evidence = found["moves"], found["evidence"]
    decays = [fit_decay(m) for m in moves]
    mean = fit_decay(moves.mean(axis=0))
    gain = interval(evidence[:, -1] - evidence[:, 0], found["patients"])
    return {
        "films": len(moves),
        "mean move by step": [round(float(m), 2) for m in moves.mean(axis=0)],
        "bound as printed, step 1": round(float(found["bounds"]["printed"][0]), 2),
        "bound of the proof, step 1": round(float(found["bounds"]["proof"][0]), 2),
        "bound, last over first step": round(
            float(found["bounds"]["proof"][-1] / found["bounds"]["proof"][0]), 4
        ),
        "steps above the bound of the proof": float((moves > found["bounds"]["proof"]).mean()),
        "steps above the bound as printed": float((moves > found["bounds"]["printed"]).mean()),
        "share kept a step": found["keep"],
        "decay of the mean move": round(mean.ratio, 3),
        "unexplained": round(mean.unexplained, 3),
        "decay, median of films": round(float(np.median([d.ratio for d in decays])), 3),
        "evidence of the text by state": [round(float(e), 5) for e in evidence.mean(axis=0)],
        "evidence, last minus first": [round(g, 5) for g in gain],
        "films whose evidence rose": float((evidence[:, -1] > evidence[:, 0]).mean()),
        "largest share of Proposition 3's bound": round(
            float((found["ways"] / found["way bound"]).max()), 2
        ),
    }


def draw_steps(walked: dict[str, dict[str, Any]], path: Path) -> None:
    figure, axes = plt.subplots(figsize=(6.4, 4), layout="constrained")
    for number, (name, found) in enumerate(walked.items()):
        steps = np.arange(1, found["moves"].shape[1] + 1)
        axes.plot(steps, found["moves"].T, color=f"C{number}", alpha=0.15, linewidth=0.8)
        axes.plot(steps, found["moves"].mean(axis=0), f"C{number}o-", label=f"seen, {name}")
    for form, style in (("printed", ":"), ("proof", "--")):
        axes.plot(steps, found["bounds"][form], "k", linestyle=style, label=f"Prop. 2, {form}")
    first = walked["inversion"]["moves"].mean(axis=0)[0]
    law = damping(len(steps), keep=found["keep"], gain=first / found["keep"])
    axes.plot(steps, law, "C2-.", label="damping law")
    axes.set(yscale="log", xlabel="step n", ylabel="|x_n - x_(n-1)|, latents")
    axes.legend(frameon=False, fontsize=8)
    figure.savefig(path, dpi=110)


def draw_way(walked: dict[str, dict[str, Any]], path: Path) -> None:
    figure, axes = plt.subplots(figsize=(6.4, 4), layout="constrained")
    for number, (name, found) in enumerate(walked.items()):
        steps = np.arange(1, found["ways"].shape[1] + 1)
        axes.plot(steps, found["ways"].mean(axis=0), f"C{number}o-", label=f"seen, {name}")
    axes.plot(steps, found["way bound"], "k--", label="Prop. 3 (sum of the steps' bounds)")
    keep, first = found["keep"], walked["inversion"]["ways"].mean(axis=0)[0]
    law = np.cumsum(damping(len(steps), keep=keep, gain=first / keep))
    axes.plot(steps, law, "C2-.", label="damping law")
    axes.axhline(first / (1 - keep), color="C2", linewidth=0.7)
    axes.set(xlabel="step N", ylabel="|x_N - x_0|, latents")
    axes.legend(frameon=False, fontsize=8)
    figure.savefig(path, dpi=110)


def draw_text(walked: dict[str, dict[str, Any]], path: Path) -> None:
    """Evidence: the error under the reference minus that under the condition."""
    figure, axes = plt.subplots(figsize=(6.4, 4), layout="constrained")
    for number, (name, found) in enumerate(walked.items()):
        shown = 100 * found["evidence"]
        states = np.arange(shown.shape[1])
        axes.plot(states, shown.T, color=f"C{number}", alpha=0.15, linewidth=0.8)
        axes.plot(states, shown.mean(axis=0), f"C{number}o-", label=name)
    axes.axhline(0, color="k", linewidth=0.7)
    axes.set(xlabel="state", ylabel="evidence of the text, % of the error")
    axes.legend(frameon=False, fontsize=8)
    figure.savefig(path, dpi=110)


if __name__ == "__main__":
    main()
