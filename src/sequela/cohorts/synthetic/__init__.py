"""Cohorts whose truth is known, because it was generated."""
