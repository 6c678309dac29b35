"""Contract of every registered engine, and what `Transitions` adds to any of them."""

import tracemalloc

import numpy as np
import pytest
import torch

from sequela.backbones import load_backbone
from sequela.checkpoints import find_model
from sequela.cohorts.synthetic.progressions import PROGRESSIONS, draw_progression
from sequela.core import GeometryMismatchError, InvalidInputError, UnknownNameError
from sequela.metrics.video import join_jump
from sequela.simulators.transition import EngineSetup, Transitions, make_engine
from sequela.simulators.transition.latent import LatentMorph
from tests.simulators.fake_backbone import FakeBackbone

WITHOUT_WEIGHTS = ("crossfade", "flow", "latent")  # the others have tests of their own


def _engine(name):
    return make_engine(name, EngineSetup(backbone=FakeBackbone()))


@pytest.fixture(scope="module")
def chest_mini():
    return load_backbone(find_model("chest-mini"), device="cpu")


@pytest.fixture(scope="module")
def drawn():
    return draw_progression("moving-border", seed=0, size=40, frames=5)


@pytest.mark.parametrize("name", WITHOUT_WEIGHTS)
@pytest.mark.parametrize("frames", [2, 5])
def test_a_clip_starts_and_ends_on_its_states_and_follows_the_seed(name, frames, drawn):
    transitions = Transitions(engine=_engine(name), frames=frames, text="+0.1", seed=3)
    clip = transitions.clip(drawn.first, drawn.last)
    assert clip.shape == (frames, 1, 40, 40)
    assert clip.dtype == np.float32
    assert np.array_equal(clip[0], drawn.first)
    assert np.array_equal(clip[-1], drawn.last)
    assert np.array_equal(clip, transitions.clip(drawn.first, drawn.last))


@pytest.mark.parametrize("name", WITHOUT_WEIGHTS)
def test_colour_of_any_shape_is_drawn(name):
    rng = np.random.default_rng(0)
    states = rng.uniform(-1, 1, (2, 3, 17, 30)).astype(np.float32)
    clip = Transitions(engine=_engine(name), frames=3).clip(*states)
    assert clip.shape == (3, 3, 17, 30)
    assert np.abs(clip).max() <= 1


@pytest.mark.parametrize("name", WITHOUT_WEIGHTS)
def test_equal_states_stand_still(name, drawn):
    clip = Transitions(engine=_engine(name), frames=4).clip(drawn.first, drawn.first)
    assert np.abs(clip - drawn.first).max() < 1e-3


@pytest.mark.parametrize("name", WITHOUT_WEIGHTS)
def test_moments_can_be_asked_for_one_by_one(name, drawn):
    transitions = Transitions(engine=_engine(name), frames=5)

    def at(*weights):
        return transitions.clip(drawn.first, drawn.last, weights=np.array(weights, np.float32))

    assert np.allclose(at(0, 0.25, 1), at(0, 0.25, 0.6, 1)[[0, 1, 3]], atol=1e-6)


@pytest.mark.parametrize("kind", PROGRESSIONS)
@pytest.mark.parametrize("name", WITHOUT_WEIGHTS)
def test_no_clip_jumps_at_its_joins(name, kind, chest_mini):
    truth = draw_progression(kind, seed=1, frames=2, size=96)
    engine = make_engine(name, EngineSetup(backbone=chest_mini))
    clip = Transitions(engine=engine, frames=7).clip(truth.first, truth.last)
    assert join_jump(clip).change < 1.1


@pytest.mark.parametrize(
    ("kind", "share"), [("growing-disc", 0.7), ("moving-border", 0.5), ("drifting-opacity", 0.9)]
)
@pytest.mark.parametrize("name", ["flow", "latent"])
def test_drawn_truth_is_met_better_than_by_the_cross_fade(name, kind, share, chest_mini):
    truth = draw_progression(kind, seed=0, frames=3)

    def error(engine):
        clip = Transitions(engine=engine, frames=3).clip(truth.first, truth.last)
        return np.abs(clip[1] - truth.truth[1]).mean()

    engine = make_engine(name, EngineSetup(backbone=chest_mini))
    assert error(engine) < share * error(_engine("crossfade"))


def test_the_repair_follows_the_text_and_the_seed_but_spares_the_ends():
    states = draw_progression("growing-disc", seed=1, size=32)

    def middle(text="", seed=0, strength=0.3):
        engine = LatentMorph(backbone=PartialRepair(), strength=strength)
        clip = Transitions(engine=engine, frames=3, text=text, seed=seed)
        return clip.clip(states.first, states.last)[1]

    plain = middle(strength=0.0)
    assert not np.allclose(middle(), plain, atol=1e-4)
    assert not np.allclose(middle(), middle(seed=1), atol=1e-4)
    assert not np.allclose(middle(), middle(text="+0.5"), atol=1e-4)


def test_where_both_states_tell_the_same_nothing_is_repaired():
    first = draw_progression("growing-disc", seed=1, size=32).first
    last = first.copy()
    last[:, 4:10, 4:10] = 0.9

    def middle(strength):
        engine = LatentMorph(backbone=PartialRepair(), strength=strength)
        return Transitions(engine=engine, frames=3).clip(first, last)[1]

    repaired = np.abs(middle(0.5) - middle(0.0))[0]
    assert repaired[4:10, 4:10].mean() > 0.01
    assert repaired[20:].max() < 1e-3


class PartialRepair(FakeBackbone):
    """A prior whose answer is not linear in what it sees, so that a repair of the middle shows."""

    def denoise(self, latents: torch.Tensor, timestep: int, embedding) -> torch.Tensor:
        pull = embedding.tokens.view(-1, 1, 1, 1)
        return torch.tanh(2 * latents + pull)


class EvenOnly:
    """A third party's engine: even frames, ends a little off, as a video model draws them."""

    def clip(self, first, last, *, frames, text, seed):
        weights = np.linspace(0, 1, frames, dtype=np.float32)
        return np.stack([first + w * (last - first) for w in weights]) + np.float32(0.1)


def test_what_an_engine_is_off_at_its_ends_is_faded_and_does_not_jump(drawn):
    clip = Transitions(engine=EvenOnly(), frames=6).clip(drawn.first, drawn.last)
    changes = np.abs(np.diff(clip, axis=0)).mean(axis=(1, 2, 3))
    assert changes.max() < 1.1 * np.median(changes)


def test_an_engine_of_even_frames_refuses_moments(drawn):
    weights = np.array([0, 0.3, 1], np.float32)
    with pytest.raises(InvalidInputError, match="EvenOnly"):
        Transitions(engine=EvenOnly(), frames=3).clip(drawn.first, drawn.last, weights=weights)


def test_n_clips_share_their_ends_and_only_one_is_held_at_a_time(drawn):
    transitions = Transitions(engine=_engine("crossfade"), frames=5)

    def peak(clips):
        states = (drawn.first if i % 2 else drawn.last for i in range(clips + 1))
        tracemalloc.start()
        count = sum(1 for _ in transitions.through(states))
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert count == clips * 4 + 1
        return most

    assert peak(100) < 1.2 * peak(10)


@pytest.mark.parametrize(
    ("change", "error"),
    [
        (lambda a: (a, a[:, :-1]), GeometryMismatchError),
        (lambda a: (a[0], a[0]), InvalidInputError),
        (lambda a: (a[:, :5], a[:, :5]), InvalidInputError),
        (lambda a: (2 * a + 1, a), InvalidInputError),
        (lambda a: (a, a * np.float32("nan")), InvalidInputError),
    ],
)
def test_states_that_cannot_be_joined_are_refused(drawn, change, error):
    with pytest.raises(error):
        Transitions(engine=_engine("crossfade")).clip(*change(drawn.first))


@pytest.mark.parametrize("weights", [[0, 0.5], [0.1, 1], [0, 0.6, 0.4, 1], [0, float("nan"), 1]])
def test_moments_must_rise_from_one_state_to_the_other(drawn, weights):
    with pytest.raises(InvalidInputError, match="weights"):
        Transitions(engine=_engine("flow")).clip(
            drawn.first, drawn.last, weights=np.array(weights, np.float32)
        )


def test_fewer_than_two_frames_and_odd_seeds_are_refused():
    with pytest.raises(InvalidInputError, match="frames"):
        Transitions(engine=_engine("flow"), frames=1)
    with pytest.raises(InvalidInputError, match="seed"):
        Transitions(engine=_engine("flow"), seed=-1)


@pytest.mark.parametrize(
    ("name", "error"),
    [("latent", InvalidInputError), ("seine", InvalidInputError), ("latnet", UnknownNameError)],
)
def test_an_engine_that_lacks_what_it_needs_says_so(name, error):
    with pytest.raises(error):
        make_engine(name, EngineSetup())
