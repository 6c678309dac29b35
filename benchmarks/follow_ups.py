"""Does a simulated disease look like what came? First films edited, against the later films.

    python benchmarks/follow_ups.py --data DIR --out FOLDER [--splits val test]
        --judge work/classifiers/chest-judge/model.safetensors

Patients of `cxr_time` with films on two or more days: the first film is edited towards the finding
that the last film is labelled with, and the last state is compared with that film, registered onto
the first and matched to its exposure. Beside it persistence (the first film as it is) and the same
edit towards "no finding", of the same size. Compared are the identity embedding (cosine), the
judge's logit (distance), the error in the lungs' boxes, and whether the change that was drawn lies
where change came (correlation in the lungs; 0 for persistence). A case series: every case is
on a sheet, and few patients of these splits were filmed twice. The chest model saw no film of them.
"""

import argparse
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from bridge import Visit, lungs, shown, visits_of
from films import as_judged, interval, write_figures
from PIL import Image

import sequela
from sequela.checkpoints import (
    Classifier,
    TrainedEmbedder,
    find_network,
    load_classifier,
    load_embedder,
)
from sequela.conditioning import auto_region
from sequela.core import Condition, Scan
from sequela.metrics.identity import cosine
from sequela.simulators import baselines
from sequela.simulators.baselines import Task
from sequela.simulators.editing import ProgressiveEditor
from sequela.simulators.transition.visits import bring_together

# COVID-19 is asked for as pneumonia: that word was learned from 79 films and draws blotches
FINDINGS = {"No Finding": "No Finding"}
WAYS = ("simulated", "persistence", "same size, no finding")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--judge", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--splits", nargs="+", default=["val", "test"])
    parser.add_argument("--limit", type=int, help="so many patients only")
    options = parser.parse_args()

    editor = sequela.load(model="chest-mini")
    judge = load_classifier(options.judge)
    embed = load_embedder(find_network("chest-identity"))
    rows = []
    options.out.mkdir(parents=True, exist_ok=True)
    for films in visits_of(options.data, options.splits, days=2)[: options.limit]:
        row, strip = one_case(films, editor, judge, embed)
        Image.fromarray(strip).save(options.out / f"{row['patient']}.png")
        rows.append(row)
        print(row["patient"], flush=True)
    write_figures({"cases": len(rows), "means": means(rows), "rows": rows}, options.out / "f.json")


def one_case(
    films: list[Visit], editor: ProgressiveEditor, judge: Classifier, embed: TrainedEmbedder
) -> tuple[dict[str, Any], np.ndarray]:
    """Figures of one patient, and the strip first, last, simulated, changes."""
    first, last = sequela.read(films[0].path), sequela.read(films[-1].path)
    visits = bring_together(first, last)
    finding = FINDINGS.get(films[-1].label, "Pneumonia")
    region = auto_region(visits.first, "chest", (finding,)).region
    asked = Condition(findings=(editor.vocabulary.finding(finding),))
    task = Task(scan=visits.first, condition=asked, region=region, seed=0)
    simulated = baselines.progressive(editor, task)
    healthy = Condition(findings=(editor.vocabulary.finding(editor.vocabulary.reference),))
    control = baselines.progressive(editor, replace(task, condition=healthy))
    control = baselines.same_size(task, control, simulated)
    made = {
        "simulated": grey(simulated[-1].image),
        "persistence": grey(visits.first.array),
        "same size, no finding": grey(control[-1].image),
    }
    came, start = grey(visits.last), made["persistence"]
    mask = lungs(films[0], start.shape) & shown(visits, last)
    row: dict[str, Any] = {
        "patient": films[0].patient,
        "days": films[-1].day - films[0].day,
        "finding": finding,
    }
    for name, image in made.items():
        row[name] = {
            **judged(image, came, visits.first, judge, embed),
            **placed(image, came, start, mask),
        }
    gap = [(made["simulated"] - start), (came - start)]
    changes = [np.clip(128 + 2 * g, 0, 255) for g in gap]
    strip = np.concatenate([start, came, made["simulated"], *changes[::-1]], axis=1)
    small = Image.fromarray(strip.astype(np.uint8)).resize((1280, 256))
    return row, np.asarray(small)


def judged(
    image: np.ndarray, came: np.ndarray, scan: Scan, judge: Classifier, embed: TrainedEmbedder
) -> dict[str, float]:
    """How alike two networks find one way of telling the later film and the later film itself."""
    pair = [image.astype(np.uint8), came.astype(np.uint8)]
    logits = judge.logits(as_judged(pair, scan.window, judge.card["image_size"]).clamp(-1, 1))
    seen = embed(as_judged(pair, scan.window, embed.card["image_size"]).clamp(-1, 1))
    return {
        "likeness": float(cosine(seen[:1], seen[1:])[0]),
        "judge's distance": float(abs(logits[0] - logits[1])),
    }


def placed(
    image: np.ndarray, came: np.ndarray, start: np.ndarray, mask: np.ndarray
) -> dict[str, float]:
    """The error in the lungs, and whether the change lies where change came."""
    drawn, true = (image - start)[mask], (came - start)[mask]
    told = drawn.std() > 0 and true.std() > 0
    return {
        "error in the lungs, %": float(np.abs(image - came)[mask].mean() / 2.55),
        "place of the change": float(np.corrcoef(drawn, true)[0, 1]) if told else 0.0,
    }


def means(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Means over patients, and the simulation minus each other way."""
    patients = [row["patient"] for row in rows]

    def told(values: list[float]) -> str:
        value, low, high = interval(np.array(values), patients)
        return f"{value:+.3f} [{low:+.3f}, {high:+.3f}]"

    found: dict[str, Any] = {}
    for figure in rows[0][WAYS[0]]:
        found[figure] = {way: told([r[way][figure] for r in rows]) for way in WAYS}
        for other in WAYS[1:]:
            gaps = [r["simulated"][figure] - r[other][figure] for r in rows]
            found[figure][f"simulated minus {other}"] = told(gaps)
    return found


def grey(image: np.ndarray) -> np.ndarray:
    """One channel, 0 to 255."""
    plain = image if image.ndim == 2 else image[..., :3].mean(-1)
    return plain.astype(np.float32)


if __name__ == "__main__":
    main()
