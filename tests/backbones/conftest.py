from pathlib import Path

import pytest

from tests.backbones.tiny_models import tiny_sd, tiny_sd3, tiny_sdxl


@pytest.fixture(scope="session")
def model_folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    root = tmp_path_factory.mktemp("families")
    return {
        "sd": tiny_sd(root / "sd"),
        "grey": tiny_sd(root / "grey", channels=1),
        "sd2": tiny_sd(root / "sd2", prediction="v_prediction"),
        "sdxl": tiny_sdxl(root / "sdxl"),
        "sd3": tiny_sd3(root / "sd3"),
        "sd3-t5": tiny_sd3(root / "sd3-t5", with_t5=True),
    }
