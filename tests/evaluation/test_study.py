"""A whole study on drawn images: resumed, damaged, with an image that cannot be read."""

import contextlib
import csv
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from sequela.core import InvalidInputError, OutputExistsError
from sequela.evaluation import evaluate, read_protocol
from sequela.metrics.confidence import conf_at
from tests.evaluation.untaught import save_untaught_judge
from tests.simulators.scans import drawn

PROTOCOL = """
name = "tiny"
seeds = [0, 1]
[[domains]]
name = "chest"
sets = ["cxr-nih"]
target = "Pneumonia"
judge = "{judge}"
caveat = "This judge learned nothing."
model = "{model}"
others = 2
[[entrants]]
label = "editing"
region = "centre"
settings = {{ num_steps = 3, num_denoising_steps = 4 }}
paper = {{ chest = {{ conf_final = 0.712 }} }}
[[entrants]]
label = "noise"
method = "noise"
region = "centre"
settings = {{ num_steps = 3, num_denoising_steps = 4 }}
[[entrants]]
label = "style"
method = "style"
region = "centre"
settings = {{ num_steps = 3, num_denoising_steps = 4 }}
"""
HEAD = "file,label,patient_id,split,view,all_findings\n"


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> Path:
    """Two healthy held-out films, two of each kind in training, and two ill held-out ones."""
    root = tmp_path_factory.mktemp("data")
    folder = root / "cxr_nih"
    folder.mkdir()
    rows = []
    for index, (split, finding) in enumerate(
        [(s, f) for s in ("train", "test") for f in ("No Finding", "Pneumonia")] * 2
    ):
        name = f"{index:02d}.png"
        Image.fromarray(drawn((40, 40), seed=index).array).save(folder / name)
        view = "PA" if index < 4 else "AP"
        rows.append(f"{name},x,p{index},{split},{view},{finding}\n")
    (folder / "labels.csv").write_text(HEAD + "".join(rows))
    return root


@pytest.fixture(scope="module")
def protocol_file(tmp_path_factory, tiny_grey_sd_folder):
    folder = tmp_path_factory.mktemp("protocol")
    judge = save_untaught_judge(folder / "judge.safetensors", name="drawn-judge", image_size=64)
    path = folder / "tiny.toml"
    path.write_text(PROTOCOL.format(judge=judge, model=tiny_grey_sd_folder))
    return path


@pytest.fixture(scope="module")
def protocol(protocol_file):
    return read_protocol(protocol_file)


@pytest.fixture(scope="module")
def finished(protocol, data, tmp_path_factory):
    out = tmp_path_factory.mktemp("study")
    return evaluate(protocol, data=data, out=out), out


def results(out: Path) -> dict[str, bytes]:
    return {p.name: p.read_bytes() for p in sorted((out / "results").iterdir())}


def test_a_study_scores_every_image_under_every_seed(finished):
    study, out = finished
    assert len(study.rows) == 2 * 2 * 3
    assert not study.failures
    with (out / "results/scores.csv").open() as stream:
        lines = list(csv.DictReader(stream))
    assert {(line["entrant"], line["seed"]) for line in lines} == {
        (e, s) for e in ("editing", "noise", "style") for s in ("0", "1")
    }
    assert all(float(line["outside"]) == 0 for line in lines)
    assert all(len(line["scores"].split()) == 4 for line in lines)


def test_the_tables_stand_in_three_formats_with_the_papers_figure_beside(finished):
    _, out = finished
    found = results(out)
    assert b"(paper 0.712)" in found["tables.md"]
    assert rb"\begin{tabular}" in found["tables.tex"]
    assert found["methods-chest.csv"].startswith(b"entrant,images,identity")
    assert found["failures.csv"] == b"domain,image,seed,reason\n"


def test_what_is_known_against_the_judge_stands_above_its_scores(finished):
    found = results(finished[1])
    for name in ("tables.md", "results.html"):
        assert b"This judge learned nothing." in found[name]


def test_subgroups_are_told_where_patients_differ(finished):
    table = finished[0].tables[0]
    assert [(row.attribute, row.group) for row in table.subgroups] == [
        ("view", "AP"),
        ("view", "PA"),
    ]
    first, other = (row.inside.value for row in table.subgroups)
    assert table.subgroups[0].gap.value == pytest.approx(first - other)
    assert not table.subgroups[0].told  # one patient each
    assert b"| view: AP | 1 |" in results(finished[1])["tables.md"]


def test_the_parquet_file_holds_what_the_csv_holds(finished):
    parquet = pytest.importorskip("pyarrow.parquet")
    study, out = finished
    table = parquet.read_table(out / "results/results.parquet").to_pylist()
    assert len(table) == len(study.rows)
    assert np.allclose([r["rise"] for r in table], [r.figures["rise"] for r in study.rows])


def test_the_page_stands_alone(finished):
    page = results(finished[1])["results.html"].decode()
    assert "<svg" in page
    assert "data:image/png;base64," in page
    for known in ("http://www.w3.org", "http://purl.org", "http://creativecommons.org"):
        page = page.replace(known, "")  # names of vocabularies, not addresses that are asked
    assert "://" not in page.replace("https://matplotlib.org", "")
    assert 'name="synthetic" content="true"' in page


def test_the_first_entrant_is_what_others_are_paired_with(finished):
    rows = finished[0].tables[0].rows
    assert rows[0].gains == {}
    own = [r.figures["conf_final"] for r in finished[0].rows if r.made.entrant.label == "editing"]
    other = [r.figures["conf_final"] for r in finished[0].rows if r.made.entrant.label == "noise"]
    assert rows[1].gains["Conf_final"].value == pytest.approx(np.mean(own) - np.mean(other))


def test_at_the_firsts_own_likeness_an_entrant_is_scored_on_its_way_there(finished):
    study = finished[0]
    cases = {
        label: [r for r in study.rows if r.made.entrant.label == label]
        for label in ("editing", "noise")
    }
    gains = [
        a.scores[-1] - conf_at(b.scores, b.likeness, a.likeness[-1])
        for a, b in zip(cases["editing"], cases["noise"], strict=True)
    ]
    told = study.tables[0].rows[1].gains["Conf_final at the first's SSIM"]
    assert told.value == pytest.approx(np.mean(gains))
    for row in study.rows:
        assert row.likeness[0] == 1
        assert row.likeness[-1] == pytest.approx(row.figures["ssim"])


def test_lost_and_damaged_cells_are_made_again_to_the_same_tables(finished, protocol, data):
    _, out = finished
    before = results(out)
    cells = sorted((out / "cells").glob("*.cell"))
    cells[0].unlink()
    cells[1].write_bytes(cells[1].read_bytes()[:-9] + b"scribbled")
    kept = cells[2].stat().st_mtime_ns
    evaluate(protocol, data=data, out=out, overwrite=True)
    after = results(out)
    assert cells[2].stat().st_mtime_ns == kept
    for name in before.keys() - {"results.html", "record.json"}:
        assert after[name] == before[name], name


@pytest.mark.slow
def test_a_study_killed_at_ten_random_moments_ends_in_the_same_tables(
    finished, protocol_file, data, tmp_path
):
    command = [sys.executable, "-c", "from sequela.cli import main; main()", "evaluate"]
    command += [str(protocol_file)]
    command += ["--data", str(data), "--out", str(tmp_path / "out"), "--overwrite"]
    moments = np.random.default_rng(0).uniform(3, 12, 10)
    for seconds in moments:
        process = subprocess.Popen(  # noqa: S603  # our own command
            command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(seconds)
        process.kill()
        process.wait()
    subprocess.run(command, check=True, capture_output=True)  # noqa: S603  # our own command
    killed, whole = results(tmp_path / "out"), results(finished[1])
    for name in whole.keys() - {"results.html", "record.json"}:
        assert killed[name] == whole[name], name


def test_results_are_not_replaced_unasked_and_nothing_is_computed(finished, protocol, data):
    with pytest.raises(OutputExistsError, match="overwrite"):
        evaluate(protocol, data=data, out=finished[1])


def test_an_unreadable_image_lands_among_the_failures_and_stops_nothing(protocol, data, tmp_path):
    import shutil

    copy = tmp_path / "data"
    shutil.copytree(data, copy)
    (copy / "cxr_nih/02.png").write_bytes(b"no picture")  # the first healthy held-out film
    study = evaluate(protocol, data=copy, out=tmp_path / "out")
    assert {f.image for f in study.failures} == {"cxr_nih/02.png"}
    assert len(study.rows) == 2 * 3
    assert b"cxr_nih/02.png" in results(tmp_path / "out")["failures.csv"]


def test_a_judge_of_another_domain_is_refused(protocol, data, tmp_path):
    from dataclasses import replace

    from sequela.evaluation.scoring import Judges

    task = replace(protocol.domains[0], name="fundus")
    with pytest.raises(InvalidInputError, match="`judge` must be of fundus images"):
        Judges.of(task)
