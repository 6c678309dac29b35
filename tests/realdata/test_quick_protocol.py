"""The quick protocol of the repository, on real images, as it stands."""

import os
from pathlib import Path

import pytest

from sequela.evaluation import evaluate, read_protocol

pytestmark = pytest.mark.realdata
QUICK = Path(__file__).parents[2] / "protocols/quick.toml"


def test_the_quick_protocol_runs_on_real_images(tmp_path) -> None:
    folder = os.environ.get("SEQUELA_DATA")
    if not folder:
        pytest.skip("SEQUELA_DATA names no folder with the public images")
    protocol = read_protocol(QUICK)
    study = evaluate(protocol, data=Path(folder), out=tmp_path / "out")
    assert not study.failures
    assert len(study.rows) == protocol.domains[0].images * len(protocol.entrants)
    assert all(row.figures["outside"] == 0 for row in study.rows)
    for row in study.rows:
        called = float(row.scores[-1] > 0.5)
        assert row.figures["same_and_ill"] == called * row.figures["identity_region"]
        if row.made.entrant.label == "persistence":
            assert row.figures["change"] == 0
            assert row.figures["identity_region"] == 1
        else:
            assert row.figures["change"] > 0
