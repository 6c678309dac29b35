"""The drawn patient's files, and the untaught network, once for all tests here."""

from pathlib import Path

import pytest

from sequela.simulators.lesions.model import LesionModel, load_lesion_model
from tests.simulators.lesions.patient import write_patient, write_untaught


@pytest.fixture(scope="session")
def patient_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_patient(tmp_path_factory.mktemp("patient"))


@pytest.fixture(scope="session")
def untaught(tmp_path_factory: pytest.TempPathFactory) -> LesionModel:
    path = write_untaught(tmp_path_factory.mktemp("model") / "model.safetensors")
    return load_lesion_model(str(path))
