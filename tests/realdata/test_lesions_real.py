"""The lesion path on real brains: files to a run on their own grid, and masks on the wrong side."""

import os
from pathlib import Path

import nibabel
import numpy as np
import pytest

import sequela
from sequela.core import InvalidInputError
from sequela.io.nifti import encode_nifti
from sequela.simulators.lesions.files import find_visit, read_visit
from sequela.simulators.lesions.prepare import prepare_visit
from tests.simulators.lesions.patient import write_untaught

pytestmark = pytest.mark.realdata


@pytest.fixture(scope="module")
def data() -> Path:
    folder = os.environ.get("SEQUELA_DATA")
    if not folder:
        pytest.skip("SEQUELA_DATA names no folder with the public images")
    return Path(folder)


def test_a_real_visit_becomes_a_run_in_its_own_geometry(data, tmp_path):
    folder = data / "ms_longitudinal/patient01"
    weights = write_untaught(tmp_path / "model.safetensors")
    made = sequela.forecast(
        *sorted(folder.glob("visit1_*.nii.gz")),
        treatment="placebo",
        versus=["natalizumab"],
        samples=2,
        model=str(weights),
        files={"brain": folder / "brainmask.nii.gz"},
    )
    made.save(tmp_path / "run")
    given = nibabel.load(folder / "visit1_FLAIR.nii.gz")
    for name in ("states/000", "states/001", "branches/placebo-sample-1/states/001"):
        written = nibabel.load(tmp_path / "run" / f"{name}.nii.gz")
        forward = nibabel.as_closest_canonical(written)
        np.testing.assert_allclose(
            forward.affine, nibabel.as_closest_canonical(given).affine, atol=1e-3
        )
        assert sorted(forward.shape) == sorted(given.shape)
    brain = made.states[0].layers["brain"] > 0
    assert made.states[1].image[brain].max() > 0
    assert not made.states[1].image[~brain].any()


@pytest.mark.parametrize("patient", ["patient07", "patient19"])
def test_a_readers_mask_on_the_wrong_side_is_refused(data, tmp_path, patient):
    folder = data / "ms_cross_sectional" / patient
    visit = read_visit(find_visit([folder / "FLAIR.nii.gz", folder / "lesions.nii.gz"]))
    assert prepare_visit(visit.images).lesions_from == "given"
    mask = visit.images.lesions
    assert mask is not None
    flipped = tmp_path / "lesions.nii.gz"
    flipped.write_bytes(encode_nifti(mask.array[..., ::-1], mask.affine, observed=True))
    wrong = read_visit(find_visit([folder / "FLAIR.nii.gz", flipped]))
    with pytest.raises(InvalidInputError, match="flipped left to right"):
        prepare_visit(wrong.images)
