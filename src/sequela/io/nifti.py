"""NIfTI volumes: to `[D, H, W]` with axes superior, posterior, left, and back.

NIfTI stores x, y, z with an affine to RAS millimetres; here alone they become D, H, W and LPS.
"""

import gzip
import io
import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from sequela.core import DISCLAIMER, SequelaError
from sequela.io.files import unreadable
from sequela.io.limits import check_finite_values, check_size, check_volume_size, fit_integers

# (i, j, k) of a file whose axes point left, posterior, superior are (w, h, d) here
_TURN = np.array([[0, 0, 1, 0], [0, 1, 0, 0], [1, 0, 0, 0], [0, 0, 0, 1]], dtype=np.float64)
_RAS_TO_LPS = np.diag([-1.0, -1.0, 1.0, 1.0])
_MM_PER_UNIT = {"meter": 1000.0, "micron": 0.001}
_FAULTS = (OSError, ValueError, LookupError, TypeError, EOFError, struct.error, zlib.error)
_EXPORT = "Convert it again, for example with dcm2niix."


def decode_nifti(data: bytes, name: str) -> tuple[np.ndarray, np.ndarray]:
    """Values and affine of a NIfTI file.

    Returns:
        `[D, H, W]` in uint8, uint16, int16, int32 or float32, and the 4x4 map of (d, h, w, 1) to
        LPS millimetres. One of the three may be 1.

    Raises:
        UnreadableFileError: the file is damaged, is half of a pair, or holds a time series.
        InvalidInputError: the volume is too small, too large, or holds NaN.
    """
    with _one_sentence(name):
        return _oriented(*_stored(data, name, limited=True), name)


def decode_nifti_as_written(data: bytes, name: str) -> np.ndarray:
    """What `encode_nifti` was given, whichever way its axes point and however small it is."""
    with _one_sentence(name):
        values, _ = _stored(data, name, limited=False)
        return np.ascontiguousarray(values.transpose(2, 1, 0))


def has_orientation(data: bytes, name: str) -> bool:
    """Whether the header tells how the volume lies in the patient."""
    with _one_sentence(name):
        kind, data = _unpacked(data, name, limited=False)
        header = kind.from_bytes(data).header
        return bool(int(header["sform_code"]) > 0 or int(header["qform_code"]) > 0)


@contextmanager
def _one_sentence(name: str) -> Iterator[None]:
    """Turn what nibabel raises on damaged files into one sentence."""
    from nibabel.filebasedimages import ImageFileError
    from nibabel.orientations import OrientationError
    from nibabel.spatialimages import HeaderDataError

    try:
        yield
    except SequelaError:
        raise
    except (*_FAULTS, HeaderDataError, ImageFileError, OrientationError) as error:
        words = " ".join(str(error).split())[:80]
        problem = f"is a damaged or truncated NIfTI file ({words})"
        raise unreadable(name, problem, "Copy or export it again.") from error


def _stored(data: bytes, name: str, *, limited: bool) -> tuple[np.ndarray, np.ndarray]:
    """Values in the file's own order of axes, x first, and their affine to RAS millimetres."""
    kind, data = _unpacked(data, name, limited)
    image = kind.from_bytes(data)
    values = _values(image, name).reshape(_spatial_shape(image.shape, name))
    return values, _affine_mm(image, name)


def _oriented(values: np.ndarray, affine: np.ndarray, name: str) -> tuple[np.ndarray, np.ndarray]:
    orientations = _nibabel().orientations
    turn = orientations.ornt_transform(
        orientations.io_orientation(affine), orientations.axcodes2ornt("LPS")
    )
    xyz = np.asarray(orientations.apply_orientation(values, turn))
    affine = affine @ orientations.inv_ornt_aff(turn, values.shape)
    if xyz.shape[0] == 3:  # three sagittal slices could not be told from red, green and blue
        raise unreadable(name, "has just 3 samples from side to side", "Give the whole volume.")
    return np.ascontiguousarray(xyz.transpose(2, 1, 0)), _RAS_TO_LPS @ affine @ _TURN


def as_slice(array: np.ndarray, affine: np.ndarray) -> tuple[np.ndarray, tuple[float, ...]] | None:
    """A volume of one slice as a picture, the head up, with its spacing; None for real volumes."""
    if 1 not in array.shape:
        return None
    across = array.shape.index(1)
    picture = array.squeeze(across)
    if across != 0:  # coronal or sagittal: rows run upwards in the body, downwards on a screen
        picture = picture[::-1]
    spacing = spacing_of(affine)
    return np.ascontiguousarray(picture), tuple(s for i, s in enumerate(spacing) if i != across)


def spacing_of(affine: np.ndarray) -> tuple[float, ...]:
    """Millimetres between samples along d, h and w."""
    return tuple(float(v) for v in np.linalg.norm(affine[:3, :3], axis=0))


def encode_nifti(array: np.ndarray, affine: np.ndarray | None, *, observed: bool) -> bytes:
    """A gzipped NIfTI of a `[D, H, W]` volume; the same array gives the same bytes."""
    lps = _TURN if affine is None else affine  # by default superior, posterior, left, 1 mm
    image = _nibabel().Nifti1Image(array.transpose(2, 1, 0), _RAS_TO_LPS @ lps @ _TURN)
    image.header.set_xyzt_units("mm")
    mark = "Synthetic=NO" if observed else f"Synthetic=YES. {DISCLAIMER}"
    image.header["descrip"] = mark[:79].encode("ascii")
    return gzip.compress(image.to_bytes(), compresslevel=4, mtime=0)


def _unpacked(data: bytes, name: str, limited: bool) -> tuple[Any, bytes]:
    """Which version of the format, and the bytes without compression."""
    nibabel = _nibabel()
    zipped = data.startswith(b"\x1f\x8b")
    head = gzip.GzipFile(fileobj=io.BytesIO(data)).read(540) if zipped else data[:540]
    if head[344:347] == b"ni1" or head[4:7] == b"ni2":
        raise unreadable(name, "is half of a .hdr/.img pair", "Convert it to one .nii.gz file.")
    kind = nibabel.Nifti2Image if head[4:7] == b"n+2" else nibabel.Nifti1Image
    header = kind.header_class(head[: kind.header_class.sizeof_hdr])
    shape = _spatial_shape(header.get_data_shape(), name)
    if limited:
        _check_limits(shape, name)
    size = int(header["vox_offset"]) + int(np.prod(shape)) * header.get_data_dtype().itemsize
    if zipped:  # only as much as the header promises: a small file may unpack to terabytes
        data = gzip.GzipFile(fileobj=io.BytesIO(data)).read(size)
    if len(data) < size:
        raise unreadable(name, f"is cut off after {len(data)} of {size} bytes", "Copy it again.")
    return kind, data


def _spatial_shape(shape: tuple[int, ...], name: str) -> tuple[int, ...]:
    """The three spatial lengths; missing ones are 1."""
    spatial, rest = (*shape, 1, 1, 1)[:3], shape[3:]
    if any(n > 1 for n in rest) or len(shape) < 2 or min(spatial) < 1:
        problem = f"has the shape {tuple(shape)}, which is no single volume"
        raise unreadable(name, problem, "Save one volume of the series on its own.")
    return spatial


def _check_limits(shape: tuple[int, ...], name: str) -> None:
    """Refuse impossible sizes before anything is unpacked."""
    if 1 in shape:
        height, width = sorted(shape)[1:]
        check_size(name, height, width)
    else:
        check_volume_size(name, shape)


def _affine_mm(image: Any, name: str) -> np.ndarray:
    affine = np.array(image.affine, dtype=np.float64)
    unit = image.header.get_xyzt_units()[0]
    affine[:3] *= _MM_PER_UNIT.get(unit, 1.0)
    if not np.isfinite(affine).all() or abs(np.linalg.det(affine[:3, :3])) < 1e-12:
        raise unreadable(name, "has an affine that cannot be inverted", _EXPORT)
    return affine


def _values(image: Any, name: str) -> np.ndarray:
    stored = np.asanyarray(image.dataobj.get_unscaled())
    if stored.dtype.kind not in "iuf":
        raise unreadable(name, f"holds values of the kind {stored.dtype}", "Save plain numbers.")
    slope, intercept = image.dataobj.slope, image.dataobj.inter
    whole = float(slope).is_integer() and float(intercept).is_integer()
    if stored.dtype.kind in "iu" and whole:
        try:
            return fit_integers(stored.astype(np.int64) * int(slope) + int(intercept), stored.dtype)
        except OverflowError as error:
            raise unreadable(name, "holds values beyond 32 bits", _EXPORT) from error
    if stored.dtype == np.float32 and (slope, intercept) == (1, 0):
        values: np.ndarray = stored.astype("=f4")  # untouched: -0.0 + 0.0 would lose its sign
    else:
        with np.errstate(over="ignore", invalid="ignore"):  # infinities are refused below
            values = (stored.astype(np.float64) * slope + intercept).astype(np.float32)
    check_finite_values(name, values)
    return values


def _nibabel() -> Any:
    """The library, imported when first needed; its functions carry no types."""
    import nibabel

    return nibabel
