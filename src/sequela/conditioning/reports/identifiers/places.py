"""Places of care and of living."""

from sequela.conditioning.reports.identifiers.names import CAPITAL, PARTICLE, WORD
from sequela.conditioning.reports.identifiers.rule import rules

_KINDS = (
    "Hospital|Medical Center|Medical Centre|Clinic|Infirmary|Health System|Health Center|"
    "Health Centre|Hospice|Nursing Home|NHS Trust|NHS Foundation Trust|Polyclinic|Sanatorium"
)
_CARE = rf"(?-i:{_KINDS}|{_KINDS.upper()})\b"
_BETWEEN = rf"[ \t]+(?:(?:of|the|and|&|{PARTICLE})[ \t]+)*"
_SAINT = r"(?-i:St|ST)\.[ \t]+"
_PART = rf"(?:{_SAINT})?{CAPITAL}"
_STREETS = (
    r"street|st\.?|avenue|ave\.?|road|rd\.?|lane|ln\.?|drive|boulevard|blvd\.?|way|square|sq\.|"
    r"terrace|crescent|close|highway|hwy\.?|parkway"
)
_STATE = r"(?-i:[A-Z]{2})[ \t]+\d{5}(?:-\d{4})?"
_FLAT = r",?[ \t]*(?:apt|apartment|suite|unit|flat)\.?[ \t]*\w+"
_TOWN = rf",[ \t]*{CAPITAL}(?:[ \t]+{CAPITAL})?(?:,?[ \t]+{_STATE})?"
_ITEM = rf"(?:\d+\w?|{_SAINT}{WORD}|{WORD})"
_LINE = rf"{_ITEM}(?:[ \t]*,?[ \t]+{_ITEM}){{0,9}}"  # up to a clinical word or a stop

RULES = (
    *rules(
        "institution",
        r"^[ \t]*(?:hospital|institution|facility|clinic|site|practice)[ \t]*:[ \t]*"
        rf"(?P<gone>{_LINE})",
        rf"(?<![\w-])(?P<gone>{_PART}(?:{_BETWEEN}{_PART}){{0,4}}[ \t]+{_CARE}"
        rf"(?:[ \t]+of[ \t]+{CAPITAL}(?:[ \t]+{CAPITAL}){{0,2}})?)",
    ),
    *rules(
        "address",
        rf"\b(?:(?:home|street)[ \t]+)?address[ \t]*:[ \t]*(?P<gone>{_LINE})",
        rf"(?<![\w.])(?P<gone>\d{{1,5}}[A-Z]?,?[ \t]+(?:{CAPITAL}[ \t]+){{1,3}}"
        rf"(?-i:{_STREETS.title()}|{_STREETS.upper()})(?!\w)(?:{_FLAT})?(?:{_TOWN})?)",
        rf"(?<=,[ \t])(?P<gone>{_STATE})\b",
        # a British postcode; its end holds no C, I, K, M, O, V, so "T2 3CM" is none
        r"\b(?P<gone>(?-i:[A-Z]{1,2}\d[A-Z\d]?[ \t]\d[ABD-HJLNP-UW-Z]{2}))\b",
    ),
)
