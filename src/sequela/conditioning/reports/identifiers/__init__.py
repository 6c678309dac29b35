"""Identifiers: patterns of what tells whose report it is, by kind."""

from sequela.conditioning.reports.identifiers import dates, names, numbers, places

# Addresses of mail and web hold dots and digits that later rules would take apart.
RULES = (*numbers.LINKS, *dates.RULES, *numbers.RULES, *names.RULES, *places.RULES)

__all__ = ["RULES"]
