"""What a recipe says about a network that draws the frames between two states."""

from dataclasses import dataclass
from typing import Literal

from sequela.core.checks import check_choice, check_count, check_share


@dataclass(frozen=True, kw_only=True)
class TransitionNetwork:
    """A reduced SEINE on the frozen codec and text encoder of a latent diffusion model.

    A set is a folder with clips anywhere in it: folders of frames, video files, run folders.
    """

    codec: str = "chest-mini"  # bundled name, folder or hub id: its codec and text encoder
    held_out: str | None = None  # another such set, for the held-out figures
    widths: tuple[int, ...] = (32, 64, 64)  # one stage each, the last without attention
    depth: int = 1
    heads: int = 4
    norm_groups: int = 8
    rotary_width: int = 8  # features of each head that turn
    frames: int = 16  # of each training window
    prediction: Literal["epsilon", "v_prediction"] = (
        "epsilon"  # as published; `v_prediction` learns faster
    )
    # Which frames are known, by their published names; one is drawn for each window, and a name
    # that is given twice is drawn twice as often.
    masks: tuple[str, ...] = ("onelast1",)
    # Share of windows that are drawn as shorter clips with their ends held, as short clips are.
    held: float = 0.25
    reverse: float = 0.0  # share of windows shown backwards
    text: str = "smooth transition"  # of clips that do not say what happens in them
    text_dropout: float = 0.1  # share of windows shown without words, for guidance
    variants: int = 1  # each clip as it is and varied copies of it, encoded once

    def __post_init__(self) -> None:
        for name in ("held", "reverse", "text_dropout"):
            check_share(name, getattr(self, name))
        check_count("masks", len(self.masks))
        check_count("variants", self.variants)
        check_count("frames", self.frames, minimum=3)
        check_choice("prediction", self.prediction, ("epsilon", "v_prediction"))
