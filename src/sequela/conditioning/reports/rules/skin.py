"""What dermoscopy reports call things.

The signs are those of the revised pattern analysis: Argenziano et al., "Dermoscopy of pigmented
skin lesions", J Am Acad Dermatol 2003;48:679-93. A sign alone makes a diagnosis possible only.
"""

from sequela.conditioning.reports.rules.lexicon import Lexicon

SKIN_LEXICON = Lexicon(
    domain="skin",
    modality=(
        r"dermos?cop\w*|dermatos?cop\w*|dermoscop\w+",
        r"skin",
        r"cutaneous",
        r"(?:pigmented|melanocytic|nevoid) (?:\w+ )?lesions?",
        r"moles?",
    ),
    findings={
        "actinic keratoses and intraepithelial carcinoma": (
            r"actinic keratos[ei]s",
            r"(?:solar|senile) keratos[ei]s",
            r"bowen'?s?(?: disease)?",
            r"intra ?epithelial carcinoma",
            r"squamous cell carcinoma in situ",
        ),
        "basal cell carcinoma": (
            r"basal cell(?: carcinomas?| cancers?)?",
            r"bccs?",
            r"basalioma",
        ),
        "benign keratosis-like lesions": (
            r"seborrheic keratos[ei]s",
            r"benign keratos[ei]s(?: like lesions?)?",
            r"(?:solar )?lentigo|lentigines",
            r"lichen planus like keratos[ei]s",
            r"seb ?k",
        ),
        "dermatofibroma": (r"dermato ?fibromas?", r"histiocytoma"),
        "melanoma": (r"(?:malignant )?melanomas?", r"lentigo maligna(?: melanoma)?"),
        "melanocytic nevi": (
            r"(?:melanocytic |benign |dysplastic |junctional |compound |blue |spitz )*nev(?:us|i)",
            r"(?:benign )?moles?",
        ),
        "vascular lesions": (
            r"(?:benign )?vascular lesions?",
            r"(?:cherry )?(?:hem)?angio(?:mas?|keratomas?)",
            r"pyogenic granulomas?",
        ),
    },
    signs={
        "melanoma": (
            r"asymmetr(?:y|ic|ical)(?: \w+){0,2}(?: lesions?)?",
            r"irregular (?:borders?|margins?|streaks|dots(?: and globules)?|pigmentation|blotches)",
            r"irregularly (?:bordered|pigmented)",
            r"blue white (?:veil|structures?)",
            r"atypical (?:pigment )?network",
            r"multiple colors",
            r"regression structures",
            r"radial streaming|pseudopods",
        ),
        "basal cell carcinoma": (
            r"arborizing (?:vessels|telangiectas\w+)",
            r"pearly (?:papule|nodule|border)s?",
            r"leaf like (?:areas|structures)",
            r"spoke wheel(?: areas| structures)?",
            r"blue gr[ae]y ovoid nests",
        ),
        "benign keratosis-like lesions": (
            r"milia like cysts",
            r"comedo like openings",
            r"(?:cerebriform|brain like) (?:pattern|surface)",
            r"stuck on (?:appearance|lesion|papule|plaque)",
        ),
        "vascular lesions": (r"(?:red|blue red|red blue|purple) (?:lacunae|lagoons)",),
        "dermatofibroma": (r"central white (?:patch|scar|scar like patch)", r"dimple sign"),
        "actinic keratoses and intraepithelial carcinoma": (
            r"strawberry pattern",
            r"(?:coiled|glomerular) vessels",
        ),
    },
    normal=(
        r"benign (?:\w+ )?lesions?",
        r"regular (?:pigment )?network",
        r"symmetric(?:al)?",
        r"no (?:\w+ ){0,2}?(?:malignancy|atypia|suspicious features)",
    ),
    other=(
        r"pigmented lesion with no asymmetry",
        r"an image of skin",
    ),
    places={
        name: (phrase,)
        for name, phrase in {
            "forearm": r"forearms?",
            "arm": r"(?:upper )?arms?",
            "hand": r"hands?",
            "finger": r"fingers?",
            "leg": r"(?:lower )?legs?|calf|shin",
            "thigh": r"thighs?",
            "foot": r"foot|feet|sole",
            "back": r"back",
            "trunk": r"trunk|flank",
            "abdomen": r"abdom\w+",
            "breast": r"breasts?|chest",
            "shoulder": r"shoulders?",
            "neck": r"neck",
            "face": r"face|facial",
            "nose": r"nose|nasal",
            "cheek": r"cheeks?",
            "forehead": r"forehead",
            "ear": r"ears?",
            "scalp": r"scalp",
        }.items()
    },
)
