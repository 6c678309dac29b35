"""Registration and exposure: a film moved and exposed by a known amount is brought back."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import affine_transform, gaussian_filter

from sequela.core import MissingExtraError, UnknownNameError
from sequela.imaging.exposure import Exposure
from sequela.imaging.registration import mutual_information, register, scaled_to
from sequela.imaging.registration_search import search


def film(side: int = 128) -> np.ndarray:
    """Smooth structure at several scales, in [-1, 1]."""
    rng = np.random.default_rng(3)
    layers = [gaussian_filter(rng.normal(size=(side, side)), side / n) for n in (8, 16, 32)]
    picture = sum(layer / layer.std() for layer in layers)
    return np.clip(picture / 4, -0.95, 0.95).astype(np.float32)


def moved(picture: np.ndarray, turn_deg: float, scale: float, shift: tuple[float, float]):
    """The picture laid elsewhere, and the matrix that finds each of its pixels there."""
    angle = np.radians(turn_deg)
    turn = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    middle = (np.array(picture.shape) - 1) / 2
    offset = middle + shift - turn @ middle
    inverse = np.linalg.inv(turn)
    there = affine_transform(picture, inverse, -inverse @ offset, order=3, mode="nearest")
    return there.astype(np.float32), np.column_stack([turn, offset])


def test_taken_as_they_lie_equal_grids_keep_every_pixel() -> None:
    picture = film(64)
    laid = register(picture, picture, kind="none")
    assert np.array_equal(laid.applied(picture[None])[0], picture)
    assert laid.seen(picture.shape).all()
    assert laid.plausible(picture.shape)


def test_another_size_is_fitted_centred_along_the_longer_side() -> None:
    matrix = scaled_to((100, 80), (50, 50))
    assert matrix @ [49.5, 39.5, 1] == pytest.approx([24.5, 24.5])
    assert matrix[0, 0] == 0.5


@pytest.mark.parametrize("kind", ["similarity", "affine"])
def test_a_known_movement_is_found_to_half_a_pixel(kind: str) -> None:
    pytest.importorskip("SimpleITK")
    here = film()
    there, truth = moved(here, 4.0, 1.06, (5.0, -4.0))
    laid = register(here, np.clip(0.5 - 0.5 * there, -1, 1), kind=kind)  # inverted, half contrast
    corners = np.array([[20, 20, 1], [20, 107, 1], [107, 20, 1], [107, 107, 1]]).T
    assert np.abs(laid.matrix @ corners - truth @ corners).max() < 0.5
    assert laid.agreement > laid.agreement_before
    assert laid.turn_deg == pytest.approx(4.0, abs=0.3)
    assert "scaled by 0.94" in laid.words(there.shape)


def test_a_larger_film_is_found_as_well_as_one_of_equal_size() -> None:
    pytest.importorskip("SimpleITK")
    large = film(192)
    here = large.reshape(96, 2, 96, 2).mean(axis=(1, 3))
    there, _ = moved(large, 3.0, 1.0, (6.0, 4.0))
    laid = register(here, there, kind="similarity")
    back = laid.applied(there[None])[0]
    assert np.abs(back - here)[10:-10, 10:-10].max() < 0.1


def test_the_same_films_give_the_same_matrix() -> None:
    pytest.importorskip("SimpleITK")
    here, (there, _) = film(), moved(film(), 2.0, 1.0, (3.0, 1.0))
    first, second = (register(here, there, kind="similarity") for _ in range(2))
    assert np.array_equal(first.matrix, second.matrix)


def test_bending_follows_what_a_matrix_cannot() -> None:
    pytest.importorskip("SimpleITK")
    here = film()
    y, x = np.mgrid[0:128, 0:128]
    bulge = 4 * np.exp(-((y - 64) ** 2 + (x - 64) ** 2) / 800)
    from scipy.ndimage import map_coordinates

    there = map_coordinates(here, [y + bulge, x], order=3, mode="nearest").astype(np.float32)
    errors = {
        kind: np.abs(register(here, there, kind=kind).applied(there[None])[0] - here)[20:-20].mean()
        for kind in ("affine", "deformable")
    }
    assert errors["deformable"] < 0.5 * errors["affine"]


def test_implausible_matrices_are_known() -> None:
    picture = film(64)
    laid = register(picture, picture, kind="none")
    object.__setattr__(laid, "matrix", np.array([[0, -1, 63], [1, 0, 0.0]]))
    assert not laid.plausible(picture.shape)


def test_without_the_package_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "SimpleITK", None)
    with pytest.raises(MissingExtraError, match=r"sequela\[registration\]"):
        search(film(32), film(32), "similarity")


def test_agreement_is_high_for_an_inverted_copy_and_low_for_strangers() -> None:
    picture = film(64).ravel()
    noise = np.random.default_rng(0).uniform(-1, 1, picture.size)
    assert mutual_information(picture, -picture) > 0.9
    assert mutual_information(picture, noise) < 0.12


@settings(max_examples=20, deadline=None)
@given(st.floats(0.5, 1.8), st.floats(-0.2, 0.2))
def test_a_known_gain_and_offset_are_undone(gain: float, offset: float) -> None:
    fixed = film(64)[None] * 0.5
    moving = fixed * gain + offset
    seen = np.ones(fixed.shape[1:], bool)
    match = Exposure.of(moving, fixed, seen=seen)
    assert np.abs(match.applied(moving) - fixed).max() < 0.02  # of 2


def test_a_curve_undoes_a_gamma_that_a_line_cannot() -> None:
    fixed = film(64)[None]
    moving = (2 * ((fixed + 1) / 2) ** 1.8 - 1).astype(np.float32)
    seen = np.ones(fixed.shape[1:], bool)
    errors = {
        kind: np.abs(
            Exposure.of(moving, fixed, seen=seen, kind=kind).applied(moving) - fixed
        ).mean()
        for kind in ("keep", "linear", "curve")
    }
    assert errors["curve"] < 0.2 * errors["linear"] < errors["keep"]


def test_equal_exposures_do_not_differ_and_the_rim_is_no_exposure() -> None:
    fixed = film(64)[None]
    framed = fixed.copy()
    framed[:, :12] = -1
    match = Exposure.of(framed, fixed, seen=np.ones((64, 64), bool))
    assert not match.differs
    assert not Exposure.of(fixed, fixed, seen=np.zeros((64, 64), bool)).differs


def test_unknown_names_are_suggested() -> None:
    with pytest.raises(UnknownNameError, match="similarity"):
        register(film(32), film(32), kind="similarty")
    with pytest.raises(UnknownNameError, match="linear"):
        Exposure.of(film(32)[None], film(32)[None], seen=np.ones((32, 32), bool), kind="liner")


def test_the_black_rim_stays_black_when_the_film_is_brightened() -> None:
    fixed = film(64)[None] * 0.4 + 0.3
    moving = fixed * 0.5
    moving[:, :10] = -1
    match = Exposure.of(moving, fixed, seen=np.ones((64, 64), bool))
    assert match.differs
    assert np.all(match.applied(moving)[:, :10] == -1)
