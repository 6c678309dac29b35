import numpy as np
import pydicom
import pytest

from sequela.core import GeometryMismatchError, InvalidInputError, OutputError, Scan, Source, Window
from sequela.io import DicomSeries, read_scan, write_derived_dicom
from tests.io.samples import ramp, save_dicom, save_picture

SERIES = DicomSeries(study_uid="1.2.3", series_uid="1.2.4")
WORDS = {"description": "Progressive editing, step 1", "series": SERIES}


def a_scan(array, **changes):
    values = {
        "modality": "xray",
        "window": Window(low=10.5, high=200, origin="data"),
        "source": Source(name="a", sha256="0"),
        "spacing_mm": (0.143, 0.2),
    }
    return Scan(array=array, **values | changes)


@pytest.mark.parametrize(
    "array",
    [
        ramp(),
        ramp(21, 31),  # an odd number of bytes
        ramp(dtype="uint16", top=65535),
        ramp(dtype="int16") - np.int16(1024),
        ramp(dtype="int32", top=10**9) - np.int32(5),
        np.stack([ramp(), ramp() // 2, ramp() // 3], axis=2),
        np.stack([ramp(dtype="uint16", top=60000 // n) for n in (1, 2, 3)], axis=2),
    ],
    ids=lambda a: f"{a.dtype}{a.shape}",
)
def test_values_come_back_bit_for_bit(tmp_path, array):
    scan = a_scan(array)
    state = array.copy()
    state.flat[0] = state.flat[-1]
    back = read_scan(write_derived_dicom(scan, state, tmp_path / "s.dcm", **WORDS))
    assert back.array.dtype == state.dtype
    np.testing.assert_array_equal(back.array, state)
    assert back.spacing_mm == scan.spacing_mm
    if not scan.is_colour:
        assert (back.window.low, back.window.high) == (10.5, 200)


def test_the_file_says_that_it_is_synthetic_and_names_nobody(tmp_path):
    original = save_dicom(
        tmp_path / "a", ramp(), StudyDate="20200101", ViewPosition="PA", PatientSex="F"
    )
    scan = read_scan(original)
    first, second = (
        pydicom.dcmread(write_derived_dicom(scan, scan.array, tmp_path / n, **WORDS, instance=i))
        for i, n in enumerate("bc", start=1)
    )
    assert first.SyntheticData == "YES"
    assert first.ContentQualification == "RESEARCH"
    assert list(first.ImageType) == ["DERIVED", "SECONDARY"]
    assert first.DerivationDescription == WORDS["description"]
    assert (first.PatientID, first.PatientName) == ("SYNTHETIC", "Synthetic^Sequela")
    assert first.BurnedInAnnotation == "NO"
    assert first.SOPClassUID.name == "Secondary Capture Image Storage"
    assert (first.ViewPosition, first.PatientSex, first.Modality) == ("PA", "F", "CR")
    assert (first.StudyDate, first.StudyInstanceUID) == ("", "1.2.3")
    assert first.SeriesInstanceUID == second.SeriesInstanceUID == "1.2.4"
    assert first.SOPInstanceUID != second.SOPInstanceUID
    assert (first.InstanceNumber, second.InstanceNumber) == (1, 2)
    assert "Doe" not in str(first)


def test_the_bit_depth_of_the_original_is_kept(tmp_path):
    stored = ramp(dtype="uint16", top=4000)
    scan = read_scan(
        save_dicom(
            tmp_path / "a",
            stored,
            BitsStored=12,
            HighBit=11,
            PhotometricInterpretation="MONOCHROME1",
        )
    )
    path = write_derived_dicom(scan, scan.array, tmp_path / "b", **WORDS)
    written = pydicom.dcmread(path)
    assert (written.BitsStored, written.PhotometricInterpretation) == (12, "MONOCHROME2")
    np.testing.assert_array_equal(read_scan(path).array, 4095 - stored)


@pytest.mark.parametrize("tone", ["MONOCHROME1", "MONOCHROME2"])
def test_decimals_of_a_rescaled_scan_come_back_bit_for_bit(tmp_path, tone):
    path = save_dicom(
        tmp_path / "a",
        ramp(dtype="uint16", top=60000),
        RescaleSlope="0.0372",
        RescaleIntercept="-1.5",
        PhotometricInterpretation=tone,
    )
    scan = read_scan(path)
    assert scan.array.dtype == np.float32
    back = read_scan(write_derived_dicom(scan, scan.array, tmp_path / "b", **WORDS))
    np.testing.assert_array_equal(back.array, scan.array)
    assert back.window.low == pytest.approx(scan.window.low, rel=1e-9)


def test_decimals_without_a_rescale_are_refused(tmp_path):
    scan = read_scan(save_picture(tmp_path / "a", ramp(dtype="float32"), "TIFF"))
    with pytest.raises(InvalidInputError, match="`--dicom` stores whole numbers"):
        write_derived_dicom(scan, scan.array, tmp_path / "b", **WORDS)


def test_volumes_and_other_grids_are_refused(tmp_path):
    scan = a_scan(np.arange(17**3, dtype=np.int16).reshape(17, 17, 17), spacing_mm=None)
    with pytest.raises(InvalidInputError, match="single pictures"):
        write_derived_dicom(scan, scan.array, tmp_path / "b", **WORDS)
    with pytest.raises(GeometryMismatchError, match="scan's grid"):
        write_derived_dicom(a_scan(ramp()), ramp(20, 31), tmp_path / "b", **WORDS)


def test_a_folder_in_the_way_is_one_sentence(tmp_path):
    with pytest.raises(OutputError, match="could not be written"):
        write_derived_dicom(a_scan(ramp()), ramp(), tmp_path, **WORDS)


def test_two_new_series_differ():
    assert DicomSeries.new() != DicomSeries.new()
