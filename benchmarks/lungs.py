"""Forecasts of lung CT on patients never seen, against every baseline and the oracle.

    python benchmarks/lungs.py score --out work/lungs-science/run --methods baselines --model FOLDER
    python benchmarks/lungs.py score --out work/lungs-science/run --methods models --model FOLDER
    python benchmarks/lungs.py survival --out work/lungs-science/run --model FOLDER
    python benchmarks/lungs.py arms --out work/lungs-science/run --model FOLDER
    python benchmarks/lungs.py tables --out work/lungs-science/run

FOLDER holds `codec`, `forecast` and `painted` with a `model.safetensors` each, as the recipes
`lungs-mini-vqgan`, `-forecast` and `-painter` write them. The cohort `test` has 200 patients whose
rates lie in the range of training, `faster` 300 whose rates lie above all that was trained on.
`further` has 600 more like `test`, for survival alone.
Every patient is scored once; a run that was stopped goes on where it was.
"""

import argparse
import hashlib
import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import torch

from sequela.cohorts.synthetic.lungs import LungDesign, LungPatient, draw_patient
from sequela.cohorts.synthetic.lungs.design import TREATED, UNTREATED
from sequela.evaluation.forecasts import (
    MODES,
    ForecastCase,
    ForecastScore,
    as_markdown,
    horizon_of,
    rate_ratio,
    read_scores,
    score_case,
    table_of,
    write_scores,
)
from sequela.evaluation.survival import (
    Outcomes,
    change_per_year,
    code_histogram,
    cross_fit,
    forest,
    kaplan_meier,
    permuted_null,
    survival_table,
)
from sequela.evaluation.survival import as_markdown as survival_markdown
from sequela.evaluation.survival.cox import fit_cox
from sequela.metrics import estimate
from sequela.metrics.lung_measures import lung_measures
from sequela.simulators.baselines import lungs as baselines
from sequela.simulators.lungs import LungEngine, load_codec, load_forecaster
from sequela.simulators.lungs.grids import cells
from sequela.training.lung_scans import facts_of

COHORTS = {
    "test": (range(2_000_045, 2_000_245), LungDesign()),  # those before were developed with
    "further": (range(2_000_245, 2_000_845), LungDesign()),  # survival needs more deaths
    "faster": (range(3_000_000, 3_000_300), LungDesign(rates="held-out")),
}
TRAINING = range(200)
LEAST_SCANS = 3  # two are given
PAINTED, OURS_LAST, OURS_NONE = "4D-VQ-GAN, painted", "4D-VQ-GAN, last detail", "4D-VQ-GAN, codes"
LATENT_LINE = "line through latents"
AHEAD_YEARS = 1.0  # of survival's future scan, after the second one
Forecast = Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]


class Codec:
    """Stage 1 from a folder; what it decoded for the patient at hand is kept."""

    def __init__(self, folder: Path) -> None:
        """The folder holds `codec/model.safetensors`."""
        self.codec, _ = load_codec(folder / "codec" / "model.safetensors")
        self.kept: dict[tuple[str, bytes], torch.Tensor] = {}
        for name in ("encode", "decode"):
            setattr(self.codec, name, partial(self._once, name, getattr(self.codec, name)))

    def _once(
        self, name: str, function: Callable[[torch.Tensor], torch.Tensor], x: torch.Tensor
    ) -> torch.Tensor:
        key = (name, hashlib.sha256(x.detach().contiguous().numpy().tobytes()).digest())
        if key not in self.kept:
            self.kept[key] = function(x)
        return self.kept[key]

    def line(self, lungs: np.ndarray) -> Forecast:
        """Linear in latents, with the last scan's detail: as strong as that line can be."""
        plain = baselines.latent_linear(self.encoded, self.decoded)

        def forecast(scans: np.ndarray, years: np.ndarray, asked: np.ndarray) -> np.ndarray:
            newest = np.maximum(np.searchsorted(years, asked, side="right") - 1, 0)
            lost = scans - self.decoded(self.encoded(scans))
            made = plain(scans, years, asked) + lost[newest]
            return np.where(lungs, made, scans[:1]).astype(np.float32)

        return forecast

    @torch.no_grad()
    def encoded(self, scans: np.ndarray) -> np.ndarray:
        """Latents before the codebook."""
        return torch.cat([self.codec.encode(self.shown(scan)) for scan in scans]).numpy()

    @torch.no_grad()
    def decoded(self, latents: np.ndarray) -> np.ndarray:
        """HU."""
        states = [self.codec.decode(torch.from_numpy(state)[None])[:, 0] for state in latents]
        return self.codec.to_hu(torch.cat(states)).numpy()

    @torch.no_grad()
    def histogram(self, volume: np.ndarray, lungs: np.ndarray) -> np.ndarray:
        """Share of each code in the lungs."""
        codes = self.codec.codes_of(self.shown(volume))[0].numpy()
        inside = cells(torch.from_numpy(lungs), self.codec.config.factor).numpy()
        return code_histogram(codes, inside, num_codes=self.codec.config.codes)

    def shown(self, volume: np.ndarray) -> torch.Tensor:
        """As the codec takes it."""
        return self.codec.to_model(torch.from_numpy(np.asarray(volume, np.float32)))[None, None]


class Models(Codec):
    """Both stages from a folder, as callables of scans and dates."""

    def __init__(self, folder: Path) -> None:
        """It also holds `forecast/model.safetensors`."""
        super().__init__(folder)
        painted, bare = (folder / n / "model.safetensors" for n in ("painted", "forecast"))
        self.forecaster, _ = load_forecaster(painted if painted.exists() else bare)
        self.details = {OURS_LAST: "last", OURS_NONE: "none"}
        if self.forecaster.painter is not None:
            self.details = {PAINTED: "painted", **self.details}

    def methods(self, patient: LungPatient, *, arm: str | None = None) -> dict[str, Forecast]:
        """With all details, the first the one in use; `arm` tells another than the patient's."""
        known, lungs = facts_of(patient), patient.lung_mask()
        if arm is not None:
            known["treated"] = float(arm == TREATED)
        facts = torch.tensor([known[name] for name in self.forecaster.config.facts])
        self.kept.clear()
        return {
            name: partial(self._forecast, detail, facts, lungs)
            for name, detail in self.details.items()
        }

    def _forecast(
        self,
        detail: str,
        facts: torch.Tensor,
        lungs: np.ndarray,
        scans: np.ndarray,
        years: np.ndarray,
        asked: np.ndarray,
    ) -> np.ndarray:
        engine = LungEngine(codec=self.codec, forecaster=self.forecaster, detail=detail)
        volumes = engine.forecast(
            torch.from_numpy(np.asarray(scans, np.float32)),
            torch.from_numpy(np.asarray(years, np.float32)),
            torch.from_numpy(lungs),
            torch.from_numpy(np.asarray(asked, np.float32)),
            facts=facts,
        )
        return volumes.numpy()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("part", choices=("score", "survival", "arms", "tables"))
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--model", type=Path, help="folder of both stages")
    parser.add_argument("--methods", choices=("baselines", "models"), default="models")
    parser.add_argument("--mode", choices=MODES, default="extrapolation")
    parser.add_argument("--cohorts", default="test,faster")
    parser.add_argument("--patients", type=int, default=1000, help="of each cohort, at most")
    options = parser.parse_args()
    torch.set_num_threads(1)
    options.out.mkdir(parents=True, exist_ok=True)
    {"score": score, "survival": survival, "arms": arms, "tables": tables}[options.part](options)


def patients_of(options: argparse.Namespace) -> Iterator[tuple[str, LungPatient]]:
    for name in options.cohorts.split(","):
        seeds, design = COHORTS[name]
        for seed in seeds[: options.patients]:
            yield name, draw_patient(seed, design=design)


def score(options: argparse.Namespace) -> None:
    path = options.out / f"scores-{options.methods}.csv"
    done = {(s.cohort, s.patient, s.mode) for s in read_scores(path)} if path.exists() else set()
    methods_of = (
        partial(plain_methods, Codec(options.model), fitted_drift(options.out / "drift.npy"))
        if options.methods == "baselines"
        else Models(options.model).methods
    )
    for cohort, patient in patients_of(options):
        key = (cohort, patient.seed, options.mode)
        if key in done or len(patient.visit_years) < LEAST_SCANS:
            continue
        case, methods = case_of(cohort, patient), methods_of(patient)
        write_scores(list(score_case(case, methods, mode=options.mode)), path)


def case_of(cohort: str, patient: LungPatient) -> ForecastCase:
    years = np.array(patient.visit_years)
    return ForecastCase(
        cohort=cohort,
        patient=patient.seed,
        group=f"{patient.law}, {patient.arm}",
        scans=np.stack([patient.scan(y) for y in patient.visit_years]).astype(np.float32),
        years=years,
        lungs=patient.lung_mask(),
        voxel_ml=patient.grid.voxel_ml,
        truths=np.stack([patient.truth(y) for y in patient.visit_years]).astype(np.float32),
        extents=np.array([patient.extent(y) for y in patient.visit_years]),
    )


def fitted_drift(path: Path) -> baselines.PopulationDrift:
    """From the training patients' scans; kept in `path`."""
    if not path.exists():
        cases = (draw_patient(seed) for seed in TRAINING)
        drift = baselines.fit_drift(
            (
                np.stack([p.scan(p.visit_years[i]) for i in (0, -1)]),
                np.array([p.visit_years[i] for i in (0, -1)]),
                p.lung_mask(),
            )
            for p in cases
        )
        np.save(path, drift.hu_per_year)
    return baselines.PopulationDrift(hu_per_year=np.load(path))


def plain_methods(
    codec: Codec, drift: baselines.PopulationDrift, patient: LungPatient
) -> dict[str, Forecast]:
    """Every baseline and the oracle."""
    codec.kept.clear()
    lungs = patient.lung_mask()
    return {
        "last scan": baselines.last_scan,
        "line through intensities": baselines.linear,
        LATENT_LINE: codec.line(lungs),
        "population drift": replace(drift, lungs=lungs),
        "oracle": baselines.oracle(patient),
    }


def survival(options: argparse.Namespace) -> None:
    """C-index a year after the second scan, from that future scan and from its forecast."""
    models = Models(options.model)
    path = options.out / "survival.npz"
    held = histograms(models, options) if not path.exists() else dict(np.load(path))
    np.savez(path, **held)
    outcomes = Outcomes(time_years=held["time"], died=held["died"], chart=held["chart"])
    before, gap = held["second"], np.full(len(outcomes), AHEAD_YEARS)
    sides = {
        name: {
            "cross-sectional": held[name],
            "longitudinal": change_per_year(before, held[name], gap),
        }
        for name in ("real", "made", "last")
    }
    rows = survival_table(sides["real"], sides["made"], outcomes)
    null = permuted_null(held["real"], outcomes, permutations=20)
    text = (
        f"{len(outcomes)} patients alive and followed {AHEAD_YEARS:g} year after their second "
        f"scan, {int(outcomes.died.sum())} deaths from there.\n\n" + survival_markdown(rows)
    )
    text += f"\nPermuted null: {null.mean():.3f} (standard deviation {null.std():.3f}).\n"
    fit = cross_fit(held["real"], outcomes, judged_on=held["made"])
    p_value = kaplan_meier(fit.risk, outcomes, options.out / "kaplan-meier.png")
    chosen = [code for codes in fit.chosen for code in codes]
    best = sorted(set(chosen), key=lambda code: -chosen.count(code))[:5]
    if best:
        names = tuple(f"code {code}" for code in best)
        forest(fit_cox(held["real"][:, best], outcomes, names=names), options.out / "forest.png")
    text += f"\nLog-rank of halves by risk from forecasts, out of sample: p = {p_value:.2g}.\n"
    (options.out / "survival.md").write_text(text, encoding="utf-8")
    print(text)


def histograms(models: Models, options: argparse.Namespace) -> dict[str, np.ndarray]:
    """Codes of the second scan, of the one a year later, and of its forecast, where alive."""
    rows: list[dict[str, object]] = []
    for cohort, patient in patients_of(options):
        second = patient.visit_years[1]
        left = patient.survival.time_years - second - AHEAD_YEARS
        if cohort not in ("test", "further") or left <= 0:
            continue
        lungs, asked = patient.lung_mask(), np.array([second + AHEAD_YEARS])
        given = np.stack([patient.scan(0.0), patient.scan(second)])
        ours = next(iter(models.methods(patient).values()))
        volumes = {
            "second": given[1],
            "real": patient.scan(float(asked[0])),
            "made": ours(given, np.array([0.0, second]), asked)[0],
        }
        chart = patient.covariates
        rows.append(
            {
                "time": left,
                "died": patient.survival.event,
                "chart": (chart.age_years, float(chart.sex == "M"), float(chart.smoking)),
                **{name: models.histogram(v, lungs) for name, v in volumes.items()},
            }
        )
    held = {name: np.array([row[name] for row in rows]) for name in rows[0]}
    return {**held, "last": held["second"]}


def arms(options: argparse.Namespace) -> None:
    """Growth over three years after the second scan, by arm; and under the other arm."""
    models = Models(options.model)
    rows = []
    for cohort, patient in patients_of(options):
        if cohort == "test":
            rows.append(arm_row(models, patient))
    held = {name: np.array([row[name] for row in rows]) for name in rows[0]}
    np.savez(options.out / "arms.npz", **held)
    treated = held["treated"].astype(bool)
    ratio = rate_ratio(held["made"], held["real"], treated)
    told = held["other_made"][:, 1] / 3, held["other_made"][:, 0] / 3
    real = held["other_real"].mean(0)
    swapped = estimate(
        lambda i: float(told[0][i].mean() / told[1][i].mean()), np.arange(len(treated))
    )
    text = (
        f"Growth a year over the three after the second scan, treated against untreated "
        f"({int(treated.sum())} against {int((~treated).sum())} patients): forecast {ratio.made}, "
        f"truth {ratio.real}, forecast over truth {ratio.made_over_real}, "
        f"recovered: {ratio.is_recovered}.\n\n"
        f"The same patients under either arm, told from the first scan alone, three years on: "
        f"forecast {swapped}, truth {real[1] / real[0]:.3f}, recovered: "
        f"{swapped.low <= real[1] / real[0] <= swapped.high}.\n"
    )
    (options.out / "arms.md").write_text(text, encoding="utf-8")
    print(text)


def arm_row(models: Models, patient: LungPatient) -> dict[str, object]:
    def extent(volume: np.ndarray) -> float:
        return lung_measures(volume, lungs, patient.grid.voxel_ml).fibrosis_extent

    lungs, second = patient.lung_mask(), patient.visit_years[1]
    scans = np.stack([patient.scan(0.0), patient.scan(second)])
    ours = next(iter(models.methods(patient).values()))
    dates = np.array([second, second + 3])
    made = [extent(v) for v in ours(scans, np.array([0.0, second]), dates)]
    grown = []
    for arm in (UNTREATED, TREATED):
        told = next(iter(models.methods(patient, arm=arm).values()))
        volume = told(scans[:1], np.zeros(1), np.array([3.0]))[0]
        grown.append(extent(volume) - extent(patient.truth(0.0)))
    return {
        "treated": patient.arm == TREATED,
        "made": (made[1] - made[0]) / 3,
        "real": (patient.extent(second + 3) - patient.extent(second)) / 3,
        "other_made": grown,
        "other_real": [
            patient.extent(3.0, arm=a) - patient.extent(0.0) for a in (UNTREATED, TREATED)
        ],
    }


def tables(options: argparse.Namespace) -> None:
    sides = [read_scores(path) for path in sorted(options.out.glob("scores-*.csv"))]
    # a run that is under way has not scored everyone with every method
    common = set.intersection(*({(s.cohort, s.patient, s.mode) for s in side} for side in sides))
    scores = [s for side in sides for s in side if (s.cohort, s.patient, s.mode) in common]
    text, figures = [], {}
    laws = {"law": lambda s: s.group.split(",")[0]}
    for cohort in COHORTS:
        for mode in MODES:
            mine = [s for s in scores if s.cohort == cohort and s.mode == mode]
            if not mine:
                continue
            far = [s for s in mine if s.since_years >= 1]
            title = f"{cohort}, {mode}"
            text += [f"## {title}: held-out scans only\n", as_markdown(table_of(mine))]
            if mode == "extrapolation":
                text += [f"## {title}, 1 year and more, by law\n"]
                text += [as_markdown(table_of(far, by=[laws["law"]]), ["law"])]
                text += [f"## {title}, by horizon\n"]
                text += [as_markdown(table_of(mine, by=[horizon_of]), ["horizon"])]
                figures[title] = extents(far)
            counted = table_of(mine, are_given_counted=True)
            text += [f"## {title}: given scans counted too (published convention)\n"]
            text += [as_markdown(counted)]
    text += ["## Extent of fibrosis, 1 year and more: correlation with the truth\n"]
    text += ["```", json.dumps(figures, indent=1), "```"]
    (options.out / "tables.md").write_text("\n".join(text), encoding="utf-8")
    (options.out / "figures.json").write_text(json.dumps({"figures": card_figures(scores)}))
    print("\n".join(text))


def card_figures(scores: list[ForecastScore]) -> dict[str, str]:
    """What the model's card tells: shares of the last scan's squared error, a year on or more."""
    told: dict[str, str] = {}
    for cohort in COHORTS:
        mine = [
            s
            for s in scores
            if s.cohort == cohort and s.mode == "extrapolation" and s.since_years >= 1
        ]
        for row in table_of(mine, by=[lambda s: s.group.split(",")[0]]) if mine else []:
            told[f"{cohort}, {row.group[0]}, {row.method}: MSE of last scan's"] = str(
                row.of_reference
            )
    return told


def extents(scores: list[ForecastScore]) -> dict[str, str]:
    """Pearson's r of the measured extent of each method's forecasts with the planted extent."""
    told: dict[str, str] = {}
    for method in dict.fromkeys(s.method for s in scores):
        mine = [s for s in scores if s.method == method and not s.is_given]
        made, true = (
            np.array([getattr(s, n) for s in mine]) for n in ("extent", "extent_of_truth")
        )
        who = np.array([s.patient for s in mine])
        told[method] = str(
            estimate(lambda i, a=made, b=true: float(np.corrcoef(a[i], b[i])[0, 1]), who)
        )
    return told


if __name__ == "__main__":
    main()
