"""Bridge: real visits at the ends, interpolated days between, and a film that streams."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

import sequela
from sequela.core import (
    DrawnFrames,
    GeometryMismatchError,
    InvalidInputError,
    Region,
    Scan,
    Source,
    Trajectory,
    Window,
)
from sequela.render import save_run, to_display
from sequela.simulators.transition import Bridge, bridge_again
from sequela.simulators.transition import bridge as bridge_module
from sequela.simulators.transition.visits import bring_together

QUICK = {"registration": "none", "exposure": "keep", "frames": 4}


def scan(array: np.ndarray, name: str = "film.png", **changes: object) -> Scan:
    values = {
        "array": array,
        "modality": "xray",
        "window": Window(low=0, high=255, origin="dtype"),
        "source": Source(name=name, sha256="ab" * 32),
    }
    return Scan(**{**values, **changes})


def chest(opacity: float, space: tuple[int, int] = (72, 64)) -> np.ndarray:
    """A grained film whose disc brightens with the opacity."""
    y, x = np.mgrid[0 : space[0], 0 : space[1]] / max(space)
    grain = gaussian_filter(np.random.default_rng(1).normal(size=space), 1.5)
    disc = gaussian_filter((np.hypot(y - 0.5, x - 0.3) < 0.15).astype(float), 2)
    return np.clip(90 + 60 * x + 40 * grain + 80 * opacity * disc, 0, 255).astype(np.uint8)


FIRST, LAST = scan(chest(0), "first.png"), scan(chest(1), "last.png")


def bridged(**settings: object) -> Trajectory:
    asked = {"days": 18.0, "at_days": [9.0, 4.5], **settings}
    named = ("days", "at_days", "region", "first", "last")
    given = {name: asked.pop(name) for name in named if name in asked}
    first, last = given.pop("first", FIRST), given.pop("last", LAST)
    return Bridge(**{**QUICK, **asked}).between(first, last, **given)


def test_the_visits_are_observed_and_exact_and_the_days_between_interpolated() -> None:
    made = bridged()
    assert [state.kind for state in made.states] == [
        "observed",
        "interpolated",
        "interpolated",
        "observed",
    ]
    assert np.array_equal(made.states[0].image, FIRST.array)
    assert np.array_equal(made.states[-1].image, LAST.array)
    days = [365.25 * state.time_years for state in made.states]
    assert days == pytest.approx([0, 4.5, 9, 18])
    assert made.main.time_basis == "measured"
    assert any("interpolated" in notice for notice in made.record.notices)


def test_a_crossfade_at_a_third_of_the_way_is_a_third_of_the_change() -> None:
    made = bridged(transition="crossfade", at_days=[6.0])
    blend = FIRST.array + (LAST.array.astype(float) - FIRST.array) / 3
    assert np.abs(made.states[1].image - blend).max() <= 0.5


def test_without_days_the_quarters_of_the_way_are_drawn() -> None:
    made = bridged(at_days=None, days=8.0)
    assert [round(365.25 * s.time_years, 6) for s in made.states] == [0, 2, 4, 6, 8]


def test_the_film_goes_through_every_state_and_is_drawn_only_when_it_is_written() -> None:
    made = bridged(frames=5, fps=10.0)
    film = made.video
    assert isinstance(film.frames, DrawnFrames)
    assert (film.fps, film.frames_per_transition) == (10.0, 5)
    frames = np.asarray(film.frames)
    assert len(frames) == 3 * 4 + 1
    for state, frame in zip(made.states, frames[::4], strict=True):
        assert np.array_equal(frame, to_display(state.image, FIRST.window))
    steps = np.abs(np.diff(frames.astype(float), axis=0)).mean(axis=(1, 2))
    for join in (4, 8):  # the last gap is twice as long as the ones before
        assert 1 / 3 < steps[join] / steps[join - 1] < 3


def test_long_films_are_drawn_in_pieces_that_join_without_a_seam() -> None:
    days = list(np.arange(1.0, 18.0))
    frames = np.asarray(bridged(at_days=days, frames=7, transition="crossfade").video.frames)
    assert len(frames) == 18 * 6 + 1
    even = np.linspace(0, 1, len(frames))[:, None, None]
    blend = FIRST.array + even * (LAST.array.astype(float) - FIRST.array)
    assert np.abs(frames - blend).max() <= 1.5


def test_no_film_is_made_where_none_is_asked_for() -> None:
    assert bridged(frames=None).video is None


def test_a_run_folder_comes_back_and_replays_to_the_bit(tmp_path) -> None:
    made = bridged(exposure="linear")
    save_run(made, tmp_path / "run")
    back = sequela.open_run(tmp_path / "run")
    again = bridge_again(back)
    for one, other in zip(back.states, again.states, strict=True):
        assert np.array_equal(one.image, other.image)
    page = (tmp_path / "run" / "report.html").read_text()
    assert "Between two visits" in page
    assert "interpolated" in page


def test_other_runs_are_no_bridges() -> None:
    made = bridged()
    other = replace(made, record=replace(made.record, method="progressive-editing"))
    with pytest.raises(InvalidInputError, match="must be a bridge"):
        bridge_again(other)


def test_a_different_exposure_is_matched_and_said_so() -> None:
    darker = scan((LAST.array * 0.5 + 20).astype(np.uint8))
    made = bridged(last=darker, exposure="linear")
    assert any("exposed differently" in notice for notice in made.record.notices)
    gap = np.abs(made.states[-1].image.astype(float) - FIRST.array).mean()
    assert gap < np.abs(darker.array.astype(float) - FIRST.array).mean() / 3
    assert made.record.config["gain"] > 1.4


def test_a_film_of_another_size_comes_onto_the_first_ones_grid() -> None:
    large = scan(np.kron(LAST.array, np.ones((2, 2), np.uint8)))
    made = bridged(last=large)
    assert made.states[-1].image.shape == FIRST.array.shape
    assert np.abs(made.states[-1].image.astype(float) - LAST.array).mean() < 2
    assert any("144 x 128" in notice for notice in made.record.notices)


def test_beyond_the_last_films_edge_the_first_film_stays() -> None:
    narrow = scan(LAST.array[:, 16:48])
    made = bridged(last=narrow)
    assert np.array_equal(made.states[-1].image[:, :10], FIRST.array[:, :10])
    assert any("beyond the last one's edge" in notice for notice in made.record.notices)


def test_sixteen_bit_films_keep_their_units_and_what_lies_outside_the_window() -> None:
    values = FIRST.array.astype(np.uint16) * 16
    values[0, 0] = 60000
    window = Window(low=0, high=4080, origin="header")
    first = scan(values, window=window)
    last = scan(LAST.array.astype(np.uint16) * 16, window=window)
    made = bridged(first=first, last=last)
    assert made.states[1].image.dtype == np.uint16
    assert made.states[0].image[0, 0] == 60000
    assert 40000 < made.states[1].image[0, 0] < 60000
    assert made.states[2].image.mean() == pytest.approx(
        (first.array[1:].mean() + last.array[1:].mean()) / 2, rel=0.03
    )


def test_colour_films_are_bridged_in_colour() -> None:
    first, last = (
        scan(np.stack([f.array, f.array // 2, f.array // 3], axis=-1)) for f in (FIRST, LAST)
    )
    made = bridged(first=first, last=last)
    assert made.states[1].image.shape == (72, 64, 3)
    assert np.asarray(made.video.frames).shape[-1] == 3


def test_outside_the_region_the_films_are_blended() -> None:
    mask = np.zeros((72, 64), np.float32)
    mask[20:50, 5:35] = 1
    made = bridged(region=Region(array=mask, origin="disc.png"), at_days=[9.0])
    blend = (FIRST.array.astype(float) + LAST.array) / 2
    assert np.abs(made.states[1].image - blend)[mask == 0].max() <= 0.5
    assert made.regions["effective"].origin == "disc.png"


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"days": 0.0}, "`days` must be above 0"),
        ({"at_days": [18.0]}, "between the visits"),
        ({"at_days": [-1.0]}, "between the visits"),
        ({"at_days": [float("nan")]}, "between the visits"),
        ({"at_days": list(np.linspace(1, 17, 500))}, "at most 200 days"),
        ({"frames": 1}, "`frames` must be a whole number of at least 2"),
        ({"fps": 0.0}, "`fps` must lie in"),
        (
            {"last": scan(np.zeros((20, 30, 40), np.int16) + np.arange(40, dtype=np.int16))},
            "volume",
        ),
        ({"last": scan(np.repeat(LAST.array[..., None], 3, axis=-1))}, "grey and film.png in col"),
        ({"transition": "latent"}, "`backbone` must be given"),
    ],
)
def test_bad_input_is_refused_in_one_sentence(settings: dict, told: str) -> None:
    with pytest.raises(InvalidInputError, match=told):
        bridged(**settings)


def test_a_region_on_another_grid_is_refused() -> None:
    with pytest.raises(GeometryMismatchError, match="grid"):
        bridged(region=Region(array=np.ones((10, 10), np.float32), origin="small.png"))


def test_an_engine_of_even_frames_makes_the_film_but_no_day(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Blend:
        def clip(self, first, last, *, frames, text, seed):
            return np.linspace(first, last, frames)

    # an installed package's engine, without leaving it in the registry for other tests
    monkeypatch.setattr(bridge_module, "make_engine", lambda *_: Blend())
    made = bridged(transition="even-blend", at_days=None)
    assert len(made.states) == 2
    assert len(np.asarray(made.video.frames)) == 4
    with pytest.raises(InvalidInputError, match="evenly spaced frames only"):
        bridged(transition="even-blend")


def test_films_that_agree_in_nothing_are_said_to_be_strangers() -> None:
    noise = np.random.default_rng(0).integers(0, 256, FIRST.array.shape).astype(np.uint8)
    visits = bring_together(FIRST, scan(noise), registration="none")
    assert any("Look before you use" in notice for notice in visits.notices)


def test_a_registration_that_finds_nothing_leaves_the_film_fitted() -> None:
    pytest.importorskip("SimpleITK")
    noise = np.random.default_rng(0).integers(0, 256, FIRST.array.shape).astype(np.uint8)
    visits = bring_together(FIRST, scan(noise))
    assert visits.made["agreement"] >= visits.made["agreement_before"] or (
        visits.made["registration"] == "none"
    )


def test_a_moved_film_is_laid_back_before_it_is_bridged() -> None:
    pytest.importorskip("SimpleITK")
    there = np.roll(LAST.array, (4, -3), axis=(0, 1))
    aligned = bridged(last=scan(there), registration="similarity")
    inner = (slice(10, -10), slice(10, -10))
    gap = np.abs(aligned.states[-1].image.astype(float) - LAST.array)[inner].mean()
    assert gap < 0.25 * np.abs(there.astype(float) - LAST.array)[inner].mean()


def test_the_front_door_reads_dates() -> None:
    made = sequela.bridge(
        FIRST, LAST, dates=("2020-03-01", "2020-03-19"), at=["2020-03-10"], **QUICK
    )
    assert 365.25 * made.states[1].time_years == pytest.approx(9)
    with pytest.raises(InvalidInputError, match="`at` must be days"):
        sequela.bridge(FIRST, LAST, dates=("2020-03-01", "2020-03-19"), at=["soon"])
