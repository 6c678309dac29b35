"""Fixtures for every room: one thread, and tiny models with random weights."""

from pathlib import Path

import pytest
import torch
from hypothesis import settings

from tests.backbones.tiny_models import tiny_sd, tiny_sd3, tiny_sdxl

settings.register_profile("shared-machine", deadline=None)
settings.load_profile("shared-machine")
torch.set_num_threads(1)  # more oversubscribe the two cores that tests share


@pytest.fixture(scope="session")
def tiny_sd_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_sd(tmp_path_factory.mktemp("models") / "tiny-sd")


@pytest.fixture(scope="session")
def tiny_grey_sd_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_sd(tmp_path_factory.mktemp("models") / "tiny-grey-sd", channels=1)


@pytest.fixture(scope="session")
def tiny_sdxl_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_sdxl(tmp_path_factory.mktemp("models") / "tiny-sdxl")


@pytest.fixture(scope="session")
def tiny_sd3_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_sd3(tmp_path_factory.mktemp("models") / "tiny-sd3")
