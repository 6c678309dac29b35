"""Words: how a report says what was asked, what a state is, and where the method comes from."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sequela.core import Branch, State, Trajectory

SOURCES = {
    "progressive-editing": (
        'Liang et al., "PIE: Simulating Disease Progression via Progressive Image Editing", '
        "arXiv:2309.11745"
    ),
    "flow": 'Lucas and Kanade, "An iterative image registration technique", IJCAI 1981',
    "bridge": (
        'Mattes et al., "PET-CT image registration in the chest using free-form deformations", '
        "IEEE Transactions on Medical Imaging 2003"
    ),
    "latent": (
        'Meng et al., "SDEdit: Guided Image Synthesis and Editing with Stochastic Differential '
        'Equations", arXiv:2108.01073'
    ),
    "lung-forecast": (
        'Zhao et al., "4D-VQ-GAN: Synthesising Medical Scans at Any Time Point for Personalised '
        'Disease Progression Modelling of IPF", arXiv:2502.05713'
    ),
    "seine": (
        'Chen et al., "SEINE: Short-to-Long Video Diffusion Model for Generative Transition and '
        'Prediction", arXiv:2310.20700'
    ),
}
_BUILT_ON = {
    "flow": ("flow",),
    "latent": ("flow", "latent"),
    "seine": ("seine",),
}  # engines whose papers are told here
MODALITIES = {
    "xray": "X-ray",
    "photo": "photograph",
    "ct": "CT",
    "mr": "MR",
    "unknown": "image",
}
SCORES = {  # how the shares of the window that simulators record are titled
    "mean_change": "Mean |change| in the region",
    "step_change": "Mean |change| since the step before",
}


UNITS = {  # scores with a unit of their own: title and unit
    "gas_volume_ml": ("Gas in the lungs", "mL"),
    "lung_volume_ml": ("Volume of the lungs as scanned", "mL"),
    "mean_density_hu": ("Mean density of the lungs", "HU"),
    "fibrosis_extent": ("Fibrosis extent: lung denser than -600 HU", "share of the lungs"),
}


def summary(trajectory: Trajectory) -> str:
    """One sentence: whose image, what was simulated, how often."""
    scan, last = trajectory.scan, trajectory.states[-1]
    if trajectory.record.method == "bridge":
        between = len(trajectory.states) - 2
        return (
            f"{scan.source.name} ({MODALITIES[scan.modality]}, "
            f"{' by '.join(str(side) for side in scan.space)} pixels) bridged to a visit "
            f"{time_length(last.time_years or 0.0)} later, with {between} interpolated "
            f"state{'' if between == 1 else 's'} between."
        )
    if trajectory.record.method in ("lung-forecast", "population-drift"):
        return _forecast_summary(trajectory)
    states = f"{last.step} step{'' if last.step == 1 else 's'}"
    others = len(trajectory.branches) - 1
    more = f", with {others} further branch{'' if others == 1 else 'es'}" if others else ""
    return (
        f"{scan.source.name} ({MODALITIES[scan.modality]}, "
        f"{' by '.join(str(side) for side in scan.space)} pixels) in {states} of "
        f"{trajectory.record.method.replace('-', ' ')}{more}."
    )


def _forecast_summary(trajectory: Trajectory) -> str:
    scan, method = trajectory.scan, trajectory.record.method.replace("-", " ")
    visits = sum(state.kind == "observed" for state in trajectory.states)
    made = len(trajectory.states) - visits
    return (
        f"{visits} scan{'' if visits == 1 else 's'}, the first {scan.source.name} "
        f"({MODALITIES[scan.modality]}, {' by '.join(str(side) for side in scan.space)} voxels), "
        f"and {made} state{'' if made == 1 else 's'} up to "
        f"{time_length(trajectory.states[-1].time_years or 0.0)} after it by {method}."
    )


def branch_title(branch: Branch) -> str:
    """What sets a branch apart: the draw, the arm, or where it leaves its parent."""
    if branch.id == "main":
        return "Main branch"
    if branch.parent is not None:
        return f"What if, from step {branch.from_state or 0} of {branch.parent}"
    if branch.arm == "truth":
        return "What the drawn patient truly became"
    arm = f", arm {branch.arm}" if branch.arm else ""
    return f"Sample {branch.sample}{arm}"


def time_words(state: State, branch: Branch) -> str:
    """Time after the baseline and who says so, or a dash where there is only an order."""
    if state.time_years is None or branch.time_basis == "ordinal":
        return "none claimed"
    return f"{time_length(state.time_years)} after the baseline ({branch.time_basis})"


def time_length(years: float) -> str:
    """A length of time as one says it."""
    if abs(years) >= 1:
        return f"{years:.2f} years"
    days = round(years * 365.25)
    return f"{days} day{'' if days == 1 else 's'}"


def asked(branches: Sequence[Branch]) -> list[dict[str, Any]]:
    """What was asked for, once for all branches that share it: `ids`, `findings`, `negative`."""
    groups: list[dict[str, Any]] = []
    for branch in branches:
        wish = {"findings": _findings(branch), "negative": branch.condition.negative_prompt}
        same = [g for g in groups if all(g[key] == value for key, value in wish.items())]
        if same:
            same[0]["ids"] += f", {branch.id}"
        else:
            groups.append({"ids": branch.id, **wish})
    return groups


def _findings(branch: Branch) -> list[dict[str, str]]:
    return [
        {
            "name": finding.name,
            "text": finding.text,
            "weight": f"{finding.weight:g}",
            "region": finding.region.origin if finding.region else "the run's region",
        }
        for finding in branch.condition.findings
    ]


def score_title(name: str) -> str:
    """What a score is called on a page."""
    if name in UNITS:
        return UNITS[name][0]
    plain = name.replace("_", " ").replace("-", " ")
    return SCORES.get(name, plain[:1].upper() + plain[1:])


def score_unit(name: str) -> tuple[float, str]:
    """What a score is multiplied with to be read, and the unit it then has."""
    if name in UNITS:
        return 1.0, UNITS[name][1]
    return (100.0, "% of window") if name in SCORES else (1.0, "score, as recorded")


def inputs(entries: Sequence[Mapping[str, Any]]) -> list[tuple[str, str]]:
    """Each input file as a row: its name, then its role and hash."""
    return [
        (
            str(entry.get("name", f"input {number}")),
            ", ".join(f"{key} {value}" for key, value in entry.items() if key != "name"),
        )
        for number, entry in enumerate(entries, 1)
    ]


def rows(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    """Nested JSON values as flat rows: `config.strength`, `0.5`."""
    for key, value in values.items():
        name = f"{prefix}{key}"
        if isinstance(value, Mapping):
            yield from rows(value, f"{name}.")
        elif isinstance(value, list | tuple) and any(isinstance(v, Mapping) for v in value):
            yield from rows({str(i + 1): v for i, v in enumerate(value)}, f"{name}.")
        elif isinstance(value, list | tuple):
            yield name, ", ".join(str(v) for v in value) or "none"
        else:
            yield name, "none" if value is None else str(value)


def sources(trajectory: Trajectory) -> list[str]:
    """The papers behind what this run used."""
    used = [SOURCES[trajectory.record.method]] if trajectory.record.method in SOURCES else []
    engine = "" if trajectory.video is None else trajectory.video.engine
    return used + [SOURCES[name] for name in _BUILT_ON.get(engine, ())]
