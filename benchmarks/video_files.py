"""The files of a film: memory against length, fidelity of what is decoded, sizes, seconds.

Memory: a bridge of two films of 512 px in 10 and in 100 clips of 12 frames, each in a process of
its own, and what all frames would take as one array. Fidelity: films and photographs of `test`,
their cross-fade written and decoded again, peak signal-to-noise ratio of all frames; luma for grey.

    python benchmarks/video_files.py --data DIR --out video_files.json
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import av
import numpy as np
from films import write_figures

import sequela
from sequela.cohorts import load_cohorts
from sequela.core import Scan, Source, Video, Window
from sequela.render import to_display, viewing_size, write_video
from sequela.simulators.transition import Bridge

SIDE = 512


def lengthened(clips: int, engine: str) -> dict[str, Any]:
    """Peak memory and seconds of one process that bridges two films in so many clips."""
    y, x = np.mgrid[0:SIDE, 0:SIDE] / SIDE
    discs = [
        (160 - 90 * (np.hypot(y - 0.5, x - 0.4) < radius)).astype(np.uint8)
        for radius in (0.2, 0.26)
    ]
    first, last = (
        Scan(
            array=disc,
            modality="xray",
            window=Window(low=0, high=255, origin="dtype"),
            source=Source(name="disc", sha256="0" * 64),
        )
        for disc in discs
    )
    days = np.arange(1, clips, dtype=float).tolist()
    begun = time.perf_counter()
    made = Bridge(transition=engine, registration="none").between(
        first, last, days=float(clips), at_days=days
    )
    if made.video is None:
        raise RuntimeError("a bridge without a film")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with tempfile.TemporaryDirectory() as folder:
        write_video(made.video, Path(folder) / "video.mp4", Path(folder) / "video.gif")
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return {
        "clips": clips,
        "frames": len(made.video.frames),
        "peak_mb_with_states_before_the_film": round(before / 1024),
        "peak_mb": round(after / 1024),
        "states_mb": round(sum(s.image.nbytes for s in made.states) / 2**20, 1),
        "all_frames_mb": round(float(np.prod(made.video.frames.shape)) / 2**20),
        "seconds": round(time.perf_counter() - begun, 1),
    }


def apart(clips: int, engine: str) -> dict[str, Any]:
    """The same in a process of its own."""
    done = subprocess.run(  # noqa: S603  # our own line
        [sys.executable, __file__, "--clips", str(clips), "--engine", engine],
        capture_output=True,
        text=True,
        check=True,
    )
    return dict(json.loads(done.stdout))


def fidelity(paths: list[Path]) -> dict[str, Any]:
    """Decoded against given frames, and bytes a frame."""
    ratios, sizes = [], {"mp4": 0, "gif": 0}
    frames = 0
    for one, other in zip(paths[::2], paths[1::2], strict=False):
        scans = [sequela.read(path) for path in (one, other)]
        ends = [viewing_size(to_display(s.array, s.window), SIDE).astype(float) for s in scans]
        if ends[0].shape != ends[1].shape:
            continue
        shares = np.linspace(0, 1, 24).reshape(-1, *[1] * ends[0].ndim)
        given = np.rint(ends[0] + shares * (ends[1] - ends[0])).astype(np.uint8)
        video = Video(frames=given, fps=16.0, engine="crossfade", frames_per_transition=24)
        with tempfile.TemporaryDirectory() as folder:
            files = {kind: Path(folder) / f"video.{kind}" for kind in sizes}
            write_video(video, files["mp4"], files["gif"])
            for kind, file in files.items():
                sizes[kind] += file.stat().st_size
            with av.open(str(files["mp4"])) as container:
                shown = [
                    f.reformat(format="rgb24", src_colorspace="ITU709").to_ndarray()
                    for f in container.decode(video=0)
                ]
        seen = np.stack(shown)[:, : given.shape[1], : given.shape[2]].astype(float)
        if len(seen) != len(given):
            raise RuntimeError(f"{one.name}: {len(given)} frames were given, {len(seen)} decoded")
        frames += len(given)
        seen = seen.mean(axis=-1) if given.ndim == 3 else seen
        ratios.append(10 * np.log10(255**2 / ((seen - given) ** 2).mean()))
    return {
        "films": len(ratios),
        "psnr_db": {"mean": round(float(np.mean(ratios)), 1), "least": round(min(ratios), 1)},
        "bytes_a_frame": {kind: round(size / frames) for kind, size in sizes.items()},
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--clips", type=int, help="only this; used for the processes of their own")
    parser.add_argument("--engine", default="flow")
    options = parser.parse_args()
    if options.clips:
        print(json.dumps(lengthened(options.clips, options.engine)))
        return
    figures: dict[str, Any] = {"memory": [apart(clips, options.engine) for clips in (10, 100)]}
    for name, cohort in (("chest", "cxr-nih"), ("fundus", "fundus"), ("skin", "skin-ham")):
        examples = load_cohorts((cohort,), options.data)
        paths = [e.path for e in examples if e.split == "test"][:20]
        figures[name] = fidelity(paths)
    write_figures(figures, options.out)


if __name__ == "__main__":
    main()
