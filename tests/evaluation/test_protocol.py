"""Protocols: what a file may say, and one clear sentence for what it may not."""

from pathlib import Path

import pytest

from sequela.core import InvalidInputError, UnknownNameError, UnreadableFileError
from sequela.evaluation import read_protocol
from sequela.evaluation.methods import METHODS

DOMAIN = """
name = "study"
[[domains]]
name = "chest"
sets = ["cxr-nih"]
target = "Pneumonia"
judge = "judge.safetensors"
model = "chest-mini"
"""
FOLDER = Path(__file__).parents[2] / "protocols"


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "protocol.toml"
    path.write_text(text)
    return path


def test_a_grid_becomes_one_entrant_for_each_value(tmp_path):
    grid = '[[grids]]\ntable = "steps"\nsetting = "num_steps"\nvalues = [1, 5]\nimages = 3\n'
    read = read_protocol(written(tmp_path, DOMAIN + grid))
    assert [e.label for e in read.entrants] == ["num_steps 1", "num_steps 5"]
    assert [e.editing("chest-mini").num_steps for e in read.entrants] == [1, 5]
    assert {e.images for e in read.entrants} == {3}
    assert read.seeds == (0,)


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.toml")), ids=lambda p: p.stem)
def test_the_protocols_of_the_repository_can_be_read(path):
    assert read_protocol(path).entrants


ENTRANT = '[[entrants]]\nlabel = "a"\n'
BAD = {
    "an unknown key": (ENTRANT + "strength = 0.4\n", "does not know \\['strength'\\]"),
    "an unknown method": (ENTRANT + 'method = "wlk"\n', "walk"),
    "an unknown setting": (ENTRANT + "settings = { strength_ = 0.4 }\n", "strength"),
    "a setting out of range": (ENTRANT + "settings = { strength = 1.4 }\n", "`strength`"),
    "an unknown region": (ENTRANT + 'region = "lungs"\n', "`region`"),
    "the same label twice": (ENTRANT + ENTRANT, "unique within a table"),
    "no entrant": ("", "at least one"),
    "a missing key": ("[[entrants]]\n", "incomplete"),
    "no TOML at all": ("= 3\n", "not valid TOML"),
}


@pytest.mark.parametrize("case", BAD)
def test_what_a_protocol_may_not_say_is_one_sentence(tmp_path, case):
    text, words = BAD[case]
    path = written(tmp_path, DOMAIN + text)
    with pytest.raises((InvalidInputError, UnknownNameError), match=words) as caught:
        read_protocol(path)
    assert "\n" not in str(caught.value)


def test_a_missing_protocol_is_named(tmp_path):
    with pytest.raises(UnreadableFileError, match="nowhere"):
        read_protocol(tmp_path / "nowhere.toml")


def test_judging_on_training_images_is_refused(tmp_path):
    with pytest.raises((InvalidInputError, UnknownNameError), match="`split`"):
        read_protocol(written(tmp_path, DOMAIN + 'split = "train"\n' + ENTRANT))


def test_every_method_has_a_name_in_kebab_case():
    assert all(name == name.lower() and " " not in name for name in METHODS)
