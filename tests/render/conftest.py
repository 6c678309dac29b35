"""A made-up chest: dark lungs, ribs, a heart, and soft opacities that grow with the step."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from sequela.core import (
    Branch,
    Condition,
    Finding,
    Record,
    Region,
    Scan,
    Source,
    State,
    Trajectory,
    Video,
    Window,
)
from sequela.imaging import quantise
from sequela.render import to_display, viewing_size

EIGHT_BIT = Window(low=0, high=255, origin="dtype")


def chest(side: int = 96, opacity: float = 0.0, low: float = 0.0, shift: float = 0.0) -> np.ndarray:
    """uint8 `[H, W]`; `opacity` in [0, 1] clouds the right lower zone, `low` the left."""
    y, x = np.mgrid[0:side, 0:side] / side

    def blob(cy: float, cx: float, ry: float, rx: float, edge: float = 5.0) -> np.ndarray:
        return 1 / (1 + np.exp(edge * (((y - cy) / ry) ** 2 + ((x - cx) / rx) ** 2 - 1)))

    lungs = np.maximum(blob(0.46, 0.29, 0.34, 0.16), blob(0.46, 0.71, 0.34, 0.16))
    body = blob(0.62, 0.5, 0.7, 0.48, 9)
    ribs = 0.5 + 0.5 * np.sin(2 * np.pi * (9 * y + 2.2 * (x - 0.5) ** 2 * 9))
    picture = 0.06 + 0.62 * body - 0.5 * lungs + 0.07 * ribs * body
    picture += 0.3 * blob(0.62, 0.56, 0.16, 0.14) * (0.35 + 0.65 * lungs)
    picture += 0.12 * blob(0.5, 0.5, 0.6, 0.045)
    picture += 0.42 * opacity * blob(0.6 - shift, 0.3, 0.16, 0.12, 2) * lungs
    picture += 0.42 * low * blob(0.66, 0.72, 0.12, 0.11, 2) * lungs
    return np.rint(255 * np.clip(picture, 0, 1)).astype(np.uint8)


def record(**changes: object) -> Record:
    values = {
        "method": "progressive-editing",
        "config": {"num_steps": 10, "strength": 0.5, "guidance_scale": 7.5, "keep_inside": 0.75},
        "request": {"disease": "pneumonia", "samples": 2, "transition": "latent"},
        "seed": 7,
        "threads": 2,
        "device": "cpu",
        "model": {
            "name": "chest-mini",
            "sha256": "3f" * 32,
            "licence": "Apache-2.0",
            "source": "bundled",
        },
        "inputs": ({"name": "chest.png", "role": "image", "sha256": "a1" * 32},),
        "versions": {"sequela": "0.1.0", "python": "3.11", "torch": "2.8", "numpy": "2.0"},
        "created": "2026-01-02T03:04:05Z",
        "notices": ("The region was resampled to the image's grid.",),
    }
    return Record(**{**values, **changes})


def condition(name: str = "Pneumonia", text: str = "chest X-ray with pneumonia") -> Condition:
    return Condition(findings=(Finding(name=name, text=text),), negative_prompt="text, letters")


def branch(branch_id: str, images: list[np.ndarray], **changes: object) -> Branch:
    first = int(changes.pop("first", 0))
    states = tuple(
        State(
            image=image,
            kind="observed" if step == 0 else "simulated",
            step=step,
            scores={"classifier_score": step / (step + 3)},
        )
        for step, image in enumerate(images, first)
    )
    return Branch(**{"id": branch_id, "states": states, "condition": condition(), **changes})


def run(side: int = 96, steps: int = 3) -> Trajectory:
    """A main branch, a second sample and a what-if, with regions, spread and a short film."""
    growth = np.linspace(0, 1, steps + 1)
    main = [chest(side, g) for g in growth]
    sample = [chest(side, 0.8 * g, 0.5 * g, 0.05) for g in growth]
    leaves = steps // 2
    healed = [
        chest(side, growth[leaves] * (1 - (s - leaves) / (steps - leaves)))
        for s in range(leaves + 1, steps + 1)
    ]
    lungs = np.maximum(0, 1 - np.abs(chest(side).astype(np.float32) / 255 - 0.2) / 0.25)
    protected = np.zeros((side, side), np.float32)
    protected[side // 4 : side // 3, side // 4 : side // 3] = 1
    last = np.stack([main[-1], sample[-1]]).astype(np.float32)
    return Trajectory(
        scan=Scan(
            array=main[0],
            modality="xray",
            window=EIGHT_BIT,
            source=Source(name="chest.png", sha256="a1" * 32),
        ),
        branches=(
            branch("main", main),
            branch("sample-1", sample, sample=1),
            branch(
                "branch-1",
                healed,
                first=leaves + 1,
                parent="main",
                from_state=leaves,
                condition=condition("No finding", "normal chest X-ray"),
            ),
        ),
        record=record(),
        regions={
            "effective": Region(array=quantise(lungs.astype(np.float32)), origin="auto: lungs"),
            "protected": Region(array=protected, origin="pacemaker.png"),
        },
        uncertainty={"mean": last.mean(0), "spread": last.std(0)},
        video=film(main, 5),
    )


def film(images: list[np.ndarray], per_transition: int, fps: float = 16) -> Video:
    """A cross-fade through the images: N(K-1)+1 frames."""
    shown = [viewing_size(to_display(image, EIGHT_BIT)).astype(np.float32) for image in images]
    last = per_transition - 1
    frames = [
        before + (after - before) * k / last
        for before, after in pairwise(shown)
        for k in range(last)
    ]
    whole = np.rint(np.stack([*frames, shown[-1]])).astype(np.uint8)
    return Video(frames=whole, fps=fps, engine="latent", frames_per_transition=per_transition)


@pytest.fixture
def trajectory() -> Trajectory:
    return run()


@pytest.fixture
def hostile() -> Trajectory:
    attack = '</script><script>alert("x")</script><img src=x onerror=alert(1)>'
    made = run()
    main = replace(made.main, condition=condition(attack, attack))
    source = Source(name=f"{attack}.png", sha256="a1" * 32)
    return replace(
        made,
        scan=replace(made.scan, source=source),
        branches=(main, *made.branches[1:]),
        record=record(notices=(attack,), request={attack: attack}),
    )
