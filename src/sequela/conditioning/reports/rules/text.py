"""Text: a report as plain sentences, without the sections that tell of no finding."""

import re
from dataclasses import dataclass

# Longer headings first: "clinical history" before "history".
_SKIPPED = (
    "clinical indication|reason for (?:exam\\w*|study|this examination)|clinical (?:history|"
    "information|details|data|question)|past medical history|medical history|patient history|"
    "indications?|history|technique|comparison|procedure|examination|exam|"
    "recommendations?|differential(?: diagnosis)?|referring physician|anamnesis"
)
_KEPT = (
    "findings?|imaging (?:findings|notes?)|impression|conclusions?|opinion|report|results?|"
    "discussion|assessment|interpretation|summary|diagnosis|addendum"
)
_HEADING = re.compile(
    rf"(?:^|(?<=[\n.;]))[ \t]*(?:(?P<skipped>{_SKIPPED})|(?P<kept>{_KEPT}))"
    r"[ \t]*:",
    re.IGNORECASE,
)
_STOP = re.compile(
    r"(?<!\bDr)(?<!\bMr)(?<!\bno)(?<!\ba\.m)(?<!\bvs)[.!](?=\s|$)|;|(?<=[\w)]\?)(?=\s|$)"
    r"|(?<=[a-z)])\.(?=[A-Z])"
    r"|\n\s*\n|\n(?=\s*(?:[-*•]|\d+[.)]|[A-Za-z][\w ]{0,24}:))|(?<=:)\n"
)
_SHOWN = re.compile(
    r"(?<=[.;] )[^.;]*(?:x-?ray|cxr|radiograph|film|photograph|dermoscopy)[^.;]*"
    r"(?:show|demonstrates?|demonstrating|reveal)",
    re.IGNORECASE,
)
# What goes on for longer than this is a list without stops, and is cut between two words.
_LONG = re.compile(r"\S(?:.{0,600}(?!\S)|.{600})", re.DOTALL)
_NOT_TEXT = re.compile(r"\[\*\*.*?\*\*\]|_{2,}|\([^()]*(?:series|image|fig)[^()]*\)")

_SPELLINGS = (
    (r"œ", "oe"),
    (r"oedema", "edema"),
    (r"haem", "hem"),
    (r"\bnaev", "nev"),
    (r"rrhoe", "rrhe"),
    (r"isation\b", "ization"),
    (r"\btumour", "tumor"),
    (r"\bcolour", "color"),
    (r"borizing|borising", "borizing"),
    (r"\bnon[ -]?proliferative", "nonproliferative"),
    (r"(?<=[a-z0-9])[-\u2013\u2014/](?=[a-z0-9])", " "),
    (r"\bfollow up\b", "followup"),
)
# As typed: capitals tell "L" from a litre and "CM" from centimetres.
_SHORT = (
    (r"\b(?:Dr|DR|dr)\. ?(?=[A-Z])", ""),
    (r"\bw/o\b", "without"),
    (r"\bc/w\b", "consistent with"),
    (r"\bs/p\b", "status post"),
    (r"\bh/o\b", "history of"),
    (r"\br/o\b", "rule out"),
    (r"\b[bB]/[lL]\b", "bilateral"),
    (r"\bw/ ?", "with "),
    (r"\bOD\b", "right eye"),
    (r"\bOS\b", "left eye"),
    (r"\bOU\b", "both eyes"),
    (r"\bR(?= ?[<>] ?L\b)", "right"),
    (r"(?<=[<>])( ?)L\b", r"\1left"),
    (r"(?<![\d.] )(?<![\d.])\bL\b(?!\d)", "left"),
    (r"(?<![\d.] )(?<![\d.])\bR\b(?!\d)", "right"),
    (r"(?<![\d.] )(?<![\d.])\bCM\b\+?", "cardiomegaly"),
)
_ABBREVIATIONS = {
    "rul": "right upper lobe",
    "rml": "right middle lobe",
    "rll": "right lower lobe",
    "lul": "left upper lobe",
    "lll": "left lower lobe",
    "ptx": "pneumothorax",
    "ptxs": "pneumothoraces",
    "pna": "pneumonia",
    "eff": "effusion",
    "effs": "effusions",
    "infiltr": "infiltrate",
    "atx": "atelectasis",
    "cmg": "cardiomegaly",
    "sm": "small",
    "mod": "moderate",
    "sev": "severe",
    "bilat": "bilateral",
    "ggo": "ground glass opacity",
    "ggos": "ground glass opacities",
}
_PLAIN = [(re.compile(pattern), to) for pattern, to in _SPELLINGS]
_TYPED = [(re.compile(pattern), to) for pattern, to in _SHORT]
# "right greater than left" tells nothing that "both" does not.
_COMPARED = re.compile(
    r",?\s*\(?(?:right|left)(?: side| lung)?\s*(?:(?:is |being )?(?:greater|more|less|worse|larger|"
    r"smaller)(?: \w+)? than|[<>]+)\s*(?:the |on the )?(?:right|left)\)?"
)


@dataclass(frozen=True, kw_only=True)
class Sentence:
    """One sentence of a report.

    Attributes:
        words: As the report has it, blanks collapsed.
        plain: Lower case, American spelling, abbreviations written out.
    """

    words: str
    plain: str


def sentences(text: str, *, all_sections: bool = False) -> list[Sentence]:
    """The sentences of the sections that tell findings, or of all sections."""
    sections = [text] if all_sections else _sections(text)
    parts = [p for section in sections for p in _STOP.split(section)]
    parts = [piece for part in parts for piece in _LONG.findall(part)]
    worded = [" ".join(part.split()) for part in parts]
    return [Sentence(words=w.strip(" -*•"), plain=plain(w)) for w in worded if re.search(r"\w", w)]


def plain(words: str) -> str:
    """Lower case, American spelling, no hyphens, abbreviations written out."""
    text = _NOT_TEXT.sub(" ", words)
    for pattern, to in _TYPED:
        text = pattern.sub(to, text)
    text = text.lower().replace("\u2019", "'")
    for pattern, to in _PLAIN:
        text = pattern.sub(to, text)
    text = re.sub(r"[a-z]+", lambda m: _ABBREVIATIONS.get(m.group(), m.group()), text)
    return " ".join(_COMPARED.sub(" ", text).split())


def _sections(text: str) -> list[str]:
    """The text between headings, without sections on why and how the image was taken."""
    marks = list(_HEADING.finditer(text))
    if not marks:
        return [text]
    kept = [text[: marks[0].start()]]
    ends = [mark.start() for mark in marks[1:]] + [len(text)]
    for mark, end in zip(marks, ends, strict=True):
        body = text[mark.end() : end]
        if mark["skipped"]:
            body = _after_skipped(body)
        kept.append(body)
    return kept


def _after_skipped(body: str) -> str:
    """What follows such a section without a heading: after a blank line, or about an image."""
    rest = body.strip("\n").partition("\n\n")[2]
    shown = _SHOWN.search(body)
    return rest or (body[shown.start() :] if shown else "")
