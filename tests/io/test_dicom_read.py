import numpy as np
import pytest
from pydicom.data import get_testdata_file
from pydicom.dataset import Dataset

from sequela.core import InvalidInputError, UnreadableFileError
from sequela.io import read_scan
from tests.io.samples import ramp, save_dicom

TWELVE = {"BitsStored": 12, "HighBit": 11}


def bundled(name):
    return get_testdata_file(name, download=False)


def test_monochrome2_comes_back_as_stored(tmp_path):
    stored = ramp(dtype="uint16", top=4000)
    scan = read_scan(save_dicom(tmp_path / "a", stored, **TWELVE, PixelSpacing=[0.2, 0.3]))
    assert scan.array.dtype == np.uint16
    np.testing.assert_array_equal(scan.array, stored)
    assert (scan.modality, scan.spacing_mm, scan.window.origin) == ("xray", (0.2, 0.3), "data")


def test_monochrome1_is_inverted_with_its_window(tmp_path):
    stored = ramp(dtype="uint16", top=4000)
    path = save_dicom(
        tmp_path / "a",
        stored,
        **TWELVE,
        PhotometricInterpretation="MONOCHROME1",
        WindowCenter=1000,
        WindowWidth=500,
        VOILUTFunction="LINEAR_EXACT",
    )
    scan = read_scan(path)
    np.testing.assert_array_equal(scan.array, 4095 - stored)
    assert (scan.window.low, scan.window.high) == (4095 - 1250, 4095 - 750)
    assert scan.header.PhotometricInterpretation == "MONOCHROME1"


def test_inverting_and_rescaling_agree_on_the_grid(tmp_path):
    stored = ramp(dtype="uint8")
    path = save_dicom(
        tmp_path / "a",
        stored,
        PhotometricInterpretation="MONOCHROME1",
        RescaleSlope=2,
        RescaleIntercept=-7,
    )
    np.testing.assert_array_equal(read_scan(path).array, (255 - stored.astype(int)) * 2 - 7)


def test_hounsfield_units_stay_whole_numbers(tmp_path):
    stored = ramp(dtype="uint16", top=4000)
    path = save_dicom(tmp_path / "a", stored, Modality="CT", RescaleSlope=1, RescaleIntercept=-1024)
    scan = read_scan(path)
    assert (scan.array.dtype, scan.modality) == (np.int16, "ct")
    np.testing.assert_array_equal(scan.array, stored.astype(int) - 1024)


def test_a_broken_slope_gives_decimals(tmp_path):
    path = save_dicom(tmp_path / "a", ramp(), RescaleSlope=0.5, RescaleIntercept=0)
    scan = read_scan(path)
    assert scan.array.dtype == np.float32
    np.testing.assert_allclose(scan.array, ramp() * 0.5)


def test_the_linear_window_follows_the_standard(tmp_path):
    path = save_dicom(tmp_path / "a", ramp(), WindowCenter=[100, 7], WindowWidth=[51, 9])
    window = read_scan(path).window
    assert (window.low, window.high, window.origin) == (74.5, 124.5, "header")


def test_a_window_without_width_is_ignored(tmp_path):
    path = save_dicom(tmp_path / "a", ramp(), WindowCenter=100, WindowWidth=0)
    assert read_scan(path).window.origin == "data"


def table(values, first=0, bits=8):
    item = Dataset()
    item.LUTDescriptor = [len(values), first, bits]
    item.LUTData = values
    item["LUTDescriptor"].VR = item["LUTData"].VR = "US"
    return item


@pytest.mark.parametrize("keyword", ["VOILUTSequence", "ModalityLUTSequence"])
def test_a_look_up_table_is_applied_to_the_values(tmp_path, keyword):
    squares = [min(v * v // 4, 65535) for v in range(256)]
    item = table(squares, bits=16)
    item.ModalityLUTType = "US"
    scan = read_scan(save_dicom(tmp_path / "a", ramp(), **{keyword: [item]}))
    np.testing.assert_array_equal(scan.array, np.array(squares)[ramp()])
    if keyword == "VOILUTSequence":
        assert (scan.window.low, scan.window.high, scan.window.origin) == (0, 65535, "header")


def test_an_inverted_look_up_table_is_turned_after_it(tmp_path):
    item = table(list(range(0, 512, 2)), bits=16)
    path = save_dicom(
        tmp_path / "a",
        ramp(),
        VOILUTSequence=[item],
        PhotometricInterpretation="MONOCHROME1",
    )
    np.testing.assert_array_equal(read_scan(path).array, 65535 - 2 * ramp().astype(int))


def test_a_palette_of_16_bit_entries_narrows_to_8_where_nothing_is_lost(tmp_path):
    words = {
        c: (np.arange(256, dtype="<u2") * factor).tobytes()
        for c, factor in (("Red", 256), ("Green", 0), ("Blue", 0))
    }
    tables = {f"{c}PaletteColorLookupTableData": data for c, data in words.items()}
    shapes = {f"{c}PaletteColorLookupTableDescriptor": [256, 0, 16] for c in words}
    path = save_dicom(
        tmp_path / "a", ramp(), PhotometricInterpretation="PALETTE COLOR", **tables, **shapes
    )
    array = read_scan(path).array
    assert array.dtype == np.uint8
    np.testing.assert_array_equal(array[..., 0], ramp())
    assert not array[..., 1:].any()


@pytest.mark.parametrize(
    ("name", "dtype", "modality"),
    [
        ("CT_small.dcm", "int16", "ct"),  # its preamble poses as a TIFF
        ("MR_small_RLE.dcm", "int16", "mr"),
        ("MR_small_bigendian.dcm", "int16", "mr"),
        ("MR_small_jp2klossless.dcm", "int16", "mr"),
        ("MR_small_jpeg_ls_lossless.dcm", "int16", "mr"),
        ("SC_rgb_jpeg_gdcm.dcm", "uint8", "unknown"),
        ("SC_rgb_rle_16bit.dcm", "uint16", "unknown"),
        ("examples_palette.dcm", "uint8", "unknown"),
    ],
)
def test_compressed_and_odd_files_are_read(name, dtype, modality):
    scan = read_scan(bundled(name))
    assert (scan.array.dtype, scan.modality) == (np.dtype(dtype), modality)


def test_lossless_compressions_agree():
    plain = read_scan(bundled("MR_small.dcm")).array
    for name in ("RLE", "bigendian", "jp2klossless", "jpeg_ls_lossless", "implicit"):
        np.testing.assert_array_equal(read_scan(bundled(f"MR_small_{name}.dcm")).array, plain)


def test_luminance_and_chroma_become_red_green_blue():
    plain = read_scan(bundled("SC_rgb_rle.dcm")).array.astype(int)
    from_ybr = read_scan(bundled("SC_ybr_full_422_uncompressed.dcm")).array
    assert np.median(np.abs(from_ybr - plain)) <= 2


def test_nothing_personal_stays_in_the_header(tmp_path):
    path = save_dicom(
        tmp_path / "a",
        ramp(),
        StudyDate="20200101",
        InstitutionName="St. Elsewhere",
        PatientBirthDate="19500101",
        PatientSex="F",
        PatientAge="093Y",
        BodyPartExamined="Chest of Jane",
        ViewPosition="PA",
        StudyInstanceUID="1.2.3",
    )
    header = read_scan(path).header
    kept = {element.keyword for element in header}
    assert {"PatientSex", "ViewPosition", "SOPClassUID", "Modality"} <= kept
    personal = {"PatientName", "PatientID", "StudyDate", "InstitutionName", "PatientBirthDate"}
    ids = {"SOPInstanceUID", "StudyInstanceUID", "PatientAge", "BodyPartExamined", "PixelData"}
    assert not kept & (personal | ids)
    assert "Jane" not in str(header)


def test_a_frame_is_chosen_from_many(tmp_path):
    stored = np.stack([ramp(), ramp() // 2])
    path = save_dicom(tmp_path / "a", stored, NumberOfFrames=2)
    np.testing.assert_array_equal(read_scan(path, frame=1).array, ramp() // 2)
    with pytest.raises(UnreadableFileError, match=r"holds 2 frames .* from 0 to 1"):
        read_scan(path)
    with pytest.raises(UnreadableFileError, match="no frame 2"):
        read_scan(path, frame=2)


def test_the_values_of_an_enhanced_frame_come_from_its_groups(tmp_path):
    transform, group = Dataset(), Dataset()
    transform.RescaleSlope, transform.RescaleIntercept = 1, -1000
    group.PixelValueTransformationSequence = [transform]
    stored = np.stack([ramp(), ramp() // 2])
    path = save_dicom(
        tmp_path / "a",
        stored,
        NumberOfFrames=2,
        PerFrameFunctionalGroupsSequence=[Dataset(), group],
    )
    np.testing.assert_array_equal(read_scan(path, frame=0).array, ramp())
    np.testing.assert_array_equal(read_scan(path, frame=1).array, (ramp() // 2).astype(int) - 1000)


def test_a_constant_dicom_is_refused(tmp_path):
    path = save_dicom(tmp_path / "a", np.full((20, 20), 5, np.uint16))
    with pytest.raises(InvalidInputError, match="every pixel of a is 5"):
        read_scan(path)
