"""The words of chest X-rays, fundus photographs and dermoscopies.

Source of the labels: the published data loaders of Liang et al., "PIE", arXiv:2309.11745, and for
chest films the labels of NIH ChestX-ray14 (Wang et al., CVPR 2017). The grades of retinopathy are
ours: the published loader tells only healthy from diabetic.
"""

from sequela.conditioning.vocabulary.vocabulary import Vocabulary
from sequela.core.checks import check_choice

CHEST = Vocabulary(
    domain="chest",
    title="chest X-rays",
    instance_prompt="A chest X-ray image",
    reference="No Finding",
    findings=(
        "Atelectasis",
        "COVID-19",
        "Cardiomegaly",
        "Consolidation",
        "Edema",
        "Effusion",
        "Emphysema",
        "Fibrosis",
        "Hernia",
        "Infiltration",
        "Mass",
        "Nodule",
        "Pleural Thickening",
        "Pneumonia",
        "Pneumothorax",
    ),
    synonyms={
        "pleural effusion": "Effusion",
        "enlarged heart": "Cardiomegaly",
        "pulmonary edema": "Edema",
        "pulmonary oedema": "Edema",
        "oedema": "Edema",
        "collapse": "Atelectasis",
        "infiltrate": "Infiltration",
        "opacity": "Infiltration",
        "covid": "COVID-19",
        "pulmonary fibrosis": "Fibrosis",
        "normal": "No Finding",
        "healthy": "No Finding",
    },
    further=(  # CheXpert's
        "Enlarged Cardiomediastinum",
        "Fracture",
        "Lung Lesion",
        "Lung Opacity",
        "Pleural Other",
        "Support Devices",
    ),
    silent=True,
    sorted_as={"Effusion": "Pleural Effusion"},  # the published loader sorts, then renames
)

FUNDUS = Vocabulary(
    domain="fundus",
    title="fundus photographs",
    instance_prompt="A retinopathy image",
    reference="healthy",
    findings=("diabetic", "mild", "moderate", "severe", "proliferative", "exudates"),
    synonyms={
        "diabetic retinopathy": "diabetic",
        "retinopathy": "diabetic",
        "dr": "diabetic",
        "mild diabetic retinopathy": "mild",
        "moderate diabetic retinopathy": "moderate",
        "severe diabetic retinopathy": "severe",
        "proliferative diabetic retinopathy": "proliferative",
        "mild npdr": "mild",
        "moderate npdr": "moderate",
        "severe npdr": "severe",
        "pdr": "proliferative",
        "no finding": "healthy",
        "no diabetic retinopathy": "healthy",
        "normal": "healthy",
    },
)

SKIN = Vocabulary(
    domain="skin",
    title="dermoscopies",
    instance_prompt="An image of skin",
    reference="melanocytic nevi",  # these sets hold no healthy skin
    findings=(
        "actinic keratoses and intraepithelial carcinoma",
        "basal cell carcinoma",
        "benign keratosis-like lesions",
        "dermatofibroma",
        "melanoma",
        "vascular lesions",
    ),
    synonyms={
        "nevus": "melanocytic nevi",
        "naevus": "melanocytic nevi",
        "mole": "melanocytic nevi",
        "actinic keratosis": "actinic keratoses and intraepithelial carcinoma",
        "bowen's disease": "actinic keratoses and intraepithelial carcinoma",
        "bcc": "basal cell carcinoma",
        "basal cell": "basal cell carcinoma",
        "seborrheic keratosis": "benign keratosis-like lesions",
        "benign keratosis": "benign keratosis-like lesions",
        "malignant melanoma": "melanoma",
        "vascular lesion": "vascular lesions",
    },
)

VOCABULARIES = {vocabulary.domain: vocabulary for vocabulary in (CHEST, FUNDUS, SKIN)}


def vocabulary_of(domain: str) -> Vocabulary:
    """The words of a domain.

    Raises:
        UnknownNameError: No such domain.
    """
    check_choice("domain", domain, VOCABULARIES)
    return VOCABULARIES[domain]
