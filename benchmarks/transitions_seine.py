"""Does a SEINE trained here beat the engines that need no training, on drawn progressions?

    python benchmarks/transitions_clips.py --out CLIPS
    sequela train recipes/transition-mini.toml --data CLIPS --out work/transition-mini
    python benchmarks/transitions_seine.py --seine work/transition-mini/model --out FOLDER

The measure and the patients are those of `transitions.py truth`, without noise, on seeds that no
clip was drawn from. `codec` is the least error a network in this latent space can have: the true
frames, encoded and decoded, with what the ends are off faded in, as for any engine.
"""

import argparse
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from films import write_figures
from PIL import Image
from transitions import ENGINE_NAMES, against_truth

from sequela.backbones import load_backbone
from sequela.backbones.seine import SeineBackbone, load_seine
from sequela.checkpoints import find_model
from sequela.cohorts.synthetic.progressions import PROGRESSIONS, draw_progression
from sequela.simulators.transition import Engine, EngineSetup, Transitions, make_engine
from sequela.simulators.transition.seine import SeineTransition


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seine", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--patients", type=int, default=4, help="drawn ones of each kind")
    parser.add_argument("--steps", type=int, default=12, help="denoising steps of SEINE")
    parser.add_argument("--size", type=int, default=64, help="side that SEINE draws at, px")
    options = parser.parse_args()
    setup = EngineSetup(backbone=load_backbone(find_model("chest-mini"), device="cpu"))
    backbone = load_seine(options.seine, options.seine, device="cpu")
    seine = SeineTransition(
        backbone=backbone,
        num_denoising_steps=options.steps,
        guidance_scale=1.0,
        size=(options.size, options.size),
    )
    engines: dict[str, Engine] = {name: make_engine(name, setup) for name in ENGINE_NAMES}
    engines["seine"] = Told(seine)
    figures: dict[str, object] = {"patients of each kind": options.patients}
    figures |= against_truth(engines, options.patients, 0.0)
    figures["codec"] = codec_floor(backbone, options.patients)
    options.out.mkdir(parents=True, exist_ok=True)
    write_figures(figures, options.out / "seine.json")
    sheet(engines, options.out / "seine.png")


@dataclass(frozen=True)
class Told:
    """The engine, told what it was told in training."""

    engine: Engine

    def clip(
        self, first: np.ndarray, last: np.ndarray, *, frames: int, text: str, seed: int
    ) -> np.ndarray:
        """See `Engine`."""
        return self.engine.clip(first, last, frames=frames, text="smooth transition", seed=seed)


@dataclass(frozen=True)
class RoundTrip:
    """The true frames through the codec."""

    backbone: SeineBackbone
    truth: np.ndarray

    def clip(
        self, first: np.ndarray, last: np.ndarray, *, frames: int, text: str, seed: int
    ) -> np.ndarray:
        """See `Engine`."""
        latents = self.backbone.encode(torch.from_numpy(self.truth)).mean
        return self.backbone.decode(latents).clamp(-1, 1).numpy()


def codec_floor(backbone: SeineBackbone, patients: int) -> dict[str, float]:
    floors = {}
    for kind in PROGRESSIONS:
        errors = []
        for seed in range(patients):
            drawn = draw_progression(kind, seed=seed, frames=7)
            engine = RoundTrip(backbone, drawn.truth)
            clip = Transitions(engine=engine, frames=7).clip(drawn.first, drawn.last)
            errors.append(1000 * float(np.abs(clip[1:-1] - drawn.truth[1:-1]).mean()))
        floors[kind] = round(float(np.mean(errors)), 2)
    return floors


def sheet(engines: dict[str, Engine], path: Path) -> None:
    """For the first patient of each kind: the truth above each engine's frames."""
    rows: list[np.ndarray] = []
    for kind in PROGRESSIONS:
        drawn = draw_progression(kind, seed=0, frames=7)
        drawers = [Transitions(engine=engine, frames=7) for engine in engines.values()]
        rows += [drawn.truth, *(drawer.clip(drawn.first, drawn.last) for drawer in drawers)]
    lines = [np.concatenate([frame[0] for frame in row], axis=1) for row in rows]
    shown = np.rint((np.concatenate(lines).clip(-1, 1) + 1) * 127.5).astype(np.uint8)
    Image.fromarray(shown).save(path)


if __name__ == "__main__":
    main()
