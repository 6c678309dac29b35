"""Evaluation: protocols to tables, with baselines, controls and intervals."""

from sequela.evaluation.protocol import DomainTask, Entrant, Grid, Protocol, read_protocol
from sequela.evaluation.study import Study, evaluate

__all__ = ["DomainTask", "Entrant", "Grid", "Protocol", "Study", "evaluate", "read_protocol"]
