"""Clips of a moving square, in every form they can come in."""

from pathlib import Path

import numpy as np
from PIL import Image

SIDE = 32


def frame(position: float) -> np.ndarray:
    picture = np.full((SIDE, SIDE), 40, np.uint8)
    start = 4 + round(16 * position)
    picture[8:24, start : start + 8] = 200
    return picture


def frame_folder(folder: Path, count: int = 6) -> Path:
    folder.mkdir(parents=True)
    for number in range(count):
        Image.fromarray(frame(number / max(1, count - 1))).save(folder / f"frame{number}.png")
    return folder


def gif(path: Path, count: int = 5) -> Path:
    pictures = [Image.fromarray(frame(number / (count - 1))) for number in range(count)]
    pictures[0].save(path, save_all=True, append_images=pictures[1:], duration=100, loop=0)
    return path


RECIPE = """
name = "tiny-transition"
objective = "transition"
[card]
licence = "drawn"
[data]
sets = ["clips"]
image_size = 32
channels = 3
{data}
[network]
codec = "{codec}"
widths = [16, 32]
heads = 2
frames = 4
rotary_width = 4
{network}
[optimiser]
steps = {steps}
batch_size = 2
learning_rate = {rate}
warmup_steps = 2
ema_decay = {ema}
[log]
every = 1
evaluate_every = 100
checkpoint_every = {checkpoint}
"""
