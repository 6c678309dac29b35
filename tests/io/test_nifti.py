import nibabel
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sequela.core import InvalidInputError, UnreadableFileError
from sequela.io import read_array, read_scan, write_array


def save(path, array, affine=None, **header):
    image = nibabel.Nifti1Image(array, np.eye(4) if affine is None else affine)
    for key, value in header.items():
        image.header[key] = value
    nibabel.save(image, path)
    return path


def counting(shape=(17, 18, 19), dtype=np.int16):
    return np.arange(np.prod(shape), dtype=np.int32).reshape(shape).astype(dtype)


def test_axes_point_to_superior_posterior_and_left(tmp_path):
    xyz = counting()  # with the identity, x points right, y anterior, z superior
    scan = read_scan(save(tmp_path / "a.nii.gz", xyz, np.diag([2.0, 3.0, 4.0, 1.0])))
    np.testing.assert_array_equal(scan.array, xyz[::-1, ::-1].transpose(2, 1, 0))
    assert scan.spacing_mm == (4.0, 3.0, 2.0)
    assert scan.array.dtype == np.int16


@settings(max_examples=20, deadline=None)
@given(order=st.permutations([0, 1, 2]), signs=st.tuples(*[st.sampled_from([-1, 1])] * 3))
def test_a_voxel_keeps_its_place_in_the_room_whatever_the_file_order(
    tmp_path_factory, order, signs
):
    affine = np.eye(4)
    affine[:3, :3] = (np.diag(signs) * [1.0, 2.0, 3.0])[:, order]
    affine[:3, 3] = 5, 6, 7
    xyz = np.zeros((17, 18, 19), np.uint8)
    xyz[3, 4, 5] = 200
    scan = read_scan(save(tmp_path_factory.mktemp("n") / "a.nii", xyz, affine))
    there = scan.affine @ [*np.argwhere(scan.array == 200)[0], 1]
    ras = affine @ [3, 4, 5, 1]
    np.testing.assert_allclose(there, ras * [-1, -1, 1, 1])
    # superior, posterior, left in LPS
    np.testing.assert_allclose(np.sign(np.diag(scan.affine[[2, 1, 0], :3])), 1)


def test_the_affine_survives_writing_and_reading(tmp_path):
    affine = np.array([[0, 0, 2.0, -7], [0, 3.0, 0, 8], [4.0, 0, 0, 9], [0, 0, 0, 1]])
    array = counting((17, 18, 19))
    path = write_array(tmp_path / "v", array, affine=affine)
    scan = read_scan(path)
    np.testing.assert_allclose(scan.affine, affine)
    np.testing.assert_array_equal(scan.array, array)
    np.testing.assert_array_equal(read_array(path), array)
    assert b"Synthetic=YES" in bytes(nibabel.load(path).header["descrip"])


def test_an_oblique_volume_keeps_its_rotation(tmp_path):
    turn = np.array([[0.8, -0.6, 0, 1], [0.6, 0.8, 0, 2], [0, 0, 1, 3], [0, 0, 0, 1]])
    scan = read_scan(save(tmp_path / "a.nii", counting(), turn))
    np.testing.assert_allclose(scan.spacing_mm, (1, 1, 1), rtol=1e-6)
    path = write_array(tmp_path / "v", scan.array, affine=scan.affine)
    np.testing.assert_allclose(read_scan(path).affine, scan.affine, atol=1e-6)


def test_whole_rescales_stay_whole_and_broken_ones_become_float(tmp_path):
    whole = save(tmp_path / "a.nii", counting())
    data = bytearray(whole.read_bytes())
    data[112:120] = np.array([2, -10], "<f4").tobytes()  # scl_slope, scl_inter
    whole.write_bytes(data)
    array = read_scan(whole).array
    assert array.dtype.kind == "i"
    assert array.min() == -10
    data[112:120] = np.array([0.5, 0], "<f4").tobytes()
    whole.write_bytes(data)
    assert read_scan(whole).array.dtype == np.float32


def test_one_axial_slice_is_a_picture(tmp_path):
    xyz = counting((20, 30, 1))
    scan = read_scan(save(tmp_path / "a.nii.gz", xyz, np.diag([2.0, 3.0, 4.0, 1.0])))
    np.testing.assert_array_equal(scan.array, xyz[::-1, ::-1, 0].T)
    assert scan.spacing_mm == (3.0, 2.0)
    assert scan.affine is None


def test_one_coronal_slice_has_the_head_up(tmp_path):
    xyz = np.zeros((20, 1, 30), np.uint8)
    xyz[:, :, -1] = 200  # the top of the head
    array = read_scan(save(tmp_path / "a.nii", xyz)).array
    assert (array[0] == 200).all()
    assert not array[1:].any()


def test_a_series_of_volumes_is_refused(tmp_path):
    path = save(tmp_path / "a.nii", counting((17, 18, 19, 2)))
    with pytest.raises(UnreadableFileError, match=r"no single volume"):
        read_scan(path)


def test_nan_in_a_volume_is_refused(tmp_path):
    volume = counting(dtype=np.float32)
    volume[3, 3, 3] = np.nan
    with pytest.raises(InvalidInputError, match=r"v\.nii holds 1 NaN"):
        read_scan(save(tmp_path / "v.nii", volume))


@pytest.mark.parametrize("shape", [(3, 40, 40), (2, 2, 40)])
def test_slabs_without_anatomy_are_refused(tmp_path, shape):
    with pytest.raises(InvalidInputError, match="Give the whole volume"):
        read_scan(save(tmp_path / "a.nii", counting(shape)))


@pytest.mark.parametrize("name", ["a.nii", "a.nii.gz"])
def test_a_truncated_volume_is_refused(tmp_path, name):
    path = save(tmp_path / name, np.random.default_rng(0).normal(size=(20, 20, 20)))
    path.write_bytes(path.read_bytes()[:20_000])
    with pytest.raises(UnreadableFileError, match=r"cut off|truncated"):
        read_scan(path)


def test_an_affine_that_cannot_be_inverted_is_refused(tmp_path):
    path = save(tmp_path / "a.nii", counting(), np.diag([1.0, 1.0, 1.0, 1.0]))
    data = bytearray(path.read_bytes())
    data[280:296] = bytes(16)  # the first row of the sform
    path.write_bytes(data)
    with pytest.raises(UnreadableFileError, match="cannot be inverted"):
        read_scan(path)
