"""The quick protocol of the repository, on real films."""

import os
from dataclasses import replace
from pathlib import Path

import pytest

from sequela.evaluation import evaluate, read_protocol
from tests.evaluation.untaught import save_untaught_judge

pytestmark = pytest.mark.realdata
QUICK = Path(__file__).parents[2] / "protocols/quick.toml"


def test_the_quick_protocol_runs_on_real_films_with_any_judge(tmp_path) -> None:
    folder = os.environ.get("SEQUELA_DATA")
    if not folder:
        pytest.skip("SEQUELA_DATA names no folder with the public images")
    judge = save_untaught_judge(tmp_path / "judge.safetensors", image_size=128)
    protocol = read_protocol(QUICK)
    task = replace(protocol.domains[0], judge=str(judge), images=2)
    study = evaluate(replace(protocol, domains=(task,)), data=Path(folder), out=tmp_path / "out")
    assert not study.failures
    assert len(study.rows) == 2 * len(protocol.entrants)
    assert all(row.figures["outside"] == 0 for row in study.rows)
    changes = {row.made.entrant.label: row.figures["change"] for row in study.rows}
    assert changes["persistence"] == 0
    assert all(change > 0 for name, change in changes.items() if name != "persistence")
