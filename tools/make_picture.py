"""Make the picture of the README from a finished demo run: states above, change below."""

import sys
from pathlib import Path

import numpy as np

import sequela
from sequela.render import change_map, contact_sheet, heat_colours, heat_scale, to_display
from sequela.render import viewing_size as small

STATES = (0, 2, 5, 10)
SIDE = 256


def main(run: Path, picture: Path) -> None:
    trajectory = sequela.open_run(run)
    scan = trajectory.scan
    states = [trajectory.states[i] for i in STATES]
    maps = [change_map(state.image, scan.array, scan.window) for state in states]
    scale = heat_scale(maps)
    above = [small(to_display(state.image, scan.window), SIDE) for state in states]
    below = [small(np.asarray(heat_colours(m / scale)), SIDE) for m in maps]
    steps = [f"step {state.step}" for state in states]
    changes = ["change", *(f"{s.scores['mean_change']:.1%} of the window" for s in states[1:])]
    picture.parent.mkdir(parents=True, exist_ok=True)
    contact_sheet([*above, *below], [*steps, *changes], picture, columns=len(STATES))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
