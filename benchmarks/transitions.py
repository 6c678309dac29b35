"""How good are the frames between states, against drawn truth and on real states?

    python benchmarks/transitions.py truth --out FOLDER [--model NAME]
    python benchmarks/transitions.py states --set STATES --out FOLDER [--model NAME]
    python benchmarks/transitions.py cost --set STATES --out FOLDER [--model NAME]

`truth`: drawn progressions, error to the true middle frames with 95 % bootstrap intervals over
patients, and the motion score of decoys. `states`: figures of clips between real states made by
`transitions_states.py`, and a contact strip of each image: by engine, a late transition above one
from the first state to the last, five frames each and what the middle one differs from a blend.
`cost`: seconds for ten transitions of 12 frames at 256 px by engine, and peak memory of 10 against
100 flow clips.
"""

import argparse
import resource
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from films import interval, write_figures
from PIL import Image
from scipy.ndimage import gaussian_filter, shift

from sequela.backbones import load_backbone
from sequela.checkpoints import find_model
from sequela.cohorts.synthetic.progressions import PROGRESSIONS, Progression, draw_progression
from sequela.metrics.video import end_error, join_jump, sharpness_constancy, smoothness
from sequela.metrics.video_motion import motion, warping_error
from sequela.simulators.transition import (
    Confinement,
    Engine,
    EngineSetup,
    Transitions,
    make_engine,
)

ENGINE_NAMES = ("crossfade", "flow", "latent")
FRAMES = 12


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=("truth", "states", "cost"))
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--model", default="chest-mini")
    parser.add_argument("--set", type=Path, help="folder of transitions_states.py")
    parser.add_argument("--patients", type=int, default=20, help="drawn ones of each kind")
    parser.add_argument("--transitions", type=int, nargs="+", default=[0, 8], help="of each run")
    parser.add_argument("--noise", type=float, default=0.03)
    options = parser.parse_args()
    setup = EngineSetup(backbone=load_backbone(find_model(options.model), device="cpu"))
    engines = {name: make_engine(name, setup) for name in ENGINE_NAMES}
    figures: dict[str, object] = {"model": options.model}
    if options.what == "truth":
        for noise in (0.0, options.noise):
            figures[f"noise {noise}"] = against_truth(engines, options.patients, noise)
        figures["motion"] = motion_scores(engines, max(2, options.patients // 2))
    elif options.what == "states":
        files = sorted(options.set.glob("*.npz"))
        for table in on_states(engines, files, options.out, options.transitions):
            write_figures(figures | table, options.out / "states.json")  # after each image
        return
    else:
        figures |= cost(engines, sorted(options.set.glob("*.npz"))[0])
    write_figures(figures, options.out / f"{options.what}.json")


def against_truth(engines: dict[str, Engine], patients: int, noise: float) -> dict[str, object]:
    """Mean absolute error x 1000 to the true middle frames: mean and interval by engine."""
    errors: dict[str, dict[str, list[float]]] = {n: {k: [] for k in PROGRESSIONS} for n in engines}
    for kind in PROGRESSIONS:
        for seed in range(patients):
            drawn = draw_progression(kind, seed=seed, frames=7, noise=noise)
            for name, engine in engines.items():
                clip = Transitions(engine=engine, frames=7).clip(drawn.first, drawn.last)
                error = np.abs(clip[1:-1] - drawn.truth[1:-1]).mean()
                errors[name][kind].append(1000 * float(error))
        print(
            kind,
            noise,
            {n: round(float(np.mean(e[kind])), 2) for n, e in errors.items()},
            flush=True,
        )
    table: dict[str, object] = {}
    for kind in (*PROGRESSIONS, "all"):
        parts = {
            name: np.concatenate([by[k] for k in PROGRESSIONS]) if kind == "all" else by[kind]
            for name, by in errors.items()
        }
        names = [str(i) for i in range(len(parts["crossfade"]))]
        table[kind] = {n: interval(np.asarray(v), names) for n, v in parts.items()} | {
            f"{n} minus crossfade": interval(np.asarray(v) - np.asarray(parts["crossfade"]), names)
            for n, v in parts.items()
            if n != "crossfade"
        }
    return table


def motion_scores(engines: dict[str, Engine], patients: int) -> dict[str, object]:
    """Motion score of decoys, of the engines and of the truth: mean with its interval."""
    scores: dict[str, dict[str, list[float]]] = {}
    for kind in PROGRESSIONS:
        for seed in range(patients):
            drawn = draw_progression(kind, seed=seed, frames=7)
            clips = dict(decoys(drawn, np.random.default_rng(seed)))
            for name, engine in engines.items():
                clips[name] = Transitions(engine=engine, frames=7).clip(drawn.first, drawn.last)
            for name, clip in {**clips, "truth": drawn.truth}.items():
                scores.setdefault(name, {}).setdefault(kind, []).append(motion(clip).score)
    return {
        name: {
            kind: mean_of(values, [str(patient) for patient in range(len(values))])
            for kind, values in kinds.items()
        }
        for name, kinds in scores.items()
    }


def decoys(drawn: Progression, rng: np.random.Generator) -> Iterator[tuple[str, np.ndarray]]:
    """Cross-fades in disguise; their ends are the states."""
    weights = np.linspace(0, 1, 7, dtype=np.float32)
    fade = np.stack([drawn.first + w * (drawn.last - drawn.first) for w in weights])

    def inside(change: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
        changed = fade.copy()
        changed[1:-1] = np.stack([change(frame) for frame in fade[1:-1]])
        return np.clip(changed, -1, 1)

    def shaken(frame: np.ndarray) -> np.ndarray:
        return shift(frame, (0, *rng.uniform(-2, 2, 2)), order=1, mode="nearest")

    yield "fade + noise", inside(lambda x: x + 0.1 * rng.normal(size=x.shape).astype(np.float32))
    yield "fade + blur", inside(lambda x: gaussian_filter(x, (0, 2, 2)))
    yield "fade + jitter", inside(shaken)


def on_states(
    engines: dict[str, Engine], files: list[Path], out: Path, transitions: list[int]
) -> Iterator[dict[str, object]]:
    """Figures of clips between real states: means with intervals, and the largest join jump."""
    rows: dict[str, list[dict[str, float]]] = {name: [] for name in engines}
    patients: list[str] = []
    out.mkdir(parents=True, exist_ok=True)
    for file in files:
        strips = []
        for name, engine in engines.items():
            with np.load(file) as kept:
                states = kept["states"].astype(np.float32) / np.float32(127.5) - 1
                confinement = Confinement(region=kept["region"].astype(np.float32))
                text, patient = str(kept["text"]), str(kept["patient"])
            drawer = Transitions(engine=engine, frames=FRAMES, text=text, confinement=confinement)
            for number in transitions:
                first, last = states[number], states[number + 1]
                clip = drawer.clip(first, last)
                rows[name].append(figures_of(clip, first, last))
            whole = drawer.clip(states[0], states[-1])
            strips.append(np.concatenate([clip_strip(clip), clip_strip(whole)], axis=0))
        patients += [patient] * len(transitions)
        Image.fromarray(np.concatenate(strips, axis=0)).save(out / f"strip_{file.stem}.png")
        print(file.stem, {n: round(r[-1]["motion"], 3) for n, r in rows.items()}, flush=True)
        yield {name: summary(table, patients) for name, table in rows.items()}


def summary(table: list[dict[str, float]], patients: list[str]) -> dict[str, object]:
    return {
        "mean": {key: mean_of([row[key] for row in table], patients) for key in table[0]},
        "largest join change": max(row["join change"] for row in table),
        "clips with join change above 1.1": sum(row["join change"] > 1.1 for row in table),
        "clips": len(table),
    }


def figures_of(clip: np.ndarray, first: np.ndarray, last: np.ndarray) -> dict[str, float]:
    jump, moved = join_jump(clip), motion(clip)
    return {
        "end error": end_error(clip, first, last),
        "join change": jump.change,
        "join bend": jump.bend,
        "smoothness": smoothness(clip),
        "sharpness": sharpness_constancy(clip),
        "warping error x1000": 1000 * warping_error(clip),
        "motion": moved.score,
        "explained by flow": moved.explained,
    }


def mean_of(values: list[float], patients: list[str]) -> list[float]:
    """Mean, its interval, and how many clips have the figure at all."""
    known = np.isfinite(values)
    if not known.any():
        return [float("nan")] * 3 + [0]
    named = [patient for patient, has in zip(patients, known, strict=True) if has]
    return [round(v, 4) for v in interval(np.array(values)[known], named)] + [int(known.sum())]


def clip_strip(clip: np.ndarray) -> np.ndarray:
    """Five frames side by side, and the middle one's change from the blend beside them."""
    chosen = [clip[round(i * (len(clip) - 1) / 4)] for i in range(5)]
    middle = clip[len(clip) // 2]
    share = (len(clip) // 2) / (len(clip) - 1)
    against = 2 * (middle - (clip[0] + share * (clip[-1] - clip[0])))
    row = np.concatenate([*chosen, against], axis=2)
    return np.rint((np.clip(np.moveaxis(row, 0, -1), -1, 1) + 1) * 127.5).astype(np.uint8)[
        ..., 0 if len(row) == 1 else slice(None)
    ]


def cost(engines: dict[str, Engine], file: Path) -> dict[str, object]:
    """Seconds for ten transitions, and how peak memory grows with the number of clips."""
    with np.load(file) as kept:
        states = kept["states"].astype(np.float32) / np.float32(127.5) - 1
    peaks = {}
    for clips in (10, 100):
        many = (states[i % len(states)] for i in range(clips + 1))
        for _ in Transitions(engine=engines["flow"], frames=FRAMES).through(many):
            pass
        peak_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        peaks[clips] = round(peak_kib / 1024, 1)
    seconds = {}
    for name, engine in engines.items():
        start, busy = time.perf_counter(), time.process_time()
        for _ in Transitions(engine=engine, frames=FRAMES).through(states):
            pass
        seconds[name] = {
            "wall": round(time.perf_counter() - start, 1),
            "processor": round(time.process_time() - busy, 1),  # all that a busy machine can tell
        }
    return {"seconds for 10 transitions": seconds, "peak memory by clips, MiB": peaks}


if __name__ == "__main__":
    main()
