"""SEINE at its published width with random weights: converting, loading and one denoising step.

Not the published weights: this measures time and memory and shows that all 830 tensors of the
published container pass, no more.

    python benchmarks/seine_full_width.py --out work/seine-full-width
"""

import argparse
import resource
import shutil
import time
from pathlib import Path

import torch

from sequela.backbones.seine_checkpoint import convert, load_network
from sequela.nn.seine import SeineConfig, SeineUnet

LATENT_SIDE = 8  # 64 px; 512 px has 64 times as many


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, required=True, help="a folder with 8 GB of room")
    out = parser.parse_args().out
    out.mkdir(parents=True, exist_ok=True)
    checkpoint, folder = out / "seine.pt", out / "converted"
    shutil.rmtree(folder, ignore_errors=True)
    _write_checkpoint(checkpoint)
    print(f"checkpoint of {checkpoint.stat().st_size / 1e9:.2f} GB")
    file = _timed("convert", lambda: convert(checkpoint, folder))
    checkpoint.unlink()
    network = _timed(
        "load", lambda: load_network(file, dtype=torch.float32, device=torch.device("cpu"))
    )
    generator = torch.Generator().manual_seed(0)
    latents = torch.randn(2, 9, 16, LATENT_SIDE, LATENT_SIDE, generator=generator)
    text = torch.randn(2, 77, 768, generator=generator)
    step = _timed("one guided step", lambda: network(latents, torch.full((2,), 999.0), text))
    print(f"output {tuple(step.shape)}, finite: {bool(step.isfinite().all())}")
    shutil.rmtree(folder)


def _write_checkpoint(file: Path) -> None:
    with torch.device("meta"):
        shapes = {k: v.shape for k, v in SeineUnet(SeineConfig.published()).state_dict().items()}
    generator = torch.Generator().manual_seed(0)
    weights = {
        name: torch.randn(shape, generator=generator).mul_(0.02) for name, shape in shapes.items()
    }
    torch.save({"ema": weights}, file)


def _timed(what: str, call):
    start = time.perf_counter()
    found = call()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    print(f"{what}: {time.perf_counter() - start:.1f} s, peak of the process {peak:.1f} GB")
    return found


if __name__ == "__main__":
    main()
