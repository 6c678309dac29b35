"""Where each finding of a fundus photograph or a dermoscopy usually shows.

Sources, by the letters in the tables:
    E  ETDRS Research Group, "Grading diabetic retinopathy from stereoscopic color fundus
       photographs", Ophthalmology 1991: haemorrhages, exudates and microaneurysms lie all over
       the retina; new vessels grow from the disc too, which then counts
    N  Nachbar et al., "The ABCD rule of dermatoscopy", J Am Acad Dermatol 1994: the border is part
       of what tells a melanoma, so it must be free to move
    A  Zalaudek et al., "Dermatoscopy of facial actinic keratosis, intraepidermal carcinoma, and
       invasive squamous cell carcinoma", J Am Acad Dermatol 2012: without a sharp border
"""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class FundusArea:
    """A part of the retina.

    Attributes:
        with_disc: Whether the optic disc may change too.
        source: Letters of the sources above.
    """

    with_disc: bool = False
    source: str = "E"


@dataclass(frozen=True, kw_only=True)
class SkinArea:
    """The lesion and a margin around it.

    Attributes:
        margin: How far the region reaches over the lesion's border, in shares of the square root
            of the lesion's area.
        source: Letters of the sources above.
    """

    margin: float = 0.12
    source: str = "N"


RETINA = FundusArea()
FUNDUS_AREAS = {"proliferative": FundusArea(with_disc=True)}
"""By canonical name; other grades leave the disc as it is."""

LESION = SkinArea()
SKIN_AREAS = {
    "actinic keratoses and intraepithelial carcinoma": SkinArea(margin=0.25, source="A"),
    "melanoma": SkinArea(margin=0.25, source="N"),
}
"""By canonical name; other diagnoses get the lesion with a narrow margin."""
