"""How good are lesion forecasts on held-out patients of the known-truth trial, and against whom?

    python benchmarks/lesions.py oracle --out FOLDER [--subjects 132]
    python benchmarks/lesions.py truths --out FOLDER
    python benchmarks/lesions.py forecast --out FOLDER --cases FOLDER [--model M] [--unet U]
    python benchmarks/lesions.py counterfactuals --out FOLDER --cases FOLDER [--model M]
    python benchmarks/lesions.py speed --out FOLDER [--model M]

`oracle` draws the patients' possible futures from the planted truth, given what is seen at baseline
(kept, for it is slow), `truths` what comes to other patients under all arms. `forecast` scores
model, baselines and oracle two years ahead under the own arm, with 95 % bootstrap intervals over
patients, and swaps images and masks between patients. `counterfactuals` asks for all six arms of
the same patients: rate ratios against the planted ones and, apart, against the trials' published
ranges; individual effects against coupled truth; the value of treating those first who gain most
by forecast. `--cases` is the folder in which the training kept its patients, from whom the
baselines learn.
"""

import argparse
import json
import resource
import time
from dataclasses import asdict, replace
from functools import cache
from itertools import pairwise
from pathlib import Path

import matplotlib as mpl
import numpy as np
import torch
from films import write_figures
from scipy import ndimage

from sequela.cohorts.synthetic.trial import (
    PLACEBO,
    TrialSubject,
    consult,
    draw_subject,
    load_arms,
)
from sequela.evaluation.lesions import (
    ArmCounts,
    Outcome,
    Scored,
    arm_effect,
    as_markdown,
    count_columns,
    figures,
    paired,
    place_columns,
    place_log_likelihood,
    place_scores,
    policy_gain,
    policy_values,
)
from sequela.metrics import mean_estimate
from sequela.metrics.activity import autoc
from sequela.metrics.lesions import voxel_log_likelihood
from sequela.simulators.baselines.lesion_answer import LesionAnswer, shares_of
from sequela.simulators.baselines.lesions import (
    CountRegression,
    Followed,
    OneShot,
    PriorMap,
    enhancing_persist,
    no_lesion,
    scattered,
    swapped,
    voxels_of_a_lesion,
)
from sequela.simulators.lesions.burden import Burden, burden_of
from sequela.simulators.lesions.config import FULL
from sequela.simulators.lesions.counterfactual import compare
from sequela.simulators.lesions.forecast import Sampling, cosine_schedule, forecast, level_of
from sequela.simulators.lesions.network import (
    SEEN_CHANNELS,
    TOLD_NUMBERS,
    LesionForecaster,
    Told,
)
from sequela.simulators.lesions.places import free_voxels
from sequela.simulators.lesions.prepare import PreparedVisit
from sequela.simulators.lesions.question import Question
from sequela.simulators.lesions.store import BUNDLED, load_lesion_forecaster
from sequela.simulators.lesions.summary import summarise
from sequela.training.lesion_cases import CaseSettings, draw_cases, visit_of

mpl.use("Agg")
from matplotlib import pyplot as plt

FIRST_SEED = 600_000  # held out: trainings draw from a million up
YEARS = 2.0
FUTURES = 32
PLACE_FUTURES, PLACE_FRAILTY = 12, 4.0  # many lesions tell places, whatever their number
SMOOTH_MM = 2.5
SWAP_SAMPLES = 4
TABLE_SUBJECTS = 400  # of the counterfactual tables
VERSUS = ("natalizumab", "fingolimod")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "what", choices=("oracle", "truths", "forecast", "summary", "counterfactuals", "speed")
    )
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--cases", type=Path)
    parser.add_argument("--model", default=BUNDLED)
    parser.add_argument("--unet", default="")
    parser.add_argument("--subjects", type=int, default=132)
    parser.add_argument("--most", type=int, default=0, help="score no further than this one")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    {
        "oracle": oracle,
        "truths": truths,
        "forecast": score,
        "summary": summary,
        "counterfactuals": counterfactuals,
        "speed": speed,
    }[options.what](options)


def subjects(count: int) -> list[TrialSubject]:
    """So many in each arm, in turn."""
    arms = list(load_arms())
    return [draw_subject(FIRST_SEED + i, arm=arms[i % len(arms)]) for i in range(count)]


def ask(subject: TrialSubject, arm: str | None = None, years: float = YEARS) -> Question:
    known = subject.covariates
    return Question(
        treatment=arm or subject.arm,
        horizon_years=years,
        age_years=known.age_years,
        edss=known.edss,
        disease_years=known.disease_years,
    )


def outcome_of(subject: TrialSubject, visit: PreparedVisit) -> Outcome:
    truth = subject.net2(subject.arm, YEARS)
    return Outcome(visit=visit, truth=truth, lesions=lesions_in(truth, subject))


def lesions_in(mask: np.ndarray, subject: TrialSubject) -> int:
    return int(summarise(mask[None], subject.grid).counts[0])


# --- oracle


def oracle(options: argparse.Namespace) -> None:
    folder = options.out / "oracle"
    folder.mkdir(exist_ok=True)
    for subject in subjects(options.subjects):
        path = folder / f"{subject.seed}.npz"
        if not path.exists():
            np.savez_compressed(path, **drawn_futures(subject))
            print(path.name, flush=True)


def drawn_futures(subject: TrialSubject) -> dict[str, np.ndarray]:
    """Counts and masks under the own arm, and a smooth map of places, from the planted truth."""
    seer = consult(subject)
    futures = seer.futures(subject.arm, YEARS, samples=FUTURES)
    masks = np.stack([f.mask for f in futures])
    busy = replace(subject.latents, frailty=PLACE_FRAILTY)
    place = np.zeros(subject.grid.shape)
    for k in range(PLACE_FUTURES):
        place += subject.another_future(busy, 10_000 + k, PLACEBO, YEARS).mask
    place = ndimage.gaussian_filter(place, [SMOOTH_MM / s for s in subject.grid.spacing_mm])
    return {
        "masks": np.packbits(masks, axis=None),
        "counts": np.array([lesions_in(mask, subject) for mask in masks]),
        "events": seer.counts(subject.arm, YEARS),
        "place": place.astype(np.float16),
    }


def oracle_answer(folder: Path, subject: TrialSubject, visit: PreparedVisit) -> LesionAnswer:
    with np.load(folder / f"{subject.seed}.npz") as kept:
        shape = (FUTURES, *subject.grid.shape)
        masks = np.unpackbits(kept["masks"], count=int(np.prod(shape))).reshape(shape).astype(bool)
        place, events = kept["place"].astype(np.float64), kept["events"]
    free = free_voxels(visit)
    # nine parts what the futures show, one part the map, for places that no future reached
    place = place * free
    place = 0.9 * place / place.sum() + 0.1 * scattered(visit, 1.0) / scattered(visit, 1.0).sum()
    mean = float(masks.sum((1, 2, 3)).mean())
    chances = np.minimum(-np.expm1(-mean * place), 0.5).astype(np.float32)
    return LesionAnswer(chances=chances, count_chances=events / events.sum(), masks=masks)


# --- forecasts


@cache
def training_rows(folder: Path) -> tuple[Followed, ...]:
    """The patients whom the model learned from, as rows of a table."""
    sides = (
        CaseSettings(first_seed=1_000_000, count=1200),
        CaseSettings(first_seed=2_000_000, count=8000, has_images=False),
    )
    forms = [form for side in sides for form in draw_cases(side, folder).forms]
    return tuple(
        Followed(
            question=form.question(v),
            burden=form.burden,
            lesions=visit.lesions,
            voxels=len(visit.voxels),
        )
        for form in forms
        for v, visit in enumerate(form.visits)
    )


def score(options: argparse.Namespace) -> None:
    rows = training_rows(options.cases)
    network, _ = load_lesion_forecaster(options.model)
    answerers = {
        "no lesion": no_lesion,
        "prior map x rate ratio": PriorMap.fit(rows),
        "regression": CountRegression.fit(rows),
        "enhancing persist": enhancing_persist,
    }
    if options.unet:
        unet, _ = load_lesion_forecaster(options.unet)
        answerers["deterministic U-Net"] = OneShot(network=unet, voxels=voxels_of_a_lesion(rows))
    folder = options.out / "scores"
    folder.mkdir(exist_ok=True)
    people = subjects(options.subjects)
    for index, subject in enumerate(people):
        path = folder / f"{subject.seed}.json"
        if path.exists() or (options.most and index >= options.most):
            continue
        before = visit_of(people[index - 1]) if index else None
        row = one_patient(network, answerers, subject, before, options.out)
        path.write_text(json.dumps(row))
        print(subject.seed, subject.arm, row["lesions"], row["expected"], flush=True)
    summary(options)


def one_patient(
    network: LesionForecaster,
    answerers: dict,
    subject: TrialSubject,
    before: PreparedVisit | None,
    out: Path,
) -> dict[str, object]:
    """Scores of every forecaster, as plain values that are kept."""
    visit = visit_of(subject)
    outcome = outcome_of(subject, visit)
    began = time.process_time()
    told = forecast(network, visit, ask(subject))
    seconds = time.process_time() - began
    answers = {name: answer(visit, ask(subject)) for name, answer in answerers.items()}
    answers["model"] = LesionAnswer.of(told)
    answers["oracle"] = oracle_answer(out / "oracle", subject, visit)
    if subject.seed < FIRST_SEED + 6:
        picture(told, outcome, subject, out / f"case-{subject.arm}.png")
    return {
        "seed": subject.seed,
        "lesions": outcome.lesions,
        "expected": round(told.expected_count, 2),
        "places": {name: place_scores(answer, outcome) for name, answer in answers.items()},
        "counts": {
            name: np.round(answer.count_chances, 9).tolist() for name, answer in answers.items()
        },
        "drawn": told.drawn_counts.tolist(),
        "found": told.counts.tolist(),
        "voxels": told.masks.sum((1, 2, 3)).tolist(),
        "true voxels": int(outcome.truth.sum()),
        "swap": None if before is None else swap(network, visit, before, outcome, subject),
        "seconds": seconds,
    }


def summary(options: argparse.Namespace) -> None:
    """Figures of all patients that were scored so far."""
    _, card = load_lesion_forecaster(options.model)
    files = sorted((options.out / "scores").glob("*.json"))
    rows = [json.loads(path.read_text()) for path in files]
    scored = {name: Scored() for name in rows[0]["places"]}
    for row in rows:
        for name, one in scored.items():
            one.places.append(row["places"][name])
            one.count_chances.append(np.array(row["counts"][name]))
    lesions = np.array([row["lesions"] for row in rows])
    drawn, found, voxels = (np.array([r[k] for r in rows]) for k in ("drawn", "found", "voxels"))
    swaps = [row["swap"] for row in rows if row["swap"]]
    true_voxels = sum(row["true voxels"] for row in rows)
    table = {name: figures(one, lesions) for name, one in scored.items()}
    (options.out / "forecasts.md").write_text(as_markdown(table) + "\n", encoding="utf-8")
    places = {name: place_columns(one) for name, one in scored.items()}
    counts = {name: count_columns(one, lesions) for name, one in scored.items()}
    against = {
        name: {
            key: str(value)
            for part, names in (
                (
                    places,
                    (
                        "log-likelihood, nats a patient",
                        "place log-likelihood",
                        "place auroc",
                        "lesion f1",
                    ),
                ),
                (counts, ("count mae", "count log-mae", "count crps")),
            )
            for key, value in paired(part["model"], part[name], names).items()
        }
        for name in scored
        if name != "model"
    }
    from_masks = [shares_of(row) for row in found]
    masks_only = Scored(places=[{}] * len(found), count_chances=from_masks)
    columns = count_columns(masks_only, lesions)
    who = np.arange(len(lesions))
    calibration_figure(scored, lesions, options.out / "calibration.png")
    write_figures(
        {
            "model": card.get("name"),
            "steps": card.get("steps"),
            "subjects": len(lesions),
            "years": YEARS,
            "share of truths that are empty": float((lesions == 0).mean()),
            "figures": {n: {k: str(v) for k, v in row.items()} for n, row in table.items()},
            "model less each other": against,
            "counts of the 32 masks alone": {
                key: str(mean_estimate(columns[key], who))
                for key in ("count mae", "count crps", "coverage 80%", "coverage 95%")
            },
            "masks hold what was drawn": {
                "drawn": float(drawn.mean()),
                "held": float(found.mean()),
                "mean absolute difference": float(np.abs(found - drawn).mean()),
                "voxels a lesion": float(voxels.sum() / max(1, found.sum())),
                "voxels a true lesion": true_voxels / max(1, int(lesions.sum())),
            },
            "own less swapped images and masks": {
                name: str(
                    mean_estimate(np.array([s[name] for s in swaps], float), who[: len(swaps)])
                )
                for name in swaps[0]
            },
            "cpu seconds a forecast of 32": round(float(np.mean([r["seconds"] for r in rows])), 2),
        },
        options.out / "forecasts.json",
    )


def swap(
    network: LesionForecaster,
    visit: PreparedVisit,
    other: PreparedVisit,
    outcome: Outcome,
    subject: TrialSubject,
) -> dict[str, float]:
    """Log-likelihoods with the patient's own images less those with another's, on common voxels."""
    few = Sampling(samples=SWAP_SAMPLES)
    own, strange = (
        forecast(network, shown, ask(subject), few) for shown in (visit, swapped(visit, other))
    )
    common = free_voxels(visit) & free_voxels(other)
    truth = outcome.truth & common
    return {
        "voxel log-likelihood": voxel_log_likelihood(own.chances, truth, common)
        - voxel_log_likelihood(strange.chances, truth, common),
        "place log-likelihood": place_log_likelihood(own.chances, truth, common)
        - place_log_likelihood(strange.chances, truth, common),
    }


def calibration_figure(scored: dict[str, Scored], lesions: np.ndarray, path: Path) -> None:
    """Where each true count lay in its forecast distribution; flat for an honest one."""
    rng = np.random.default_rng(0)
    figure, axes = plt.subplots(1, 3, figsize=(12, 3.6), sharey=True)
    for axis, name in zip(axes, ("model", "regression", "oracle"), strict=True):
        places = []
        for row, found in zip(scored[name].count_chances, lesions, strict=True):
            below = float(row[:found].sum())
            places.append(below + rng.random() * float(row[found] if found < len(row) else 0))
        axis.hist(places, bins=10, range=(0, 1), color="0.5")
        axis.axhline(len(lesions) / 10, color="black", lw=0.8)
        axis.set(title=name, xlabel="place of the true count in its forecast")
    axes[0].set_ylabel("patients")
    figure.tight_layout()
    figure.savefig(path, dpi=110)
    plt.close(figure)


def picture(told: object, outcome: Outcome, subject: TrialSubject, path: Path) -> None:
    """FLAIR with old lesions, chances, truth, and two possible masks, in a few slices."""
    flair = outcome.visit.images[2]
    busiest = np.argsort(-outcome.visit.lesions.sum((1, 2)))[:3]
    figure, axes = plt.subplots(3, 5, figsize=(12, 8.5))
    for row, d in zip(axes, sorted(busiest), strict=True):
        for axis, (name, over) in zip(
            row,
            (
                ("old", outcome.visit.lesions[d]),
                ("chances", None),
                ("came", outcome.truth[d]),
                ("possible", told.masks[1][d]),
                ("possible", told.masks[2][d]),
            ),
            strict=True,
        ):
            axis.imshow(flair[d], cmap="gray", vmin=-1, vmax=0.6)
            if over is None:
                axis.imshow(np.sqrt(told.chances[d]), cmap="inferno", vmin=0, vmax=0.3)
            else:
                axis.imshow(np.where(over, 1.0, np.nan), cmap="autumn", vmin=0, vmax=1)
            axis.set(title=name, xticks=[], yticks=[])
    figure.suptitle(
        f"{subject.arm}: {outcome.lesions} lesions came, {told.expected_count:.1f} expected"
    )
    figure.tight_layout()
    figure.savefig(path, dpi=80)
    plt.close(figure)


# --- counterfactuals


def counterfactuals(options: argparse.Namespace) -> None:
    network, _ = load_lesion_forecaster(options.model)
    regression = CountRegression.fit(training_rows(options.cases))
    people = [draw_subject(FIRST_SEED + 10_000 + i) for i in range(TABLE_SUBJECTS)]
    made = {arm: {"model": [], "regression": [], "oracle": [], "truth": []} for arm in load_arms()}
    for subject, kept in zip(people, truths(options), strict=True):
        burden = Burden(**kept["burden"])
        expected = expected_counts(network, subject, burden.numbers)
        for arm in load_arms():
            made[arm]["model"].append(expected[arm])
            made[arm]["regression"].append(regression.mean(ask(subject, arm), burden))
            made[arm]["oracle"].append(kept["oracle"][arm])
            made[arm]["truth"].append(kept["truth"][arm])
    counts = {a: {w: np.array(v, float) for w, v in by.items()} for a, by in made.items()}
    rates = training_rates(options.cases)
    result = {
        "subjects": len(people),
        "arms": arm_table(counts, rates),
        "mean forecast by arm, model": {
            a: round(float(c["model"].mean()), 3) for a, c in counts.items()
        },
        "order of the means as planted": order_kept(counts),
        "share of patients whose forecasts fall with the planted order": monotone(counts),
        "policy": policy(counts, people, options.out / "policy.png"),
        "horizon 0": at_once(network, people[:3]),
        "masks": masks_under_two_arms(network, people[:12]),
    }
    write_figures(result, options.out / "counterfactuals.json")


def truths(options: argparse.Namespace) -> list[dict]:
    """Burden as seen, the oracle's means and what came, by arm; kept, for they are slow."""
    path = options.out / "arms.jsonl"
    rows = path.read_text().splitlines() if path.exists() else []
    with path.open("a") as lines:
        for index in range(len(rows), TABLE_SUBJECTS):
            subject = draw_subject(FIRST_SEED + 10_000 + index)
            seer, row = consult(subject), {"oracle": {}, "truth": {}}
            row["burden"] = asdict(burden_of(visit_of(subject)))
            for arm in load_arms():
                table = seer.counts(arm, YEARS)
                row["oracle"][arm] = float(table @ np.arange(len(table)))
                row["truth"][arm] = lesions_in(subject.net2(arm, YEARS), subject)
            rows.append(json.dumps(row))
            print(rows[-1], file=lines, flush=True)
    return [json.loads(row) for row in rows]


def expected_counts(
    network: LesionForecaster, subject: TrialSubject, burden: np.ndarray
) -> dict[str, float]:
    """Mean counts under every arm, without drawing masks."""
    asked = [ask(subject, arm) for arm in load_arms()]
    numbers = torch.from_numpy(np.stack([np.concatenate([q.numbers, burden]) for q in asked]))
    with torch.no_grad():
        table = network.counts(torch.tensor([q.treatment_index for q in asked]), numbers).table()
    means = (table @ torch.arange(table.shape[1], dtype=torch.float32)).tolist()
    return dict(zip(load_arms(), means, strict=True))


def training_rates(folder: Path) -> dict[str, float]:
    """Lesions in two years of each arm's training patients: the same effect for everybody."""
    rates = {}
    for arm in load_arms():
        rows = [r for r in training_rows(folder) if r.question.treatment == arm]
        years = sum(r.question.horizon_years for r in rows)
        rates[arm] = YEARS * sum(r.lesions for r in rows) / years
    return rates


def arm_table(counts: dict, rates: dict[str, float]) -> dict[str, dict[str, object]]:
    table = {}
    for name, arm in list(load_arms().items())[1:]:
        row: dict[str, object] = {}
        for who in ("model", "regression", "oracle"):
            own, other = (
                ArmCounts(forecast=counts[a][who], truth=counts[a]["truth"])
                for a in (name, PLACEBO)
            )
            effect = arm_effect(own, other, mean_effect=rates[PLACEBO] - rates[name])
            row[who] = {key: str(value) for key, value in vars(effect).items()}
            if who == "model":
                ratio = effect.rate_ratio
                off = ratio.value / arm.rate_ratio - 1
                low, high = arm.verified
                row["planted rate ratio"] = arm.rate_ratio
                row["off the planted one"] = round(off, 3)
                row["within 10 % of the planted one, or its interval"] = bool(
                    abs(off) <= 0.1 or ratio.low <= arm.rate_ratio <= ratio.high
                )
                row["published range"] = arm.verified
                row["interval meets the published range"] = bool(
                    ratio.low <= high and ratio.high >= low
                )
        table[name] = row
    return table


def order_kept(counts: dict) -> bool:
    means = [float(c["model"].mean()) for c in counts.values()]
    return all(a >= b for a, b in pairwise(means))


def monotone(counts: dict) -> float:
    table = np.stack([c["model"] for c in counts.values()])
    return float((np.diff(table, axis=0) <= 0.02 * table[:-1]).all(0).mean())


def policy(counts: dict, people: list[TrialSubject], path: Path) -> dict[str, object]:
    """Natalizumab for those first who gain most by forecast, placebo for the others."""
    strong = "natalizumab"
    treated, untreated = (counts[a]["truth"] for a in (strong, PLACEBO))
    orders = {
        who: counts[PLACEBO][who] - counts[strong][who] for who in ("model", "regression", "oracle")
    }
    orders["youngest first"] = np.array([-s.covariates.age_years for s in people])
    orders["truth"] = untreated - treated
    shares = np.linspace(0, 1, 21)
    figure, axis = plt.subplots(figsize=(5, 4))
    told = {}
    for who, benefit in orders.items():
        values = policy_values(benefit, treated, untreated, shares)
        axis.plot(shares, values, label=who)
        told[who] = {
            "gain over random, lesions a patient": round(
                policy_gain(benefit, treated, untreated), 3
            ),
            "when half are treated": round(float(values[10]), 3),
        }
    axis.plot([0, 1], [untreated.mean(), treated.mean()], color="0.7", label="at random")
    axis.set(xlabel="share treated", ylabel="lesions a patient in two years")
    axis.legend()
    figure.tight_layout()
    figure.savefig(path, dpi=110)
    plt.close(figure)
    lot = np.array([s.arm in {strong, PLACEBO} for s in people])
    was = np.array([s.arm == strong for s in people])[lot]
    came = np.where(was, treated[lot], untreated[lot])
    told["autoc of the model among those drawn to either arm"] = {
        "autoc": round(autoc(orders["model"][lot], was, came), 3),
        "patients": int(lot.sum()),
    }
    return told


def at_once(network: LesionForecaster, people: list[TrialSubject]) -> dict[str, float]:
    """The largest difference between any two arms at horizon 0."""
    worst = 0.0
    for subject in people:
        made = compare(network, visit_of(subject), ask(subject, PLACEBO, 0.0), list(load_arms()))
        for one in made.values():
            worst = max(worst, float(np.abs(one.difference).max()), abs(one.expected_spared))
            worst = max(worst, float(np.abs(one.spared).max()))
    return {"largest difference": worst}


def masks_under_two_arms(network: LesionForecaster, people: list[TrialSubject]) -> dict[str, float]:
    """With the same noise, is the mask under the stronger arm part of that under placebo?"""
    inside, fewer, all_masks = [], 0, 0
    for subject in people:
        made = compare(
            network, visit_of(subject), ask(subject, PLACEBO), VERSUS, Sampling(samples=16)
        )
        for one in made.values():
            size = one.other.masks.sum((1, 2, 3))
            common = (one.other.masks & one.own.masks).sum((1, 2, 3))
            inside += (common[size > 0] / size[size > 0]).tolist()
            fewer += int((one.other.counts <= one.own.counts).sum())
            all_masks += len(size)
    return {
        "share of the stronger arm's voxels that placebo has too": float(np.mean(inside)),
        "share of samples with no more lesions": fewer / all_masks,
    }


# --- speed


def speed(options: argparse.Namespace) -> None:
    network, _ = load_lesion_forecaster(options.model)
    subject = draw_subject(FIRST_SEED + 3, arm=PLACEBO)
    visit = visit_of(subject)
    result: dict[str, object] = {"threads": torch.get_num_threads()}
    forecast(network, visit, ask(subject), Sampling(samples=2))
    for samples in (8, 16, 32, 64):
        result[f"{samples} samples"] = timed(
            lambda n=samples: forecast(network, visit, ask(subject), Sampling(samples=n))
        )
    result["full size"] = {
        f"{share:.0%} of the volume": full_step(share) for share in (0.125, 0.25, 0.5, 1.0)
    }
    cost_figure(result, options.out / "cost.png")
    write_figures(result, options.out / "speed.json")


def timed(action: object) -> dict[str, float]:
    wall, cpu = time.perf_counter(), time.process_time()
    action()
    return {
        "seconds": round(time.perf_counter() - wall, 2),
        "cpu seconds": round(time.process_time() - cpu, 2),
    }


def full_step(share: float) -> dict[str, float]:
    """Encoding and one denoising step at 1 x 1 x 3 mm, random weights, by share of the depth."""
    d, h, w = FULL.shape
    part = replace(FULL, shape=(max(2, round(d * share) // 2 * 2), h, w))
    network = LesionForecaster(part).eval()
    seen = torch.zeros(1, SEEN_CHANNELS, *part.shape)
    free = torch.ones(1, 1, *part.shape, dtype=torch.bool)
    told = Told(treatment=torch.tensor([1]), numbers=torch.zeros(1, TOLD_NUMBERS))
    level = level_of(cosine_schedule(part.timesteps), [part.timesteps // 2])
    with torch.no_grad():
        kept = []
        encoded = timed(lambda: kept.append(network.encode(seen, torch.ones(1, 5), free)))
        noisy = torch.zeros(1, 1, *part.shape)
        step = timed(lambda: network(noisy, level, kept[0], told, torch.ones(1)))
    return {
        "voxels": int(np.prod(part.shape)),
        "encoding": encoded,
        "one denoising step": step,
        "peak memory gb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6, 2),
    }


def cost_figure(result: dict, path: Path) -> None:
    figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.4))
    counts = [8, 16, 32, 64]
    left.plot(counts, [result[f"{n} samples"]["cpu seconds"] for n in counts], "o-")
    left.set(xlabel="samples", ylabel="CPU seconds", title="small model, one patient")
    rows = list(result["full size"].values())
    voxels = [row["voxels"] / 1e6 for row in rows]
    right.plot(voxels, [row["one denoising step"]["cpu seconds"] for row in rows], "o-")
    right.set(xlabel="million voxels", ylabel="CPU seconds", title="full size, one denoising step")
    figure.tight_layout()
    figure.savefig(path, dpi=110)
    plt.close(figure)


if __name__ == "__main__":
    main()
