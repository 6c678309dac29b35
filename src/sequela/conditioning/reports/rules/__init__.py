"""Rules: reads reports offline, by a lexicon for each domain and the reach of negations."""

from sequela.conditioning.reports.rules.read import read_report

__all__ = ["read_report"]
