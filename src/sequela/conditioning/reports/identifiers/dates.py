"""Dates and ages: days and months go, years and words like "last week" stay."""

from sequela.conditioning.reports.identifiers.rule import rules

# May is a verb in every second report, so it counts less readily than the other months.
_MONTHS_BUT_MAY = (
    r"(?:january|february|march|april|june|july|august|september|october|november|december|"
    r"jan|feb|mar|apr|jun|jul|aug|sept?|oct|nov|dec)\b\.?"
)
_MAY = r"(?-i:May|MAY)\b"
_MONTH = rf"(?:{_MONTHS_BUT_MAY}|{_MAY})"
_DAY = r"(?:0?[1-9]|[12]\d|3[01])"
_MONTH_NUMBER = r"(?:0?[1-9]|1[0-2])"
_YEAR = r"(?:19|20)\d\d"
_DAY_MONTH = rf"(?:{_MONTH_NUMBER}/{_DAY}|{_DAY}/{_MONTH_NUMBER})"
_TIME_WORD = (
    r"\b(?:on|of|dated|from|since|until|till|to|by|"
    r"(?:mon|tues?|wed(?:nes)?|thu(?:rs)?|fri|sat(?:ur)?|sun)(?:day)?\.?,?)[ \t]+"
)
_ORDINAL = r"(?:st|nd|rd|th)"
_THEN_YEAR = rf"[ \t,.-]*{_YEAR}\b"
_ALONE = r"(?<![\d./-])"
_UNIT = r"(?![ \t]*(?:mm|cm|mg|ml|x)\b|%|[./-]?\d)"

_BIRTH = r"\b(?:dob|d\.o\.b\.|date of birth|birth ?date|born(?: on)?)[ \t:]+"
_NINETIES = r"(?:9\d|1[0-2]\d)"
_NINETIES_IN_WORDS = (
    r"(?:ninety(?:[ -](?:one|two|three|four|five|six|seven|eight|nine))?|"
    r"(?:one|a)[ -]hundred(?:[ -]and)?(?:[ -](?:one|two|three|four|five|six|seven|eight|nine))?)"
)

RULES = (
    *rules(
        "date",
        rf"{_BIRTH}(?P<gone>\d[\d./ -]*\d|{_MONTH}[ \t]+\d[\d, ]*\d|{_DAY}[ \t]+{_MONTH}[ \t]+\d+)",
        rf"{_ALONE}(?P<gone>{_YEAR}(?P<dash>[-/.]){_MONTH_NUMBER}(?P=dash){_DAY})(?![\d/]|[.-]\d)",
        rf"{_ALONE}(?P<gone>{_DAY}(?P<dash>[-/.]){_MONTH_NUMBER}(?P=dash)(?:{_YEAR}|\d\d))"
        r"(?![\d/]|[.-]\d)",
        rf"{_ALONE}(?P<gone>{_MONTH_NUMBER}(?P<dash>[-/.]){_DAY}(?P=dash)(?:{_YEAR}|\d\d))"
        r"(?![\d/]|[.-]\d)",
        rf"{_ALONE}(?P<gone>{_MONTH_NUMBER}/{_YEAR})(?![\d/])",
        rf"{_TIME_WORD}(?P<gone>{_DAY_MONTH}){_UNIT}",
        rf"\b(?P<gone>{_DAY}{_ORDINAL}?(?:[ \t]+of)?[ \t.-]*{_MONTH}{_THEN_YEAR})",
        rf"\b(?P<gone>{_DAY}{_ORDINAL}?(?:[ \t]+of)?[ \t-]*{_MONTHS_BUT_MAY})(?!\w)",
        rf"\b(?P<gone>{_DAY}{_ORDINAL}(?:[ \t]+of)?[ \t]+{_MAY})",
        rf"{_TIME_WORD}(?P<gone>{_DAY}[ \t]+{_MAY})",
        rf"\b(?P<gone>{_MONTH}[ \t]+{_DAY}{_ORDINAL}?\b[ \t]*,?[ \t]*{_YEAR})\b",
        rf"\b(?P<gone>{_MONTH}[ \t]+{_DAY}{_ORDINAL}?)\b{_UNIT}",
        rf"\b(?P<gone>{_MONTH}[ \t,]+{_YEAR})\b",
    ),
    *rules(
        "age over 89",
        rf"(?<![\d.])(?P<gone>{_NINETIES})(?=[ -]?(?:year|yr|y/o|yo\b|y\.o\.))",
        rf"(?<![\d.])(?P<gone>{_NINETIES})(?=[ \t]?(?-i:[MF])\b)",
        rf"\baged?(?:[ \t]*[:=])?[ \t]+(?P<gone>{_NINETIES})\b(?![.%]\d|%)",
        rf"\b(?:man|woman|male|female),?[ \t]+(?P<gone>{_NINETIES})\b(?![.%/]\d|%|[ \t]*\w)",
        rf"\b(?P<gone>{_NINETIES_IN_WORDS})(?=[ -]+years?\b)",
    ),
)
