"""Time and peak memory of the 4D-VQ-GAN: one training step of both stages, and one forecast.

    python benchmarks/lungs_scale.py --out work/lungs-scale --sizes eighth,mini
    python benchmarks/lungs_scale.py --out work/lungs-scale --sizes paper --threads 2

Weights and volumes are random. Every figure comes from a process of its own, so that its peak is
its own. `paper` is the published network on 96x256x256; `eighth` is the same network on half the
sides; `mini` is the bundled network on 32x96x96. On the CPU the paper's step needs about 18 GiB.
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

import torch

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
from sequela.training.lung_settings import LungForecastNetwork, VqganNetwork
from sequela.training.objectives.latent_forecast import ForecastLoss
from sequela.training.objectives.vqgan import VqganLoss

PARTS = ("stage-1", "stage-1-judged", "stage-2", "forecast")
DATES = torch.tensor([0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 3.5])


@dataclass(frozen=True, kw_only=True)
class Size:
    """A codec with its forecaster, and the tile that a forecast is decoded in."""

    codec: CodecConfig
    forecaster: ForecasterConfig
    tile: tuple[int, int, int] | None = None
    critic_width: int = 64


SIZES = {
    "paper": Size(codec=PAPER_CODEC, forecaster=PAPER_FORECASTER, tile=(12, 32, 32)),
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
    parser.add_argument("--parts", default=",".join(PARTS))
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--one", help=argparse.SUPPRESS)  # this process measures one part
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    if options.one:
        size, part = options.one.split(":")
        print(json.dumps(measured(SIZES[size], part, options.device)))
        return
    figures = {}
    for size in options.sizes.split(","):
        for part in options.parts.split(","):
            name = f"{size} {part} {options.device}"
            figures[name] = apart(f"{size}:{part}", options)
            print(name, figures[name], flush=True)
    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / "figures.json").write_text(json.dumps(figures, indent=1))


def apart(one: str, options: argparse.Namespace) -> dict[str, float]:
    """The figures of one part, from a process of its own."""
    command = [sys.executable, "-W", "ignore", __file__, "--one", one, "--out", str(options.out)]
    command += ["--device", options.device, "--threads", str(options.threads)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)  # noqa: S603  # our own
    figures: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return figures


def measured(size: Size, part: str, device: str) -> dict[str, float]:
    """Seconds of wall and processor, and peak memory in GiB, of the second of two runs."""
    torch.manual_seed(0)
    with torch.device(device):
        run = prepared(size, part)
    run()
    begin, busy = time.perf_counter(), time.process_time()
    run()
    if device != "cpu":
        torch.cuda.synchronize()
    figures = {
        "seconds": round(time.perf_counter() - begin, 2),
        "processor_seconds": round(time.process_time() - busy, 2),
        "peak_gib": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20, 2),
    }
    if device != "cpu":
        figures["peak_device_gib"] = round(torch.cuda.max_memory_allocated() / 2**30, 2)
    return figures


def prepared(size: Size, part: str) -> Callable[[], object]:
    """What is measured, ready to run."""
    if part == "stage-2":
        return forecaster_step(size)
    if part == "forecast":
        return forecast(size)
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


def forecaster_step(size: Size) -> Callable[[], object]:
    loss = ForecastLoss(Forecaster(size.forecaster), LungForecastNetwork())
    optimiser = torch.optim.AdamW(loss.parameters(), 1e-4)
    scans = 4
    latents = torch.randn(1, scans, size.codec.latent_channels, *size.codec.latent_shape)
    is_seen = torch.tensor([[True, True, False, False]])
    years = torch.tensor([[0.0, 1.0, 2.5, 5.5]])
    inside = torch.ones(1, *size.codec.latent_shape, dtype=torch.bool)
    facts = torch.zeros(1, 0)

    def step() -> None:
        optimiser.zero_grad(set_to_none=True)
        is_real = torch.ones_like(is_seen)
        loss(latents, is_seen, is_real, years, inside, facts, 0)["loss"].backward()
        optimiser.step()

    return step


def forecast(size: Size) -> Callable[[], object]:
    engine = LungEngine(
        codec=VolumeCodec(size.codec).eval(),
        forecaster=Forecaster(size.forecaster).eval(),
        tile=size.tile,
    )
    scans = torch.rand(2, *size.codec.shape) * 1400 - 1000
    lungs = torch.ones(size.codec.shape, dtype=torch.bool)
    dates = DATES.to(scans.device)
    return lambda: engine.forecast(scans, torch.tensor([0.0, 1.0]), lungs, dates)


if __name__ == "__main__":
    main()
