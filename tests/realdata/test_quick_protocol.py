"""The quick protocol of the repository, on real films."""

import os
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from sequela.checkpoints import save_classifier
from sequela.evaluation import evaluate, read_protocol
from sequela.metrics import Platt
from sequela.nn.classifiers import build_classifier

pytestmark = pytest.mark.realdata
QUICK = Path(__file__).parents[2] / "protocols/quick.toml"


def test_the_quick_protocol_runs_on_real_films_with_any_judge(tmp_path) -> None:
    folder = os.environ.get("SEQUELA_DATA")
    if not folder:
        pytest.skip("SEQUELA_DATA names no folder with the public images")
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = build_classifier("residual-mini", channels=1, targets=1)
    card = {"name": "untaught", "architecture": "residual-mini", "domain": "chest"}
    card |= {"targets": ["Pneumonia"], "image_size": 128, "channels": 1}
    save_classifier(network, tmp_path / "judge.safetensors", card, Platt())
    protocol = read_protocol(QUICK)
    task = replace(protocol.domains[0], judge=str(tmp_path / "judge.safetensors"), images=2)
    study = evaluate(replace(protocol, domains=(task,)), data=Path(folder), out=tmp_path / "out")
    assert not study.failures
    assert len(study.rows) == 2 * len(protocol.entrants)
    assert all(row.figures["outside"] == 0 for row in study.rows)
    changes = {row.made.entrant.label: row.figures["change"] for row in study.rows}
    assert changes["persistence"] == 0
    assert all(change > 0 for name, change in changes.items() if name != "persistence")
