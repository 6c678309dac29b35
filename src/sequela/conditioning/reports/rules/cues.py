"""Cues: words that negate a finding, doubt it or put it into the past, and how far they reach.

In the manner of NegEx: a cue reaches forwards or backwards until a word that ends its scope; what
only looks like a cue ("no change in") is found first and shields its words.

Source: Chapman et al., "A simple algorithm for identifying negated findings and diseases in
discharge summaries", J Biomed Inform 2001;34:301-310. The word lists are ours.
"""

import re

from sequela.conditioning.reports.rules.lexicon import any_of

_STRENGTH = (
    "(?:new|other|further|additional|focal|definite|obvious|significant|acute|large|gross|"
    "convincing|discrete|residual|clear|evident|frank|overt|appreciable|sizable|sizeable)"
)
_CHANGE = (
    "(?:change|changes|increase|decrease|improvement|worsening|progression|difference|"
    "alteration|reduction|growth|resolution)"
)
_CHANGED = (
    "(?:changed|improved|increased|decreased|worsened|progressed|resolved|cleared|resolving|"
    "clearing|normalized)"
)
_SEEN = (
    "(?:seen|present|identified|visible|visualized|evident|noted|appreciated|demonstrated|"
    "detected|observed|found|recognized|recognizable|apparent|shown|there)"
)
_BE = r"(?:(?:is|are|was|were|be|has|have|had|remains?)(?: now| also)?(?: been)? )"


def _after(words: str) -> tuple[str, str]:
    """`words` behind the finding: after a verb, or closing the statement."""
    return rf"{_BE}(?:\w+ )?{words}", rf"{words}(?=$| ?[,;.])"


SHIELDS = any_of(
    (
        rf"(?:no|without|not)(?: \w+){{0,3}}? {_CHANGE}(?: in| of| from)?",
        r"not only",
        r"(?:no|without(?: a)?|little) (?:doubt|question)",
        r"gram negative",
        rf"(?:not|without|non|never)(?: \w+){{0,2}}? {_CHANGED}",
        r"(?:partial|incomplete|near complete|partially|incompletely)(?: \w+)? "
        r"(?:resolution|clearing|resolved|cleared)(?: of)?",
        r"previously (?:seen|noted|described|identified|reported|demonstrated|known)",
        r"no longer (?:normal|clear)",
        r"if not",
        r"as likely as not",
        r"to (?:suggest|indicate)",
    )
)

NO_BEFORE = any_of(
    (
        r"no(?: radiographic| radiological)?(?: evidence| signs?| features?| suggestion)?(?: of)?",
        r"not(?: an?)?",
        r"without(?: evidence of)?",
        r"(?:negative|clear) (?:for|of)",
        r"free (?:of|from)",
        r"(?:absence|lack) of",
        r"neither|nor|never|den(?:y|ies|ied)|lacks?",
        r"(?:resolution|clearing|disappearance|removal) of(?: the)?",
        r"resolved",
        r"rather than|instead of",
        r"(?:argues?|speaks?) against",
        r"excludes|rules out",
        r"unlikely to (?:be|represent)",
    )
)
WEAK_NO_BEFORE = any_of((rf"(?:no|without)(?: evidence of)?(?: any)?(?: {_STRENGTH})+",))
NO_AFTER = any_of(
    (
        rf"{_BE}?(?:not|no longer)(?: \w+)? {_SEEN}",
        *_after(r"(?:resolved|cleared|disappeared|gone|removed|withdrawn|extracted)"),
        *_after(r"(?:absent|ruled out|excluded|unlikely|improbable|negative|none)"),
    )
)

MAYBE_BEFORE = any_of(
    (
        r"possib(?:le|ly|ility of)|probabl[ey]|likely|presumed|presumably|perhaps|maybe",
        r"(?:may|might|could|can)(?: also| well)? (?:represent|reflect|be|indicate|suggest)",
        r"suggest(?:s|ing|ive of|ed)?(?: the possibility of)?",
        r"suspect(?:ed|s)?(?: of)?|suspicious(?: for| of)?|suspicion(?: for| of)",
        r"concern(?:ing)?(?: for| of| about)?|worrisome for",
        r"questionable|question of|equivocal|indeterminate",
        r"(?:cannot|can not|can't|could not|not|difficult to|unable to)(?: be)?"
        r"(?: entirely| completely)? (?:exclude|rule out)",
        r"borderline",
        r"versus|vs\.?",
        r"differential(?: diagnosis)?(?: includes?)?(?: of)?",
        r"less likely|more likely|either",
        r"raises? the (?:possibility|question|suspicion) of",
        r"resembl(?:es?|ing)",
    )
)
MARKED_BEFORE = re.compile(r"\?(?= ?\w)")  # "? pneumonia"
MARKED_AFTER = re.compile(r"(?<=\w)\?(?!\w)")  # "pneumonia?"
# Doubt that a negation in front of it turns into a denial: "no opacity suspicious for a mass".
DENIABLE = re.compile(r"suggest|suspicious|concern|worrisome|resembl")
MAYBE_AFTER = any_of(
    (
        r"(?:cannot|can not|can't|could not)(?: be)?(?: \w+)? (?:excluded|ruled out)",
        rf"{_BE}?not (?:entirely |completely )?(?:excluded|ruled out)",
        *_after(r"(?:possible|probable|likely|suspected|questioned|questionable|considered)"),
        r"versus|vs\.?",
        r"(?:to|must) be (?:considered|excluded)",
    )
)

PAST_BEFORE = any_of(
    (
        r"history of|status post|post",
        r"rule out|evaluate for|assess for|assessment for|query",
        r"look(?:ing)? for|search for|check for",
        r"previously|formerly",
        r"(?:prior|previous|last) (?:study|film|radiograph|examination|exam|x ?ray|cxr)(?: \w+)? "
        r"(?:showed|showing|demonstrated|with|revealed)",
        r"(?:symptoms?|risk|treated|treatment|therapy|vaccinated) (?:of|for|against)",
        r"(?:transferred|referred|admitted|hospitalized) for|return if|in case of|should there be",
        r"contacts? with|exposure to|areas? at risk|pandemic|vaccines?",
        r"(?:family history|husband|wife|mother|father)(?: of)?",
    )
)

_CONTRAST = (
    r",? (?:but|however|although|though|whereas|while|yet|except(?: for)?|apart from|"
    r"aside from|other than|nevertheless|now|today|otherwise)(?= |$)"
)
_NEW_CLAUSE = (
    r",? and (?=there |an? |is |has |definite |new |residual |increased |persistent )|, which |"
    r", there |, (?=no )"
)
_WITH = r",? (?<!associated )(?<!consistent )(?<!compatible )(?<!keeping )with (?!out)"
# A new statement after a list: "no effusion, small left pneumothorax"; with "or" it goes on.
_NEW_ITEM = (
    r", (?=(?:an? |the |mild|moderate|severe|small|large|trace|tiny|minimal|left|right|bilateral|"
    r"patchy|stable|unchanged|increased|new )(?!.* or ))"
)
END_FORWARD = re.compile(rf";|:|{_CONTRAST}|{_NEW_CLAUSE}|{_WITH}|{_NEW_ITEM}")
END_BACKWARD = re.compile(
    rf";|{_CONTRAST}|\b(?:is|are|was|were|has|have|shows?|present|without|no|with)\b"
    r"|\band the\b|\b(?:seen|noted),"
)
EXCEPT = re.compile(r"\b(?:except(?: for)?|apart from|aside from|other than)\b")
