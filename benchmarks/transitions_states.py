"""Make the real states that `transitions.py` draws between, once, and keep them.

    python benchmarks/transitions_states.py --data FOLDER --domain chest --out FOLDER

Ten `test` images without finding, simulated towards the domain's disease by its bundled model in
the automatic region; one file each with the states as shown at 256 px, and the region.
"""

import argparse
from pathlib import Path

import numpy as np
from domains import DOMAINS

import sequela
from sequela.conditioning import auto_region
from sequela.core import Trajectory
from sequela.imaging import channels_first, resize, to_model_range

SIDE = 256


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--domain", choices=DOMAINS, default="chest")
    parser.add_argument("--model", help="default: the domain's bundled model")
    parser.add_argument("--limit", type=int, default=10)
    options = parser.parse_args()
    domain = DOMAINS[options.domain]
    editor = sequela.load(model=options.model or domain.model)
    options.out.mkdir(parents=True, exist_ok=True)
    for example in domain.baselines(options.data, options.limit):
        scan = sequela.read(example.path)
        region = auto_region(scan, domain.name, (domain.target,)).region
        run = editor.simulate(scan, condition=domain.target, region=region, seed=0)
        np.savez_compressed(
            options.out / f"{example.path.stem}.npz",
            states=shown(run),
            region=resized(run.regions["effective"].array[None]).clip(0, 1)[0],
            patient=example.patient,
            text=run.main.condition.findings[0].text,
        )
        print(example.path.stem, len(run.states), flush=True)


def shown(run: Trajectory) -> np.ndarray:
    """All states as 8-bit pictures, `[T, C, 256, 256]`."""
    window = run.scan.window
    images = [resized(channels_first(to_model_range(s.image, window))) for s in run.states]
    return np.rint((np.clip(np.stack(images), -1, 1) + 1) * 127.5).astype(np.uint8)


def resized(image: np.ndarray) -> np.ndarray:
    scale = SIDE / max(image.shape[1:])
    height, width = (round(side * scale) for side in image.shape[1:])
    return resize(image.astype(np.float32), (height, width))


if __name__ == "__main__":
    main()
