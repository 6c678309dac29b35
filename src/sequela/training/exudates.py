"""Captions that tell bright spots of the retina, which no set labels."""

from dataclasses import replace

import torch
from jaxtyping import Float
from torch import Tensor

from sequela.core import InvalidInputError
from sequela.nn.lesion_filters import bright_spots
from sequela.training.data import ImageSet
from sequela.training.recipe import DataSettings

NAME = "exudates"
_HEALTHY = 0.9  # this share of the healthy shows fewer bright spots


def with_exudates(
    train: ImageSet, held_out: ImageSet, settings: DataSettings
) -> tuple[ImageSet, ImageSet]:
    """Both sides, with `exudates` among the findings of images with many bright spots.

    Many are more than in nine of ten healthy training images of the cameras that captions do not
    name. A healthy image with as many is told of them too, and is healthy no longer.

    Raises:
        InvalidInputError: No such healthy image is there.
    """
    spots = _bright(train)
    is_measure = torch.tensor(
        [
            found == () and view not in settings.caption_views
            for found, view in zip(train.findings, train.views, strict=True)
        ]
    )
    if not is_measure.any():
        raise InvalidInputError(
            "`tells_exudates` needs healthy training images of a camera outside "
            "`caption_views`, but there are none. Add some or leave it out."
        )
    many = float(torch.quantile(spots[is_measure], _HEALTHY))
    return _told(train, spots, many), _told(held_out, _bright(held_out), many)


def _bright(images: ImageSet) -> Float[Tensor, " image"]:
    return torch.cat([bright_spots(part) for part in images.parts(16)])


def _told(images: ImageSet, spots: Float[Tensor, " image"], many: float) -> ImageSet:
    findings = tuple(
        found if found is None or spot <= many else (*found, NAME)
        for found, spot in zip(images.findings, spots.tolist(), strict=True)
    )
    return replace(images, findings=findings)
