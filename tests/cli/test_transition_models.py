"""Transitions drawn by models that the user names, from the command line."""

import json

import pytest
import torch

from sequela.backbones.seine import convert
from tests.backbones.tiny_video import tiny_cog, tiny_ltx
from tests.cli.conftest import call, write_film
from tests.nn.tiny_seine import TINY, tiny_checkpoint, tiny_seine

FRAMES = ("--frames", 5)


@pytest.fixture(scope="module")
def seine(tmp_path_factory):
    folder = tmp_path_factory.mktemp("seine")
    return convert(tiny_checkpoint(folder / "seine.pt"), folder / "seine", config=TINY).parent


def test_seine_draws_the_video_of_a_run_and_the_record_names_its_weights(
    simulate, tmp_path, seine, tiny_sd_folder
):
    film = write_film(tmp_path / "small.png", (16, 16))
    out = tmp_path / "run"
    done = simulate(
        *(film, "--out", out, "--transition", "seine", "--steps", 1, *FRAMES, "--json"),
        *("--transition-model", seine, "--transition-parts", tiny_sd_folder),
    )
    assert done.code == 0, done.err
    assert json.loads(done.out)["frames"] == 5
    asked = json.loads((out / "record.json").read_text())["request"]["transition"]
    assert asked["engine"] == "seine"
    assert asked["text"] == "smooth transition"
    assert asked["model"]["name"] == "seine"
    assert len(asked["model"]["sha256"]) == 64


def test_a_video_model_draws_the_video_of_several_runs(simulate, film, tmp_path):
    model = tiny_ltx(tmp_path / "ltx")
    other = film.with_name("other.png")
    other.write_bytes(film.read_bytes())
    done = simulate(
        *(film, other, "--out", tmp_path / "runs", "--steps", 1, *FRAMES),
        *("--transition", "flf2v", "--transition-model", model, "--transition-text", "heart"),
    )
    assert done.code == 0, done.err
    assert (tmp_path / "runs" / "film" / "video.mp4").is_file()
    assert (tmp_path / "runs" / "other" / "video.mp4").is_file()


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("--transition", "seine"), "`--transition-model` must be given"),
        (("--transition", "flow", "--transition-model", "x"), "is for seine, flf2v, i2v"),
        (("--transition", "flf2v", "--transition-model", "nowhere"), "neither a folder nor"),
        (("--transition", "flf2v", "--transition-model", "COG"), "Those that do: Wan"),
        (("--transition", "seine", "--transition-model", "PT"), "sequela convert seine.pt"),
        (("--transition", "seine", "--transition-model", "SEINE"), "`components` must be given"),
        (("--transition", "seine", "--transition-model", "CUT"), "damaged"),
    ],
)
def test_a_transition_that_cannot_be_drawn_is_refused_before_anything_is_simulated(
    simulate, film, tmp_path, seine, words, sentence
):
    made = {
        "COG": lambda: tiny_cog(tmp_path / "cog"),
        "PT": lambda: tiny_checkpoint(tmp_path / "seine.pt"),
        "SEINE": lambda: seine,
        "CUT": lambda: _cut(seine, tmp_path / "cut"),
    }
    words = [made[word]() if word in made else word for word in words]
    if "cut" in str(words[-1]):
        words += ["--transition-parts", tmp_path]
    done = simulate(film, "--out", tmp_path / "run", *words)
    assert done.code == 2
    assert sentence in done.err
    assert done.err.count("\n") == 1
    assert not (tmp_path / "run").exists()


def _cut(seine, folder):
    folder.mkdir()
    whole = (seine / "seine.safetensors").read_bytes()
    (folder / "seine.safetensors").write_bytes(whole[: len(whole) // 2])
    return folder


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"not a zip", "damaged or not a zip"),
        ({"ema": tiny_seine().state_dict()}, "reshaped: conv_in.weight"),
        ({"model": {}}, "under 'ema'"),
    ],
)
def test_only_the_published_checkpoint_is_converted(tmp_path, content, sentence):
    file = tmp_path / "seine.pt"
    if isinstance(content, bytes):
        file.write_bytes(content)
    else:
        torch.save(content, file)
    done = call("convert", file, "--out", tmp_path / "seine")
    assert done.code == 2
    assert sentence in done.err
    assert not (tmp_path / "seine").exists()
