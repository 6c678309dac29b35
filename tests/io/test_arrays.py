import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image

from sequela.core import DISCLAIMER, InvalidInputError, OutputError, UnreadableFileError
from sequela.io import files as files_module
from sequela.io import read_array, write_array

COLOURS = ["uint8", "uint16", "float32"]
PLAIN = ["uint8", "uint16", "int16", "int32", "float32"]
FINITE = {"allow_nan": False, "allow_infinity": False, "width": 32}


def values_of(dtype):
    if dtype == "float32":
        return st.floats(**FINITE)
    bounds = np.iinfo(dtype)
    return st.integers(bounds.min, bounds.max)


def pictures(dtype, *more):
    sides = st.integers(1, 6)
    shapes = st.tuples(sides, sides).map(lambda shape: (*shape, *more))
    return arrays(dtype, shapes, elements=values_of(dtype))


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(array=st.sampled_from(PLAIN).flatmap(pictures))
def test_every_grey_picture_comes_back_bit_for_bit(tmp_path_factory, array):
    back = read_array(write_array(tmp_path_factory.mktemp("a") / "p", array))
    assert (back.dtype, back.shape) == (array.dtype, array.shape)
    assert back.tobytes() == array.tobytes()


@settings(max_examples=60, deadline=None)
@given(array=st.sampled_from(COLOURS).flatmap(lambda dtype: pictures(dtype, 3)))
def test_every_colour_picture_comes_back_bit_for_bit(tmp_path_factory, array):
    back = read_array(write_array(tmp_path_factory.mktemp("a") / "p", array))
    assert back.dtype == array.dtype
    np.testing.assert_array_equal(back, array)


@settings(max_examples=60, deadline=None)
@given(array=st.sampled_from(PLAIN).flatmap(lambda dtype: pictures(dtype, 4)))
def test_every_volume_comes_back_bit_for_bit(tmp_path_factory, array):
    path = write_array(tmp_path_factory.mktemp("a") / "v", array)
    back = read_array(path)
    assert (path.name, back.dtype) == ("v.nii.gz", array.dtype)
    assert back.tobytes() == array.tobytes()


@pytest.mark.parametrize("dtype", PLAIN)
@pytest.mark.parametrize("space", [(4, 5), (5, 17, 18)])
def test_the_same_array_gives_the_same_bytes(tmp_path, dtype, space):
    array = np.ones(space, dtype)
    first, second = (write_array(tmp_path / name, array) for name in "ab")
    assert first.read_bytes() == second.read_bytes()


@pytest.mark.parametrize(
    "array",
    [
        np.zeros((4, 5), np.uint8),
        np.zeros((4, 5), np.int16),
        np.zeros((4, 5, 3), np.uint16),
        np.zeros((4, 5), np.float32),
    ],
    ids=str,
)
def test_every_picture_says_whether_it_is_synthetic(tmp_path, array):
    def marks(path):
        with Image.open(path) as image:
            text = getattr(image, "text", {})
            note = getattr(image, "tag_v2", {}).get(270, "")
        return text.get("Synthetic", ""), text.get("Comment", ""), note

    flag, comment, note = marks(write_array(tmp_path / "a", array))
    assert flag == "YES" or "Synthetic=YES" in note
    assert DISCLAIMER in (comment or note)
    flag, comment, note = marks(write_array(tmp_path / "b", array, observed=True))
    assert flag == "NO" or "Synthetic=NO" in note
    assert DISCLAIMER not in comment + note


def test_a_dot_in_the_name_is_no_suffix(tmp_path):
    path = write_array(tmp_path / "finding-0.5", np.zeros((4, 5), np.uint8))
    assert path.name == "finding-0.5.png"


@pytest.mark.parametrize(
    "array",
    [
        np.zeros((4, 5)),
        np.zeros((4, 5, 3), np.int32),
        np.zeros(4, np.uint8),
        np.zeros((0, 5), np.uint8),
    ],
    ids=["float64", "signed colour", "one axis", "nothing"],
)
def test_arrays_that_no_file_holds_are_refused(tmp_path, array):
    with pytest.raises(InvalidInputError, match="`array` must be a picture or volume"):
        write_array(tmp_path / "a", array)


@pytest.mark.parametrize("array", [np.eye(40, dtype=np.uint8), np.eye(40, dtype=np.float32)])
def test_a_truncated_array_file_is_refused(tmp_path, array):
    path = write_array(tmp_path / "a", array)
    path.write_bytes(path.read_bytes()[:70])
    with pytest.raises(UnreadableFileError, match="damaged"):
        read_array(path)


def test_a_file_in_place_of_the_folder_is_one_sentence(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match=r"a\.png could not be written"):
        write_array(tmp_path / "file" / "a", np.zeros((4, 5), np.uint8))


@pytest.mark.skipif(not files_module.Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk_is_one_sentence():
    with pytest.raises(OutputError, match=r"the disk is full\. Free space"):
        files_module.write_bytes(files_module.Path("/dev/full"), bytes(10))
