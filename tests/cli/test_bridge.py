"""`sequela bridge` from the door: two films, two dates, a run folder; and what it refuses."""

import json
from pathlib import Path

import nibabel
import numpy as np
import pytest
from PIL import Image
from pydicom import dcmread

from sequela.io import DicomSeries, read_scan, same_patient, visit_date, write_derived_dicom
from tests.cli.conftest import Spoken, call, write_film

DATES = ("--dates", "2020-03-01", "2020-03-19")
QUICK = ("--registration", "none", "--frames", 3, "--transition", "crossfade")


@pytest.fixture
def films(tmp_path: Path) -> tuple[Path, Path]:
    (tmp_path / "in").mkdir()
    return tuple(write_film(tmp_path / "in" / f"{n}.png", seed=n) for n in (1, 2))


@pytest.fixture
def dicoms(films: tuple[Path, Path]) -> tuple[Path, Path]:
    """Two films of one made-up patient on two days."""
    paths = []
    for film, day in zip(films, ("20200301", "20200319"), strict=True):
        scan = read_scan(film)
        path = film.with_suffix(".dcm")
        write_derived_dicom(scan, scan.array, path, description="film", series=DicomSeries.new())
        header = dcmread(path)
        header.PatientID, header.StudyDate = "A1", day
        header.SeriesDate = header.ContentDate = header.AcquisitionDate = day
        header.save_as(path)
        paths.append(path)
    return paths[0], paths[1]


def bridge(*words: object) -> Spoken:
    return call("bridge", *words[:2], *QUICK, *words[2:])


def refused(spoken: Spoken, *told: str) -> None:
    assert spoken.code == 2, spoken
    sentence = spoken.err.strip().splitlines()[-1]
    assert all(word in sentence for word in told), sentence


def test_two_films_and_two_dates_become_a_run(films, tmp_path: Path) -> None:
    out = tmp_path / "run"
    spoken = bridge(*films, *DATES, "--at", "2020-03-10", "--out", out, "--json")
    assert spoken.code == 0, spoken.err
    summary = json.loads(spoken.out)
    assert [(s["date"], s["kind"]) for s in summary["states"]] == [
        ("2020-03-01", "observed"),
        ("2020-03-10", "interpolated"),
        ("2020-03-19", "observed"),
    ]
    assert summary["frames"] == 2 * 2 + 1
    for name in ("record.json", "trajectory.json", "video.mp4", "video.gif", "report.html"):
        assert (out / name).stat().st_size > 0
    assert np.array_equal(np.asarray(Image.open(out / "states/000.png")), Image.open(films[0]))
    written = (out / "record.json").read_text() + (out / "trajectory.json").read_text()
    assert "2020-03" not in written


def test_the_run_replays_and_cannot_be_branched(films, tmp_path: Path) -> None:
    assert bridge(*films, *DATES, "--every", "3d", "--out", tmp_path / "run").code == 0
    spoken = call("replay", tmp_path / "run")
    assert (spoken.code, spoken.out.split(":")[0]) == (0, "Identical")
    words = ("--from", 1, "--disease", "edema", "--out", tmp_path / "other")
    refused(call("branch", tmp_path / "run", *words), "a run of bridge")


def test_every_so_often_gives_the_days_strictly_between(films, tmp_path: Path) -> None:
    spoken = bridge(*films, *DATES, "--every", "6d", "--out", tmp_path / "run", "--json")
    assert [state["day"] for state in json.loads(spoken.out)["states"]] == [0, 6, 12, 18]


def test_the_film_takes_label_layout_and_stamp(films, tmp_path: Path) -> None:
    import av

    style = ("--video-layout", "difference", "--video-label", "--stamp")
    assert bridge(*films, *DATES, *style, "--out", tmp_path / "run").code == 0
    with av.open(str(tmp_path / "run" / "video.mp4")) as container:
        assert container.streams.video[0].width == 2 * 40 + 4
    assert [p.name for p in sorted((tmp_path / "run/stamped").iterdir())] == [
        "001.png",
        "002.png",
        "003.png",
    ]


def test_dicom_files_tell_their_own_days(dicoms, tmp_path: Path) -> None:
    spoken = bridge(*dicoms, "--out", tmp_path / "run", "--json")
    assert spoken.code == 0, spoken.err
    assert json.loads(spoken.out)["states"][-1]["day"] == 18
    assert same_patient(*dicoms) is True
    assert str(visit_date(dicoms[0])) == "2020-03-01"
    shifted = bridge(*dicoms, "--dates", "2020-01-01", "2020-01-09", "--out", tmp_path / "other")
    assert "18 days apart" in shifted.err


def test_two_patients_are_refused_unless_allowed(dicoms, tmp_path: Path) -> None:
    header = dcmread(dicoms[1])
    header.PatientID = "B2"
    header.save_as(dicoms[1])
    out = ("--out", tmp_path / "run")
    spoken = bridge(*dicoms, *out)
    refused(spoken, "two different ones", "--allow-different-patients")
    assert "A1" not in spoken.err
    assert bridge(*dicoms, *out, "--allow-different-patients").code == 0
    assert "B2" not in (tmp_path / "run" / "record.json").read_text()


def test_pictures_tell_neither_patient_nor_day(films) -> None:
    assert same_patient(*films) is None
    assert visit_date(films[0]) is None


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ((), "`--dates` must name"),
        (("--dates", "2020-03-19", "2020-03-01"), "then 2020-03-01"),
        (("--dates", "2020-03-01", "2020-03-01"), "the same day twice"),
        (("--dates", "2020-03-01", "March"), "written as 2020-03-19"),
        (("--dates", "2020-02-30", "2020-03-01"), "written as 2020-03-19"),
        ((*DATES, "--at", "2020-04-01"), "between the visits"),
        ((*DATES, "--at", "2020-03-19"), "between the visits"),
        ((*DATES, "--at", "2020-03-10", "--every", "1d"), "cannot be given together"),
        ((*DATES, "--every", "1mo"), "shorter than the 18 days"),
        ((*DATES, "--every", "soon"), "`--every` must be a number and a unit"),
        ((*DATES, "--frames", 1), "at least 2"),
        ((*DATES, "--fps", 0), "`fps` must lie in"),
        ((*DATES, "--transition", "flwo"), "Did you mean"),
        ((*DATES, "--registration", "afine"), "Did you mean"),
        ((*DATES, "--video-layout", "side"), "side-by-side"),
        ((*DATES, "--model", "chest-mini"), "is not used"),
        ((*DATES, "--seed", -1), "`seed`"),
    ],
)
def test_what_cannot_be_bridged_is_refused(films, tmp_path: Path, words, told: str) -> None:
    refused(bridge(*films, *words, "--out", tmp_path / "run"), told)
    assert not (tmp_path / "run").exists()


def test_volumes_are_sent_to_the_engine_of_volumes(films, tmp_path: Path) -> None:
    volume = np.random.default_rng(0).normal(size=(20, 20, 20)).astype(np.float32)
    nibabel.save(nibabel.Nifti1Image(volume, np.eye(4)), tmp_path / "scan.nii.gz")
    path = tmp_path / "scan.nii.gz"
    out = ("--out", tmp_path / "run")
    refused(bridge(path, path, *DATES, *out), "for films", "crossfade")
    for words in (("--exposure", "none"), ("--video-layout", "side-by-side"), ("--video-label",)):
        refused(call("bridge", path, path, *DATES, *words, *out), f"`{words[0]}` is for films")
    refused(call("bridge", path, path, *DATES, *out), "chest CT", "Hounsfield")


def test_colour_against_grey_is_refused(films, tmp_path: Path) -> None:
    colours = np.random.default_rng(0).integers(0, 255, (48, 40, 3)).astype(np.uint8)
    Image.fromarray(colours).save(tmp_path / "colour.png")
    words = (*DATES, "--out", tmp_path / "run")
    refused(bridge(films[0], tmp_path / "colour.png", *words), "grey", "in colour")


def test_a_build_without_the_encoder_is_told_before_anything_is_done(
    films, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import av

    monkeypatch.setattr(av, "codecs_available", {"mpeg4"})
    refused(bridge(*films, *DATES, "--out", tmp_path / "run"), "libx264", "pip install")


def test_a_run_is_not_overwritten_unasked(films, tmp_path: Path) -> None:
    out = ("--out", tmp_path / "run")
    assert bridge(*films, *DATES, *out).code == 0
    refused(bridge(*films, *DATES, *out), "--overwrite")
    assert bridge(*films, *DATES, *out, "--overwrite").code == 0
