"""Time and peak memory of the 4D-VQ-GAN: one training step of both stages, and one forecast.

    python benchmarks/lungs_scale.py --out work/lungs-scale --sizes mini,sixty-fourth,eighth
    python benchmarks/lungs_scale.py --out work/lungs-scale --sizes mini --scans 2,4,8
    python benchmarks/lungs_scale.py --out work/lungs-scale --sizes paper --once --limit-gib 18

Weights and volumes are random. Every figure comes from a process of its own, so that its peak is
its own. `paper` is the published network on 96x256x256; `eighth` is the same network on half the
sides; `mini` is the bundled network on 32x96x96. Figures are added to `figures.json` and drawn in
`cost.png`, against the size of the volume and against the number of scans. `--once` measures the
first run rather than the second; `--limit-gib` lets a process fail rather than take more.
"""

import argparse
import json
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from matplotlib.figure import Figure

from sequela.simulators.lungs import (
    MINI_CODEC,
    MINI_FORECASTER,
    PAPER_CODEC,
    PAPER_FORECASTER,
    CodecConfig,
    Forecaster,
    ForecasterConfig,
    LungEngine,
    VolumeCodec,
)
from sequela.training.forecast_loss import ForecastLoss
from sequela.training.lung_settings import LungForecastNetwork, VqganNetwork
from sequela.training.objectives.vqgan import VqganLoss

BY_SCANS = ("stage-2", "forecast")
BY_SIZE = {"stage-1": 1, "stage-1-judged": 1, "stage-2": 4, "forecast": 2}
"""What is drawn against the size of the volume, with so many scans."""


@dataclass(frozen=True, kw_only=True)
class Size:
    """A codec with its forecaster."""

    codec: CodecConfig
    forecaster: ForecasterConfig
    critic_width: int = 64


SIZES = {
    "paper": Size(codec=PAPER_CODEC, forecaster=PAPER_FORECASTER),
    "eighth": Size(codec=replace(PAPER_CODEC, shape=(48, 128, 128)), forecaster=PAPER_FORECASTER),
    "sixty-fourth": Size(
        codec=replace(PAPER_CODEC, shape=(24, 64, 64)), forecaster=PAPER_FORECASTER
    ),
    "mini": Size(codec=MINI_CODEC, forecaster=MINI_FORECASTER, critic_width=16),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--sizes", default="sixty-fourth,mini")
    parser.add_argument("--parts", default=",".join(BY_SIZE))
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--scans", default="4", help="of a patient; stage 2 and forecasts see them")
    parser.add_argument("--dates", type=int, default=7, help="how many a forecast is made for")
    parser.add_argument("--once", action="store_true")
    parser.add_argument("--limit-gib", type=float)
    parser.add_argument("--one", help=argparse.SUPPRESS)  # this process measures one part
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    if options.one:
        size, part, scans = options.one.split(":")
        if options.limit_gib:
            most = int(options.limit_gib * 2**30)
            resource.setrlimit(resource.RLIMIT_DATA, (most, most))
        print(json.dumps(measured(SIZES[size], part, int(scans), options)))
        return
    options.out.mkdir(parents=True, exist_ok=True)
    kept = options.out / "figures.json"
    figures = json.loads(kept.read_text()) if kept.exists() else []
    for size in options.sizes.split(","):
        for part in options.parts.split(","):
            for scans in options.scans.split(",") if part in BY_SCANS else ["1"]:
                figures = [f for f in figures if named(f) != (size, part, int(scans))]
                figures.append(apart(size, part, int(scans), options))
                print(figures[-1], flush=True)
                kept.write_text(json.dumps(figures, indent=1))
    draw(figures, options.out / "cost.png")


def named(figure: dict[str, Any]) -> tuple[str, str, int]:
    return figure["size"], figure["part"], figure["scans"]


def apart(size: str, part: str, scans: int, options: argparse.Namespace) -> dict[str, Any]:
    """The figures of one part, from a process of its own."""
    one = f"{size}:{part}:{scans}"
    command = [sys.executable, "-W", "ignore", __file__, "--one", one, "--out", str(options.out)]
    command += ["--device", options.device, "--threads", str(options.threads)]
    command += ["--dates", str(options.dates)]
    command += ["--once"] * options.once
    command += ["--limit-gib", str(options.limit_gib)] if options.limit_gib else []
    done = subprocess.run(command, check=True, capture_output=True, text=True)  # noqa: S603  # our own
    depth, height, width = SIZES[size].codec.shape
    about = {"size": size, "part": part, "scans": scans, "voxels": depth * height * width}
    if part == "forecast":
        about["dates"] = options.dates
    return {**about, "device": options.device, **json.loads(done.stdout.splitlines()[-1])}


def measured(size: Size, part: str, scans: int, options: argparse.Namespace) -> dict[str, float]:
    """Seconds of wall and processor, and peak memory in GiB, of the second of two runs."""
    torch.manual_seed(0)
    with torch.device(options.device):
        run = prepared(size, part, scans, options.dates)
    if not options.once:
        run()
    begin, busy = time.perf_counter(), time.process_time()
    run()
    if options.device != "cpu":
        torch.cuda.synchronize()
    figures = {
        "seconds": round(time.perf_counter() - begin, 2),
        "processor_seconds": round(time.process_time() - busy, 2),
        "peak_gib": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20, 2),
    }
    if options.device != "cpu":
        figures["peak_device_gib"] = round(torch.cuda.max_memory_allocated() / 2**30, 2)
    return figures


def draw(figures: list[dict[str, Any]], path: Path) -> None:
    """Seconds of processor and peak memory against voxels, and against the number of scans."""
    picture = Figure(figsize=(9, 6.4), dpi=120, layout="constrained")
    axes = picture.subplots(2, 2)
    for row, (key, label) in enumerate(
        (("processor_seconds", "Processor seconds"), ("peak_gib", "Peak memory, GiB"))
    ):
        for part, scans in BY_SIZE.items():
            mine = [f for f in figures if (f["part"], f["scans"]) == (part, scans)]
            mine = sorted((f["voxels"], f[key]) for f in mine if f["size"] != "mini")
            name = f"{part}, {scans} scan{'s' * (scans > 1)}"
            axes[row, 0].loglog(*zip(*mine, strict=True), "o-", label=name) if mine else None
        for part in BY_SCANS:
            mine = sorted(
                (f["scans"], f[key]) for f in figures if f["part"] == part and f["size"] == "mini"
            )
            axes[row, 1].plot(*zip(*mine, strict=True), "o-", label=part) if mine else None
        axes[row, 0].set(xlabel="Voxels (published network)", ylabel=label)
        axes[row, 1].set(xlabel="Scans of the patient (mini network)", ylabel=label, ylim=(0, None))
    axes[1, 0].legend(frameon=False)
    axes[0, 1].legend(frameon=False)
    picture.savefig(path)


def prepared(size: Size, part: str, scans: int, dates: int) -> Callable[[], object]:
    """What is measured, ready to run."""
    if part == "stage-2":
        return forecaster_step(size, scans)
    if part == "forecast":
        return forecast(size, scans, dates)
    return codec_step(size, is_judged=part == "stage-1-judged")


def codec_step(size: Size, *, is_judged: bool) -> Callable[[], object]:
    config = size.codec
    network = VqganNetwork(
        shape=config.shape,
        width=config.width,
        decoder_blocks=config.decoder_blocks,
        norm=config.norm,
        discriminator_width=size.critic_width,
        checkpointing=True,
    )
    loss = VqganLoss(network)
    optimiser = torch.optim.AdamW(loss.parameters(), 1e-4)
    volume = torch.rand(1, 1, *config.shape) * 2 - 1
    weights, place = torch.ones(1, 1, 1, 1, 1).expand_as(volume), torch.tensor([3])
    judged = torch.tensor(float(is_judged))

    def step() -> None:
        optimiser.zero_grad(set_to_none=True)
        loss(volume, weights, place, judged)["loss"].backward()
        optimiser.step()

    return step


def forecaster_step(size: Size, scans: int) -> Callable[[], object]:
    loss = ForecastLoss(Forecaster(size.forecaster), LungForecastNetwork())
    optimiser = torch.optim.AdamW(loss.parameters(), 1e-4)
    latents = torch.randn(1, scans, size.codec.latent_channels, *size.codec.latent_shape)
    is_seen = (torch.arange(scans) < max(2, scans - 2))[None]
    years = torch.linspace(0.0, 5.5, scans)[None]
    inside = torch.ones(1, *size.codec.latent_shape, dtype=torch.bool)
    facts = torch.zeros(1, 0)

    def step() -> None:
        optimiser.zero_grad(set_to_none=True)
        is_real = torch.ones_like(is_seen)
        loss(latents, latents, is_seen, is_real, years, inside, facts, 0)["loss"].backward()
        optimiser.step()

    return step


def forecast(size: Size, scans: int, dates: int) -> Callable[[], object]:
    engine = LungEngine(
        codec=VolumeCodec(size.codec).eval(),
        forecaster=Forecaster(size.forecaster).eval(),
    )
    volumes = torch.rand(scans, *size.codec.shape) * 1400 - 1000
    lungs = torch.ones(size.codec.shape, dtype=torch.bool)
    years, ahead = torch.linspace(0.0, 1.0, scans), torch.arange(1, dates + 1) / 2
    return lambda: engine.forecast(volumes, years, lungs, ahead)


if __name__ == "__main__":
    main()
