"""Numbers and links: of records, telephones, mail and web."""

from sequela.conditioning.reports.identifiers.rule import rules

_NUMBER = r"(?:[ \t]*(?:number|no\.?|id|#))"
_LABELS = (
    rf"m\.?r\.?n\.?|(?:medical[ \t]+)?record{_NUMBER}|medical[ \t]+record|"
    r"(?:hospital|chart|account|acct|case|file|order|visit|encounter|policy|member|licen[cs]e|"
    rf"requisition|specimen|exam|study|patient|pt){_NUMBER}|"
    rf"accession{_NUMBER}?|acc(?:\.{_NUMBER}?|{_NUMBER})|"
    rf"pid|id|uid|uhid|ssn|(?:nhs|chi|social[ \t]+security){_NUMBER}?"
)
_CODE = r"(?=[A-Z/-]{0,6}\d)[A-Z0-9][A-Z0-9/-]{2,}(?:\.[A-Z0-9]+)*"
_PHONE_LABELS = (
    r"tel|telephone|phone|fax|pager|mobile|cell|beeper|bleep|extension|ext|call(?: back)?"
)

LINKS = (
    *rules("email", r"(?P<gone>\b[\w.+-]+@[\w-]+(?:\.[\w-]+)+)"),
    *rules("url", r"(?P<gone>\b(?:https?://|www\.)[^\s\[\]]+)"),
)
RULES = (
    *rules(
        "number",
        rf"\b(?:{_LABELS})(?:[ \t]+is\b)?[ \t:#=.]*(?P<gone>\d{{3}} \d{{3}} \d{{4}}|{_CODE})(?!\w)",
        r"(?P<gone>\b\d{3}-\d{2}-\d{4}\b)",
        r"(?P<gone>\b\d+(?:\.\d+){4,}\b)",
    ),
    *rules(
        "phone",
        r"(?P<gone>(?<![\w.])\+\d{1,3}[ \t.-]?(?:\(\d+\)[ \t]?)?\d[\d \t.-]{5,}\d)\b",
        r"(?P<gone>(?<![\w.])(?:\(\d{3}\)[ \t]?|\d{3}[-. \t])\d{3}[-. ]\d{4})\b",
        r"(?<![\w.])(?P<gone>0\d{2,4}[ \t-]\d{3,4}[ \t-]?\d{3,4})\b",
        r"\b(?:at|call|dial)[ \t]+(?P<gone>x[ \t]?\d{3,5})\b",
        rf"\b(?:{_PHONE_LABELS})\b{_NUMBER}?[ \t.:#]*(?P<gone>[+(]?\d[\d()\t .-]{{1,}}\d)\b",
    ),
    *rules(
        "number",
        r"(?<![\d.])(?P<gone>(?:[A-Z]{1,4}-?)?\d{7,})(?![\d.]\d|\w)",
        r"(?<![\w.])(?P<gone>[A-Z]{2,4}-?\d{5,})(?!\w)",
    ),
)
