"""The arms of the trial: planted rate ratios, each with where it comes from."""

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from sequela.core.checks import check_choice

PLACEBO = "placebo"


@dataclass(frozen=True, kw_only=True)
class Arm:
    """One treatment.

    Attributes:
        name: Kebab-case.
        rate_ratio: Mean NET2 count over two years against placebo, (0, 1].
        verified: Lowest and highest ratio among the trials whose abstracts were seen.
        citation: Where the ratio comes from.
        mark: Of figures and trial: `V` seen in an abstract, `M` from memory.
        zero_share: Published share of patients without NET2 lesions in two years, if known.
        zero_share_mark: Its mark.
        zero_share_source: Where it comes from.
        reference_mark: Of authors, journal and year in `citation` and `zero_share_source`; `none`
            where no report is named.
    """

    name: str
    rate_ratio: float
    verified: tuple[float, float]
    citation: str
    mark: str
    zero_share: float | None = None
    zero_share_mark: str = ""
    zero_share_source: str = ""
    reference_mark: str = "M"


@cache
def load_arms() -> dict[str, Arm]:
    """All arms by name, the weakest first: placebo, then by falling rate ratio."""
    text = (files(__package__) / "arms.toml").read_text(encoding="utf-8")
    rows = tomllib.loads(text)
    arms = [
        Arm(name=name, **(row | {"verified": (row["verified"][0], row["verified"][1])}))
        for name, row in rows.items()
    ]
    return {arm.name: arm for arm in sorted(arms, key=lambda arm: -arm.rate_ratio)}


def find_arm(name: str) -> Arm:
    """The arm of that name.

    Raises:
        UnknownNameError: No such arm; near misses are suggested.
    """
    arms = load_arms()
    check_choice("arm", name, arms)
    return arms[name]
