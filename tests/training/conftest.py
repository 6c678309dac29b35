"""A miniature cohort in the real layout, drawn on the spot, and short recipes."""

import csv
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

COLUMNS = ("file", "label", "patient_id", "split", "view", "all_findings")


def draw_cohort(root: Path, patients: int = 6) -> Path:
    """`cxr_nih` with one film a patient, half of them ill."""
    folder = root / "cxr_nih"
    rng = np.random.default_rng(0)
    rows = []
    for index in range(patients):
        is_ill = index % 2 == 1
        name = f"films/{index:03d}.png"
        (folder / "films").mkdir(parents=True, exist_ok=True)
        pixels = rng.integers(40, 200, (8, 8)).astype(np.uint8).repeat(8, 0).repeat(8, 1)
        Image.fromarray(pixels).save(folder / name)
        rows.append(
            {
                "file": name,
                "label": "pneumonia" if is_ill else "no_finding",
                "patient_id": f"p{index}",
                "split": "val" if index >= patients - 2 else "train",
                "view": "PA" if index % 3 else "AP",
                "all_findings": "Pneumonia|Pleural_Thickening" if is_ill else "No Finding",
            }
        )
    with (folder / "labels.csv").open("w", newline="") as stream:
        writer = csv.DictWriter(stream, COLUMNS)
        writer.writeheader()
        writer.writerows(rows)
    return root


AUTOENCODER = """
name = "tiny-autoencoder"
objective = "autoencoder"
[data]
sets = ["cxr-nih"]
image_size = 32
[network]
widths = [8, 16]
crop = 16
[optimiser]
steps = {steps}
batch_size = 2
warmup_steps = 2
[log]
every = 1
evaluate_every = 100
checkpoint_every = {checkpoint}
"""
DIFFUSION = """
name = "tiny"
objective = "latent-diffusion"
[card]
licence = "drawn"
[data]
sets = ["cxr-nih"]
image_size = 32
balance_views_from = 2
[network]
widths = [16, 32]
heads = 2
text_width = 32
text_layers = 1
variants = 2
[optimiser]
steps = {steps}
batch_size = 2
accumulation = 2
warmup_steps = 2
[log]
every = 1
evaluate_every = 100
checkpoint_every = {checkpoint}
"""


@pytest.fixture(scope="session")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return draw_cohort(tmp_path_factory.mktemp("data"))
