"""The bad input table: one clear sentence, exit code 2, nothing left behind."""

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import nibabel
import numpy as np
import pytest
import torch
from PIL import Image
from pydicom.data import get_testdata_file
from safetensors.torch import load_file, save_file

from tests.cli.conftest import write_film

SEQUELA = Path(sys.executable).with_name("sequela")


def cut(source: Path, target: Path, share: float = 0.5) -> Path:
    data = Path(source).read_bytes()
    target.write_bytes(data[: int(len(data) * share)])
    return target


def nan_volume(folder: Path) -> Path:
    values = np.full((20, 20, 1), np.nan, np.float32)
    nibabel.save(nibabel.Nifti1Image(values, np.eye(4)), folder / "nan.nii.gz")
    return folder / "nan.nii.gz"


def saved(path: Path, array: np.ndarray) -> Path:
    Image.fromarray(array).save(path)
    return path


def text(path: Path, words: str) -> Path:
    path.write_text(words)
    return path


def emptied(path: Path) -> Path:
    path.mkdir()
    return path


INPUTS = {
    "missing file": lambda d: d / "missing.png",
    "directory without images": lambda d: emptied(d / "empty"),
    "empty file": lambda d: text(d / "empty.png", ""),
    "truncated PNG": lambda d: cut(write_film(d / "whole.png", (200, 200)), d / "cut.png"),
    "truncated DICOM": lambda d: cut(get_testdata_file("CT_small.dcm"), d / "cut.dcm", 0.6),
    "text named .png": lambda d: text(d / "text.png", "not a picture"),
    "multi-frame DICOM": lambda d: Path(get_testdata_file("rtdose_rle.dcm")),
    "1x1 image": lambda d: saved(d / "dot.png", np.zeros((1, 1), np.uint8)),
    "60-megapixel image": lambda d: saved(d / "large.png", np.zeros((6000, 10000), bool)),
    "NaN volume": nan_volume,
}
OPTIONS = {
    "unknown finding": ("--disease", "pnuemonia"),
    "strength 0": ("--strength", "0"),
    "strength 1.4": ("--strength", "1.4"),
    "strength nan": ("--strength", "nan"),
    "N=0": ("--steps", "0"),
    "no sample": ("--samples", "0"),
    "one frame": ("--frames", "1"),
    "weight in words": ("--finding", "edema:much"),
    "weight below 0": ("--finding", "edema:-1"),
    "horizon without unit": ("--horizon", "18"),
    "unknown preset": ("--preset", "fats"),
    "unknown transition": ("--transition", "latnet"),
    "unknown rule outside": ("--transition-outside", "rmap"),
    "unknown model": ("--model", "chest-mni"),
    "unknown device": ("--device", "gpu"),
    "absent accelerator": ("--device", "mps"),
    "odd resolution": ("--resolution", "33"),
    "a report": ("--report", "note.txt"),
}


def listing(folder: Path) -> set[str]:
    return {p.relative_to(folder).as_posix() for p in folder.rglob("*")}


def refused(done, folder: Path, before: set[str]) -> None:
    assert done.code == 2, (done.out, done.err)
    lines = done.err.strip().splitlines()
    assert len(lines) == 1, done.err
    assert lines[0].startswith("Error: ")
    assert lines[0].endswith(".")
    assert "Traceback" not in done.err
    assert listing(folder) == before


@pytest.mark.parametrize("case", INPUTS)
def test_a_bad_file_is_one_sentence_and_leaves_nothing(case, tmp_path, simulate):
    (tmp_path / "in").mkdir()
    path = INPUTS[case](tmp_path / "in")
    before = listing(tmp_path)
    done = simulate(path, "--out", tmp_path / "run")
    refused(done, tmp_path, before)
    assert path.name in done.err


@pytest.mark.parametrize("case", OPTIONS)
def test_a_bad_option_is_one_sentence_and_leaves_nothing(case, film, tmp_path, simulate):
    before = listing(tmp_path)
    done = simulate(film, "--out", tmp_path / "run", *OPTIONS[case])
    refused(done, tmp_path, before)
    assert "`" in done.err


def test_a_misspelt_finding_is_suggested(film, tmp_path, simulate):
    done = simulate(film, "--out", tmp_path / "run", "--disease", "pnuemonia")
    assert "Did you mean 'Pneumonia'?" in done.err


@pytest.mark.parametrize(
    ("mask", "words"),
    [(np.full((40, 40), 255, np.uint8), "shape ratio"), (np.zeros((48, 40), np.uint8), "mask.png")],
    ids=["another shape ratio", "all black"],
)
def test_a_mask_that_cannot_be_meant_is_refused(mask, words, film, tmp_path, simulate):
    path = saved(tmp_path / "in" / "mask.png", mask)
    before = listing(tmp_path)
    done = simulate(film, "--out", tmp_path / "run", "--region", path)
    refused(done, tmp_path, before)
    assert words in done.err


def test_an_output_that_is_there_is_not_touched(film, tmp_path, simulate):
    text(emptied(tmp_path / "run") / "mine.txt", "mine")
    before = listing(tmp_path)
    refused(simulate(film, "--out", tmp_path / "run"), tmp_path, before)


def test_an_output_below_a_file_fails_while_writing(film, tmp_path, simulate):
    text(tmp_path / "file", "in the way")
    before = listing(tmp_path)
    done = simulate(film, "--out", tmp_path / "file" / "run")
    assert done.code == 1
    assert len(done.err.strip().splitlines()) == 1
    assert listing(tmp_path) == before


def test_a_read_only_folder_is_said(film, simulate):
    # root may write to any folder of a disk, but nobody makes a folder here
    done = simulate(film, "--out", "/proc/run")
    assert done.code == 1
    assert [line.startswith("Error: ") for line in done.err.splitlines()][-1]


def test_a_missing_tensor_and_a_pickle_are_never_loaded(
    film, tmp_path, simulate, tiny_grey_sd_folder
):
    cases = {}
    for name in ("missing", "pickle"):
        folder = shutil.copytree(tiny_grey_sd_folder, tmp_path / name)
        weights = next((folder / "unet").glob("*.safetensors"))
        tensors = load_file(weights)
        if name == "missing":
            tensors.pop(sorted(tensors)[0])
            save_file(tensors, weights, {"format": "pt"})
        else:
            weights.unlink()
            torch.save(tensors, folder / "unet" / "diffusion_pytorch_model.bin")
        cases[name] = folder
    before = listing(tmp_path)
    for name, word in (("missing", "missing"), ("pickle", "never loaded")):
        done = simulate(film, "--out", tmp_path / "run", "--model", cases[name])
        refused(done, tmp_path, before)
        assert word in done.err


@pytest.mark.parametrize("blow", [signal.SIGINT, signal.SIGKILL], ids=["Ctrl-C", "kill -9"])
def test_a_run_that_is_cut_off_leaves_nothing_finished(
    blow, film, tmp_path, simulate, tiny_grey_sd_folder
):
    words = ["simulate", film, "--out", tmp_path / "run", "--disease", "edema", "--region", "none"]
    running = subprocess.Popen(  # noqa: S603  # our own command
        [SEQUELA, *map(str, words), "--model", str(tiny_grey_sd_folder), "--steps", "100000"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        # a shell in the background hands down that Ctrl-C be ignored
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    wait_until_busy(running)
    running.send_signal(blow)
    try:
        _, err = running.communicate(timeout=30)
    finally:
        running.kill()
    assert not (tmp_path / "run").exists()
    if blow == signal.SIGINT:
        assert running.returncode == 130
        assert err.strip().splitlines()[-1] == "Interrupted: nothing was written."
        assert listing(tmp_path) == {"in", "in/film.png"}
    assert simulate(film, "--out", tmp_path / "run").code == 0
    assert (tmp_path / "run" / "report.html").is_file()


def wait_until_busy(process: subprocess.Popen, seconds: float = 6.0) -> None:
    """Until it has computed for a while, which is long after its imports."""
    clock = os.sysconf("SC_CLK_TCK")
    for _ in range(600):
        fields = Path(f"/proc/{process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        if (int(fields[11]) + int(fields[12])) / clock > seconds or process.poll() is not None:
            return
        time.sleep(0.1)
