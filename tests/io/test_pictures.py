from fractions import Fraction

import av
import numpy as np
import pytest
from PIL import Image

from sequela.core import InvalidInputError, UnreadableFileError, hash_bytes
from sequela.io import read_scan
from sequela.io.deep_colour import encode_deep_png
from tests.io.samples import ramp, save_picture

DEEP = np.random.default_rng(1).integers(0, 65536, (20, 30, 3)).astype(np.uint16)


@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
def test_grey_values_come_back_as_they_are(tmp_path, kind, dtype):
    array = ramp(dtype=dtype, top=np.iinfo(dtype).max)
    scan = read_scan(save_picture(tmp_path / "a.x", array, kind))
    assert scan.array.dtype == dtype
    np.testing.assert_array_equal(scan.array, array)
    assert scan.modality == "unknown"


def test_the_source_is_the_name_and_the_hash_of_the_bytes(tmp_path):
    path = save_picture(tmp_path / "a.png", ramp())
    source = read_scan(path).source
    assert (source.name, source.sha256) == ("a.png", hash_bytes(path.read_bytes()))


def test_eight_bits_are_shown_from_0_to_255(tmp_path):
    window = read_scan(save_picture(tmp_path / "a.png", ramp())).window
    assert (window.low, window.high, window.origin) == (0, 255, "dtype")


def test_sixteen_bits_are_shown_where_99_percent_of_the_values_lie(tmp_path):
    array = np.arange(10_000, dtype=np.uint16).reshape(100, 100)
    window = read_scan(save_picture(tmp_path / "a.png", array)).window
    assert window.low == pytest.approx(0.005 * 9999)
    assert window.high == pytest.approx(0.995 * 9999)
    assert window.origin == "data"


def test_one_bright_pixel_is_still_shown(tmp_path):
    array = np.zeros((20, 20), np.uint16)
    array[3, 3] = 7
    window = read_scan(save_picture(tmp_path / "a.png", array)).window
    assert (window.low, window.high) == (0, 7)


def test_colours_that_agree_become_grey(tmp_path):
    path = save_picture(tmp_path / "a.png", np.repeat(ramp()[..., None], 3, axis=2))
    np.testing.assert_array_equal(read_scan(path).array, ramp())


def test_true_colours_stay_and_mean_a_photograph(tmp_path):
    array = np.stack([ramp(), ramp()[::-1], ramp()], axis=2)
    scan = read_scan(save_picture(tmp_path / "a.png", array))
    np.testing.assert_array_equal(scan.array, array)
    assert scan.modality == "photo"


def test_deep_colour_keeps_its_16_bits(tmp_path):
    path = tmp_path / "a.png"
    path.write_bytes(encode_deep_png(DEEP, {}))
    np.testing.assert_array_equal(read_scan(path).array, DEEP)


def test_deep_colour_in_a_tiff_keeps_its_16_bits(tmp_path):
    encoder = av.CodecContext.create("tiff", "w")
    encoder.width, encoder.height, encoder.pix_fmt = 30, 20, "rgb48le"
    encoder.time_base = Fraction(1, 1)
    frame = av.VideoFrame.from_ndarray(DEEP, format="rgb48le")
    frame.pts = 0
    packets = [*encoder.encode(frame), *encoder.encode(None)]
    (tmp_path / "a.tif").write_bytes(b"".join(bytes(packet) for packet in packets))
    np.testing.assert_array_equal(read_scan(tmp_path / "a.tif").array, DEEP)


def test_deep_grey_stored_as_colour_keeps_its_16_bits(tmp_path):
    grey = np.repeat(DEEP[..., :1], 3, axis=2)
    path = tmp_path / "a.png"
    path.write_bytes(encode_deep_png(grey, {}))
    np.testing.assert_array_equal(read_scan(path).array, grey[..., 0])


def test_a_damaged_deep_colour_file_is_refused(tmp_path):
    path = tmp_path / "a.png"
    path.write_bytes(encode_deep_png(DEEP, {})[:-500])
    with pytest.raises(UnreadableFileError, match=r"a\.png is a damaged or truncated PNG"):
        read_scan(path)


def test_one_bit_becomes_0_and_255(tmp_path):
    bits = ramp() > 100
    scan = read_scan(save_picture(tmp_path / "a.png", bits))
    np.testing.assert_array_equal(scan.array, bits * np.uint8(255))


def test_float_tiff_comes_back_as_it_is(tmp_path):
    array = np.random.default_rng(0).normal(size=(20, 30)).astype(np.float32)
    np.testing.assert_array_equal(
        read_scan(save_picture(tmp_path / "a", array, "TIFF")).array, array
    )


def test_signed_tiff_stays_signed_16_bit(tmp_path):
    array = ramp(dtype="int16") - np.int16(100)
    scan = read_scan(save_picture(tmp_path / "a.tif", array, "TIFF"))
    assert scan.array.dtype == np.int16
    np.testing.assert_array_equal(scan.array, array)


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "JPEG"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_the_picture_is_turned_upright(tmp_path, kind, orientation):
    upright = np.zeros((32, 48), np.uint8)
    upright[:16, :16] = 255  # bright in the upper left corner
    methods = Image.Transpose
    undo = {
        2: methods.FLIP_LEFT_RIGHT,
        3: methods.ROTATE_180,
        4: methods.FLIP_TOP_BOTTOM,
        5: methods.TRANSPOSE,
        6: methods.ROTATE_90,
        7: methods.TRANSVERSE,
        8: methods.ROTATE_270,
    }
    image, exif = Image.fromarray(upright), Image.Exif()
    if orientation in undo:
        image = image.transpose(undo[orientation])
    exif[0x0112] = orientation
    image.save(tmp_path / "a", kind, exif=exif)
    read = read_scan(tmp_path / "a").array
    assert read.shape == (32, 48)
    np.testing.assert_array_equal(read > 128, upright > 128)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_deep_colour_is_turned_as_shallow_colour_is(orientation):
    from PIL import ImageOps

    from sequela.io.pictures import _upright

    shallow = (DEEP >> 8).astype(np.uint8)
    image = Image.fromarray(shallow)
    image.getexif()[0x0112] = orientation
    expected = np.asarray(ImageOps.exif_transpose(image))
    np.testing.assert_array_equal(_upright(shallow, orientation), expected)


def test_an_opaque_alpha_is_dropped(tmp_path):
    alpha = np.full((20, 30), 255, np.uint8)
    path = save_picture(tmp_path / "a.png", np.stack([ramp(), ramp(), ramp(), alpha], axis=2))
    np.testing.assert_array_equal(read_scan(path).array, ramp())


def test_transparency_is_refused(tmp_path):
    path = save_picture(tmp_path / "a.png", np.stack([ramp()] * 4, axis=2))
    with pytest.raises(UnreadableFileError, match=r"transparent in .* Flatten it"):
        read_scan(path)


def test_a_palette_is_looked_up(tmp_path):
    array = np.stack([ramp() // 128 * 200, ramp() * 0, ramp() * 0], axis=2).astype(np.uint8)
    image = Image.fromarray(array).quantize(4)
    image.save(tmp_path / "a.png")
    assert image.mode == "P"
    np.testing.assert_array_equal(read_scan(tmp_path / "a.png").array, array)


def test_cmyk_becomes_rgb(tmp_path):
    cmyk = np.zeros((32, 32, 4), np.uint8)
    cmyk[:, 16:, 0] = 255  # cyan takes red away
    Image.fromarray(cmyk, "CMYK").save(tmp_path / "a.tif")
    array = read_scan(tmp_path / "a.tif").array
    assert tuple(array[0, 0]) == (255, 255, 255)
    assert tuple(array[0, -1]) == (0, 255, 255)


def test_a_page_of_many_is_chosen_with_frame(tmp_path):
    pages = [Image.fromarray(ramp() // n) for n in (1, 2, 3)]
    pages[0].save(tmp_path / "a.tif", save_all=True, append_images=pages[1:])
    np.testing.assert_array_equal(read_scan(tmp_path / "a.tif", frame=2).array, ramp() // 3)
    with pytest.raises(UnreadableFileError, match="holds 3 pictures"):
        read_scan(tmp_path / "a.tif")
    with pytest.raises(UnreadableFileError, match="no frame 3"):
        read_scan(tmp_path / "a.tif", frame=3)


def test_an_image_of_one_value_is_refused(tmp_path):
    path = save_picture(tmp_path / "a.png", np.full((20, 20), 9, np.uint8))
    with pytest.raises(InvalidInputError, match=r"every pixel of a\.png is 9"):
        read_scan(path)
