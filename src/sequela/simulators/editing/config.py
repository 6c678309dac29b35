"""ProgressiveEditing: the settings of progressive editing, and the presets as values of it."""

from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

from sequela.core import InvalidInputError
from sequela.core.checks import check_choice, check_count, check_finite, check_share
from sequela.diffusion import SOLVERS

HandOver = Literal["latent", "image", "8-bit"]


@dataclass(frozen=True, kw_only=True)
class ProgressiveEditing:
    """How many steps to take, how bold each is, and where its change may stay.

    Source: Liang et al., "PIE: Simulating Disease Progression via Progressive Image Editing",
    arXiv:2309.11745; there N, gamma, beta_2 (inside), beta_1 (outside).
    """

    num_steps: int = 10
    strength: float = 0.5  # share of the noise schedule rolled back per step
    # Weight of the condition; 1 is the plain prediction. What inversion keeps needs less of it than
    # the paper's 7.5, which it would paint over.
    guidance_scale: float = 4.0
    # Below this share of the schedule the guidance of the last denoising step is used again: it
    # hardly turns any more, and asking for it costs double.
    reuse_guidance_below: float = 0.4
    # Named findings are steered away from "no finding" where no negative prompt was given: what
    # both have in common then cancels out of the guidance, and the disease is left.
    away_from_healthy: bool = True
    num_denoising_steps: int = 12  # of a whole schedule; a step takes `strength` of them
    keep_inside: float = 0.75  # share of the change kept inside the region
    keep_outside: float = 0.0  # and outside it
    solver: str = "dpm-solver++"
    # "noise" is drawn anew in every step, so states jump about; "inversion" finds the noise that
    # leads back to the image, so that anatomy stays and the disease grows, for half as much time
    # again.
    roll_back: str = "inversion"
    # Of the found noise's variance, the share that the first step draws instead: samples differ by
    # it. Drawn in every step, it would pile up as blotches.
    fresh_noise: float = 0.5
    hold_outside: bool = True  # put the noised baseline back outside the region while denoising
    hand_over: str = "latent"  # what a step gives the next: "latent", "image" or "8-bit"
    sample_posterior: bool = False  # draw latents from the encoder's posterior instead of its mode
    damp_without_region: bool = True  # the published code keeps all of the change without a region
    compose: bool = True  # add the change to the full-size input; else save the decoded image
    feather: float = 0.02  # width of the region's soft border, share of the longer side

    def __post_init__(self) -> None:
        for name in ("num_steps", "num_denoising_steps"):
            check_count(name, getattr(self, name))
        keeps = "0.3 to 0.6 keeps the anatomy."
        check_share(
            "strength",
            self.strength,
            above_zero=True,
            hint=f"It is the share of the noise schedule to roll back; {keeps}",
        )
        for name in ("keep_inside", "keep_outside", "feather", "reuse_guidance_below"):
            check_share(name, getattr(self, name), hint="0 changes nothing, 1 everything.")
        check_share("fresh_noise", self.fresh_noise, hint="0 makes all samples alike.")
        check_finite("guidance_scale", self.guidance_scale, minimum=0, hint="4 to 7.5 is usual.")
        check_choice("solver", self.solver, SOLVERS)
        check_choice("roll_back", self.roll_back, ("noise", "inversion"))
        check_choice("hand_over", self.hand_over, ("latent", "image", "8-bit"))
        kept = SOLVERS[self.solver]
        if self.num_denoising_steps * self.strength < 1 and kept.name != "pndm-published":
            raise InvalidInputError(
                f"`num_denoising_steps` times `strength` must reach 1, got "
                f"{self.num_denoising_steps} x {self.strength:g}. Raise one of them."
            )

    def changed(self, **settings: Any) -> "ProgressiveEditing":
        """The same with some settings replaced; None leaves one as it is."""
        return replace(self, **{k: v for k, v in settings.items() if v is not None})

    def to_json(self) -> dict[str, Any]:
        """As JSON values."""
        return asdict(self)


PRESETS: dict[str, ProgressiveEditing] = {
    # Anatomy stays, the disease grows from state to state.
    "steady": ProgressiveEditing(),
    # The same for models whose words are strong.
    "gentle": ProgressiveEditing(guidance_scale=2.0),
    # The paper's way at a fifth of its cost.
    "fast": ProgressiveEditing(guidance_scale=7.5, roll_back="noise"),
    # The paper's equations 5 and 6.
    "paper": ProgressiveEditing(
        strength=0.6,
        guidance_scale=7.5,
        away_from_healthy=False,
        reuse_guidance_below=0.0,
        num_denoising_steps=50,
        keep_outside=0.01,
        solver="ddim",
        roll_back="noise",
        hold_outside=False,
        hand_over="image",
        compose=False,
    ),
    # The published code, with its defects, for comparison.
    "official": ProgressiveEditing(
        guidance_scale=7.5,
        away_from_healthy=False,
        reuse_guidance_below=0.0,
        num_denoising_steps=50,
        keep_outside=0.01,
        solver="pndm-published",
        roll_back="noise",
        hand_over="8-bit",
        sample_posterior=True,
        damp_without_region=False,
        compose=False,
    ),
}
DEFAULT_PRESET = "steady"


def preset(name: str | None) -> ProgressiveEditing:
    """The preset `steady`, `gentle`, `fast`, `paper` or `official`; None is the default."""
    name = name or DEFAULT_PRESET
    check_choice("preset", name, PRESETS)
    return PRESETS[name]
