"""Draw known-truth progressions as folders of frames, to learn transitions from.

    python benchmarks/transitions_clips.py --out FOLDER [--patients 200] [--frames 7]

`train` holds seeds from 1000 up and `held-out` seeds from 900 up: `transitions.py` scores on seeds
from 0 up, which are in neither. The states' own noise is left out.
"""

import argparse
from pathlib import Path

import numpy as np
from PIL import Image

from sequela.cohorts.synthetic.progressions import PROGRESSIONS, draw_progression

FIRST_SEED = {"train": 1000, "held-out": 900}
HELD_OUT = 4  # of each kind


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--patients", type=int, default=200, help="of each kind, to learn from")
    parser.add_argument("--frames", type=int, default=7)
    options = parser.parse_args()
    for part, count in (("train", options.patients), ("held-out", HELD_OUT)):
        for kind in PROGRESSIONS:
            for seed in range(FIRST_SEED[part], FIRST_SEED[part] + count):
                write(options.out / part / f"{kind}-{seed}", kind, seed, options.frames)


def write(folder: Path, kind: str, seed: int, frames: int) -> None:
    folder.mkdir(parents=True)
    for number, frame in enumerate(draw_progression(kind, seed=seed, frames=frames).truth):
        pixels = np.rint((frame[0] + 1) * 127.5).astype(np.uint8)
        Image.fromarray(pixels).save(folder / f"{number:02d}.png")


if __name__ == "__main__":
    main()
