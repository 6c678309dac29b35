import numpy as np
import pytest
from pydicom.dataset import Dataset
from pydicom.pixels.utils import pack_bits

from sequela.core import InvalidInputError, UnreadableFileError
from sequela.io import read_region_file
from tests.io.samples import ramp, save_dicom

SEGMENTATION = "1.2.840.10008.5.1.4.1.1.66.4"
LABEL_MAP = "1.2.840.10008.5.1.4.1.1.66.7"
LEFT = np.zeros((21, 31), np.uint8)  # an odd number of bits: frames do not begin on whole bytes
LEFT[3:9, 4:20] = 1
RIGHT = np.roll(LEFT, 5, axis=1)


def described(labels):
    items = []
    for number, label in labels.items():
        item = Dataset()
        item.SegmentNumber, item.SegmentLabel = number, label
        items.append(item)
    return items


def frame_of(number):
    named, group = Dataset(), Dataset()
    named.ReferencedSegmentNumber = number
    group.SegmentIdentificationSequence = [named]
    return group


def save_binary(path, frames, labels, numbers, **attributes):
    stack = np.stack(frames)
    return save_dicom(
        path,
        stack,
        NumberOfFrames=len(frames),
        SOPClassUID=SEGMENTATION,
        Modality="SEG",
        SegmentationType="BINARY",
        BitsAllocated=1,
        BitsStored=1,
        HighBit=0,
        PixelData=pack_bits(stack),
        SegmentSequence=described(labels),
        PerFrameFunctionalGroupsSequence=[frame_of(number) for number in numbers],
        **attributes,
    )


def test_the_only_segment_is_the_region(tmp_path):
    region = read_region_file(save_binary(tmp_path / "s.dcm", [LEFT], {1: "Lungs"}, [1]))
    np.testing.assert_array_equal(region.array, LEFT)
    assert (region.array.dtype, region.origin) == (np.float32, "s.dcm")


@pytest.mark.parametrize("segment", [2, "2", "Right lung"])
def test_one_of_several_segments_is_chosen_by_number_or_label(tmp_path, segment):
    labels = {1: "Left lung", 2: "Right lung"}
    path = save_binary(tmp_path / "s.dcm", [LEFT, RIGHT], labels, [1, 2])
    np.testing.assert_array_equal(read_region_file(path, segment=segment).array, RIGHT)


def test_several_segments_are_listed_when_none_is_chosen(tmp_path):
    labels = {1: "Left lung", 2: "Right lung"}
    path = save_binary(tmp_path / "s.dcm", [LEFT, RIGHT], labels, [1, 2])
    with pytest.raises(InvalidInputError, match=r"1 \(Left lung\), 2 \(Right lung\)"):
        read_region_file(path)
    with pytest.raises(InvalidInputError, match=r"got 'Heart'. It holds: 1 \(Left lung\)"):
        read_region_file(path, segment="Heart")


def test_a_segment_on_several_slices_is_refused(tmp_path):
    path = save_binary(tmp_path / "s.dcm", [LEFT, RIGHT], {1: "Lungs"}, [1, 1])
    with pytest.raises(UnreadableFileError, match="segment 1 on 2 frames"):
        read_region_file(path)


def test_a_segment_on_no_frame_is_refused(tmp_path):
    path = save_binary(tmp_path / "s.dcm", [LEFT], {1: "Lungs", 2: "Heart"}, [1])
    with pytest.raises(UnreadableFileError, match="segment 2 on no frames"):
        read_region_file(path, segment="Heart")


def test_shares_are_of_the_greatest_fraction(tmp_path):
    path = save_dicom(
        tmp_path / "s.dcm",
        ramp(top=200)[None],
        NumberOfFrames=1,
        SOPClassUID=SEGMENTATION,
        SegmentationType="FRACTIONAL",
        MaximumFractionalValue=200,
        SegmentSequence=described({1: "Lungs"}),
    )
    np.testing.assert_allclose(read_region_file(path).array, ramp(top=200) / 200, rtol=1e-6)


def test_a_label_map_gives_the_chosen_label(tmp_path):
    labels = LEFT + np.where(RIGHT > LEFT, 2, 0).astype(np.uint8)
    path = save_dicom(
        tmp_path / "s.dcm",
        labels[None],
        NumberOfFrames=1,
        SOPClassUID=LABEL_MAP,
        SegmentSequence=described({0: "Background", 1: "Left", 2: "Right"}),
    )
    np.testing.assert_array_equal(read_region_file(path, segment="Right").array, labels == 2)
    with pytest.raises(InvalidInputError, match=r"1 \(Left\), 2 \(Right\)"):
        read_region_file(path)


def test_an_empty_segment_is_refused(tmp_path):
    path = save_binary(tmp_path / "s.dcm", [0 * LEFT], {1: "Lungs"}, [1])
    with pytest.raises(InvalidInputError, match="0 everywhere"):
        read_region_file(path)


def test_a_plain_film_is_no_segmentation(tmp_path):
    with pytest.raises(UnreadableFileError, match="DICOM, but no segmentation"):
        read_region_file(save_dicom(tmp_path / "m.dcm", ramp()))


def test_a_segmentation_cut_short_is_refused_in_one_sentence(tmp_path):
    path = save_binary(tmp_path / "s.dcm", [LEFT], {1: "Lungs"}, [1])
    whole = path.read_bytes()
    for kept in (len(whole) - 40, len(whole) // 2, 200):
        path.write_bytes(whole[:kept])
        with pytest.raises(UnreadableFileError, match=r"s\.dcm"):
            read_region_file(path)
