"""Preparation of a visit: what is missing, wrongly placed or wrongly made is said or refused."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import ndimage

from sequela.cohorts.synthetic.trial import draw_subject
from sequela.core import (
    GeometryMismatchError,
    InvalidInputError,
    Scan,
    Source,
    UnknownNameError,
    Window,
)
from sequela.imaging.brain import even_out, find_brain
from sequela.imaging.grid import Grid
from sequela.imaging.regrid import regrid, regrid_lesions
from sequela.imaging.rigid import align
from sequela.simulators.lesions import (
    SEQUENCES,
    VisitImages,
    on_grid,
    prepare_images,
    prepare_visit,
)

FINE = Grid.upright((36, 96, 80), (4.0, 2.0, 2.0), centre_mm=(0.0, 16.0, 10.0))


@pytest.fixture(scope="module")
def subject():
    return draw_subject(2, grid=FINE)


@pytest.fixture(scope="module")
def images(subject):
    return subject.images(skull=True)


def scan_of(array, affine=FINE.affine, name="scan.nii.gz"):
    window = Window(low=0.0, high=1.0, origin="data")
    source = Source(name=name, sha256="")
    return Scan(array=array, modality="mr", window=window, source=source, affine=affine)


def files(images, *names, lesions=None, brain=None):
    return VisitImages(
        sequences={n: scan_of(images[n]) for n in names},
        lesions=None if lesions is None else scan_of(lesions.astype(np.uint8)),
        brain=None if brain is None else scan_of(brain.astype(np.uint8)),
    )


def dice(one, two):
    return 2 * (one & two).sum() / (one.sum() + two.sum())


def test_missing_sequences_are_flagged_and_empty(subject, images):
    prepared = prepare_images({n: images[n] for n in ("FLAIR", "T1")}, FINE)
    assert prepared.present.tolist() == [True, False, True, False, False]
    assert (prepared.images[~prepared.present] == -1).all()
    assert prepared.images.min() == -1
    assert prepared.images.max() <= 1
    assert prepared.images.shape == (len(SEQUENCES), *FINE.shape)


def test_the_brain_is_found_within_a_skull(subject, images):
    found = find_brain(images["FLAIR"], FINE.spacing_mm)
    assert dice(found, subject.brain_mask) > 0.95


def test_what_cannot_be_a_brain_is_refused():
    dot = np.zeros((20, 20, 20), np.float32)
    dot[8:12, 8:12, 8:12] = 1
    with pytest.raises(InvalidInputError, match="Give a brain mask of your own"):
        find_brain(dot, (1.0, 1.0, 1.0))


def test_planted_shading_is_taken_out(subject, images):
    brain = subject.brain_mask
    down = np.linspace(-1, 1, FINE.shape[1])[None, :, None]
    planted = np.exp(0.3 * down + 0.2 * down**2) * np.ones(FINE.shape)
    plain, _ = even_out(images["T1"], brain)
    again, _ = even_out((images["T1"] * planted).astype(np.float32), brain)
    rest = np.log(again[brain] / plain[brain])
    assert np.std(rest) < 0.1 * np.std(np.log(planted[brain]))


def test_the_scale_does_not_depend_on_the_scanners_units(subject, images):
    one = prepare_images({"FLAIR": images["FLAIR"]}, FINE)
    two = prepare_images({"FLAIR": 37 * images["FLAIR"]}, FINE)
    np.testing.assert_allclose(one.images, two.images, atol=1e-4)
    assert two.scales["FLAIR"].median == pytest.approx(37 * one.scales["FLAIR"].median, rel=1e-4)


def test_without_a_mask_the_baseline_is_named_and_finds_lesions(subject, images):
    prepared = prepare_images({"FLAIR": images["FLAIR"]}, FINE, brain=subject.brain_mask)
    assert prepared.lesions_from == "flair-threshold"
    assert any("flair-threshold" in notice for notice in prepared.notices)
    assert dice(prepared.lesions, subject.baseline_mask) > 0.3


def test_lesions_are_not_found_in_a_mask_that_holds_the_skull(subject, images):
    flair = images["FLAIR"].copy()
    head = ndimage.binary_dilation(subject.brain_mask, iterations=12)
    flair[head & ~subject.brain_mask] = 3 * np.median(flair[subject.brain_mask])
    with pytest.raises(InvalidInputError, match="`lesions` could not be found"):
        prepare_images({"FLAIR": flair}, FINE, brain=head)


def test_a_missing_flair_is_warned_of_and_needs_a_mask(subject, images):
    prepared = prepare_images(
        {"T1": images["T1"]}, FINE, lesions=subject.baseline_mask, brain=subject.brain_mask
    )
    assert prepared.lesions_from == "given"
    assert any("no FLAIR" in notice for notice in prepared.notices)
    with pytest.raises(InvalidInputError, match="`lesions` must be given when there is no FLAIR"):
        prepare_images({"T1": images["T1"]}, FINE, brain=subject.brain_mask)


def test_another_grid_is_resampled_with_notice(subject, images):
    other = Grid.upright((30, 80, 70), (5.0, 2.4, 2.4), centre_mm=(0.0, 16.0, 10.0))
    visit = VisitImages(
        sequences={
            "FLAIR": scan_of(images["FLAIR"]),
            "T1": scan_of(regrid(images["T1"], FINE, other), other.affine),
        }
    )
    prepared = prepare_visit(visit, register=False)
    assert any("T1 lies on another grid" in notice for notice in prepared.notices)
    inside = subject.brain_mask & prepared.brain
    direct = prepare_images({n: images[n] for n in ("FLAIR", "T1")}, FINE).images[0]
    assert np.corrcoef(prepared.images[0][inside], direct[inside])[0, 1] > 0.8


def test_movement_between_sequences_is_found(subject, images):
    shift = np.eye(4)
    shift[:3, 3] = (3.0, -4.0, 2.0)
    moved = Grid(shape=FINE.shape, affine=shift @ FINE.affine)
    found = align(images["FLAIR"], FINE, images["T1"], moved)
    np.testing.assert_allclose(found.move[:3, 3], shift[:3, 3], atol=1.0)
    assert found.similarity > found.similarity_before


def test_a_scan_of_another_place_is_refused(images):
    away = FINE.affine.copy()
    away[:3, 3] += 300
    visit = VisitImages(
        sequences={"FLAIR": scan_of(images["FLAIR"]), "T1": scan_of(images["T1"], away)}
    )
    with pytest.raises(GeometryMismatchError, match="`T1` must show the same place"):
        prepare_visit(visit)


def test_a_mask_flipped_left_to_right_is_refused(subject, images):
    with pytest.raises(InvalidInputError, match="flipped left to right"):
        prepare_visit(files(images, "FLAIR", lesions=subject.baseline_mask[..., ::-1]))
    prepare_visit(files(images, "FLAIR", lesions=subject.baseline_mask))


def test_a_mask_with_labels_above_1_is_refused(subject, images):
    labels = subject.baseline_mask.astype(np.uint8) * 2
    with pytest.raises(InvalidInputError, match="`lesions` must hold 0 and 1 only, got 0, 2"):
        prepare_visit(files(images, "FLAIR", lesions=labels))


def test_an_empty_brain_mask_is_refused(images):
    with pytest.raises(InvalidInputError, match="`brain` must hold at least one voxel"):
        prepare_visit(files(images, "FLAIR", brain=np.zeros(FINE.shape)))


def test_nan_and_other_shapes_are_refused(images):
    broken = images["FLAIR"].copy()
    broken[3, 3, 3] = np.nan
    with pytest.raises(InvalidInputError, match="NaN"):
        prepare_images({"FLAIR": broken}, FINE)
    with pytest.raises(GeometryMismatchError, match="grid's shape"):
        prepare_images({"FLAIR": images["FLAIR"][1:]}, FINE)


def test_unknown_sequences_are_refused_with_a_suggestion(images):
    with pytest.raises(UnknownNameError, match="FLAIR"):
        VisitImages(sequences={"flair": scan_of(images["FLAIR"])})
    with pytest.raises(InvalidInputError, match="at least one of"):
        VisitImages(sequences={})


def test_a_picture_is_no_volume(images):
    flat = replace(scan_of(images["FLAIR"]), array=images["FLAIR"][0], affine=None)
    with pytest.raises(InvalidInputError, match="`FLAIR` must be a volume"):
        prepare_visit(VisitImages(sequences={"FLAIR": flat}))


def test_small_lesions_survive_a_coarser_grid():
    fine = Grid.upright((30, 60, 60), (1.0, 1.0, 1.0))
    coarse = Grid.upright((5, 24, 24), (6.0, 2.5, 2.5))
    mask = np.zeros(fine.shape, bool)
    mask[12:14, 20:22, 20:22] = True
    mask[20:26, 40:48, 40:48] = True
    kept = regrid_lesions(mask, fine, coarse)
    places = coarse.points[kept]
    assert kept.sum() >= 2
    middle = fine.points[mask][:8].mean(axis=0)
    assert np.abs(places - middle).max(axis=1).min() < 4


def test_a_visit_moves_to_the_models_grid(subject, images):
    prepared = prepare_images(images, FINE, lesions=subject.baseline_mask, brain=subject.brain_mask)
    coarse = Grid.upright((24, 80, 64), (6.0, 2.5, 2.5), centre_mm=(0.0, 16.0, 8.0))
    small = on_grid(prepared, coarse)
    assert small.images.shape == (5, 24, 80, 64)
    volumes = [p.lesions.sum() * p.grid.voxel_ml for p in (prepared, small)]
    assert volumes[0] == pytest.approx(volumes[1], rel=0.4)
    assert (small.images[:, ~small.brain] == -1).all()
