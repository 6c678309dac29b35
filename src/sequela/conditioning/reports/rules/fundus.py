"""What reports of the retina call things.

The signs give the grade of the international scale: Wilkinson et al., "Proposed international
clinical diabetic retinopathy and diabetic macular edema disease severity scales", Ophthalmology
2003;110:1677-82. Macular oedema is no part of it, and neither is it of the vocabulary.
"""

from sequela.conditioning.reports.rules.lexicon import Lexicon

_BLEED = r"(?:hemorrhages?|bleed(?:s|ing)?)"

FUNDUS_LEXICON = Lexicon(
    domain="fundus",
    modality=(
        r"fund(?:us|i|oscop\w+)",
        r"retin(?:a|ae|al|opathy)",
        r"(?:left|right|both) eyes?",
        r"macul(?:a|ar|opathy)",
        r"optic (?:disc|nerve|cup)",
        r"ophthalm\w+",
        r"vitreous",
    ),
    findings={
        "diabetic": (
            r"(?:background )?(?:nonproliferative )?diabetic retinopathy",
            r"npdr",
            r"dr",
            r"(?:diabetic )?retinopathy",
            r"diabetic macul(?:ar edema|opathy)",
            r"dme",
            r"diabetic (?:changes|fundus|eye disease)",
        ),
        "proliferative": (
            r"proliferative (?:diabetic )?retinopathy",
            r"proliferative (?:dr|disease|changes)",
            r"pdr",
        ),
    },
    signs={
        "mild": (r"micro ?aneurysms?",),
        "moderate": (
            r"(?:dot |blot |dot and blot |flame |flame shaped |retinal |intra ?retinal )*"
            rf"{_BLEED}",
            r"(?:hard |lipid |soft )?exudates?",
            r"cotton wool(?: spots?| patches)?",
        ),
        "severe": (
            r"venous (?:beading|looping|loops)",
            r"irmas?",
            r"intra ?retinal microvascular abnormalit(?:y|ies)",
            rf"{_BLEED}(?: \w+){{0,2}} (?:all )?(?:four|4) quadrants",
        ),
        "proliferative": (
            r"neovascularization(?: elsewhere| of the (?:optic )?disc| of the retina)?",
            r"new vessels(?: elsewhere| of the disc| on the disc)?",
            r"nv[de]",
            rf"(?:vitreous|pre ?retinal|sub ?hyaloid) {_BLEED}",
            r"(?:tractional|traction) (?:retinal )?detachment",
            r"fibrovascular (?:proliferation|membranes?|tissue)",
        ),
    },
    normal=(
        r"(?:normal|healthy|unremarkable) (?:\w+ )?(?:fund(?:us|i)|retinas?|eyes?|macula|"
        r"(?:optic )?disc|vessels|examination|photographs?)",
        r"(?:fund(?:us|i)|retinas?|macula|optic disc|disc|vessels|eyes?)(?:\W+\w+){0,4}?\W+"
        r"(?:normal|healthy|unremarkable|flat and pink)",
        r"no (?:\w+ ){0,2}?(?:abnormalit(?:y|ies)|disease|changes|findings?)",
        r"unremarkable|within normal limits",
    ),
    other=(
        r"hypertensive retinopathy",
        r"retinopathy of prematurity",
        r"macular edema",
        r"sub ?conjunctival hemorrhages?",
        r"a retinopathy image",
    ),
    places={
        "macula": (r"macul(?:a|ar)|fovea\w*",),
        "disc": (r"(?:optic )?(?:disc|nerve head)|nvd",),
        "temporal": (r"temporal(?:ly)?",),
        "nasal": (r"nasal(?:ly)?",),
        "superior": (r"superior(?:ly)?",),
        "inferior": (r"inferior(?:ly)?",),
        "periphery": (r"peripher\w+",),
    },
)
