"""Names of people: after a label, a title or a verb of signing, or before a degree."""

from sequela.conditioning.reports.identifiers.rule import rules
from sequela.conditioning.reports.identifiers.words import NOT_A_NAME

_LETTERS = r"[^\W\d_]*(?:['\u2019-][^\W\d_]+)*"
WORD = rf"{NOT_A_NAME}[^\W\d_]{_LETTERS}(?!\w)"
CAPITAL = rf"{NOT_A_NAME}(?-i:[A-ZÀ-ÖØ-Þ]){_LETTERS}(?!\w)"
PARTICLE = r"(?:van|von|der|den|de|del|della|di|da|la|le|el|al|bin|ibn|ben)"

_INITIAL = r"(?-i:[A-Z])\."
_INITIALS = rf"(?:{_INITIAL}[ \t]*){{0,3}}"
_NEXT = rf"(?:{PARTICLE}[ \t]+)*(?:{_INITIAL}|{CAPITAL})"
_FIRST = rf"{_INITIALS}(?:{PARTICLE}[ \t]+)*{CAPITAL}"
_NAME = rf"{_FIRST}(?:[ \t]*,?[ \t]+{_NEXT}){{0,3}}"
_TWO_NAMES = rf"{_FIRST}(?:[ \t]+{_NEXT}){{1,3}}|{_INITIAL}[ \t]*{CAPITAL}"
# People type "john smith" into forms. A stop ends the name, but after an initial.
_PART = rf"(?:[^\W\d_]\.|{WORD})"
_LABELLED = rf"{_PART}(?:[ \t]*,?[ \t]+{_PART}){{0,4}}"

_NAME_LABELS = (
    r"(?:(?:patient(?:['\u2019]s)?|pt|full|first|given|last|family|maiden)[ \t]+)?(?:name|surname)"
)
_ROLES = (
    r"(?:referring|reading|attending|ordering|interpreting|requesting|reporting|consulting|primary)"
    r"(?:[ \t]+(?:physician|doctor|provider|radiologist|clinician|consultant|md|dr\.?))?|"
    r"patient|pt|radiologist|physician|doctor|provider|consultant|technologist|radiographer|"
    r"transcriptionist|resident|fellow|registrar|trainee|gp|author|referrer|"
    r"next of kin|mother|father|guardian|attn|"
    r"(?:(?:electronically[ \t]+)?signed|transcribed|dictated|reported|read|approved|verified|"
    r"referred|requested|reviewed|interpreted)[ \t]+by"
)
_TOLD = (
    r"(?:signed|transcribed|dictated|reported|read|approved|verified|referred|requested|reviewed|"
    r"interpreted|discussed|communicated|called|paged|telephoned)[ \t]+(?:by|to|with)"
)
_TITLES = r"Dr|Mr|Mrs|Ms|Miss|Mx|Prof|Professor|Doctor|Sister|Nurse"
_SHORT_TITLE = r"(?:(?:dr|mr|mrs|ms|prof)\b\.?[ \t]+)?"
_DEGREES = r"MD|M\.D\.|DO|D\.O\.|FRCR|FRCP|MBBS|MBChB|PhD|RN|PA-C|NP"

RULES = rules(
    "name",
    rf"(?<![\w-]){_NAME_LABELS}(?:[ \t]*[:=]|[ \t]+-)[ \t]*{_SHORT_TITLE}(?P<gone>{_LABELLED})",
    rf"(?<![\w-])(?:{_ROLES})[ \t]*:[ \t]*{_SHORT_TITLE}(?P<gone>{_LABELLED})",
    rf"\b(?-i:{_TITLES})\b\.?[ \t]+(?P<gone>{_NAME})",
    # In capitals DR is diabetic retinopathy too, so here a word before it must point to a person.
    rf"\b(?:by|to|with|from|cc:?|attn:?)[ \t]+(?:DR|MR|MRS|MS|PROF)\b\.?[ \t]+(?P<gone>{_NAME})",
    rf"\b{_TOLD}[ \t]+(?P<gone>{_TWO_NAMES})",
    rf"\b(?P<gone>{_TWO_NAMES})(?=,?[ \t]+(?-i:{_DEGREES})(?!\w))",
    rf"\b(?-i:Patient|patient|Pt|pt)\.?[ \t]+(?P<gone>{_TWO_NAMES})",
)
