"""The front doors of the package: thin calls into the rooms, for users who write Python."""

import logging
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, overload

from sequela.core import InvalidInputError, Region, Scan, Trajectory
from sequela.core.checks import check_choice
from sequela.simulators.editing import ProgressiveEditor, preset

if TYPE_CHECKING:
    from sequela.conditioning import Brief, Report
    from sequela.simulators.lesions.engine import LesionForecasting

SIMULATORS = ("progressive-editing", "lesion-forecast")


def read(path: str | Path, *, frame: int | None = None) -> Scan:
    """The scan in a PNG, JPEG, TIFF, DICOM or NIfTI file, or in a folder of DICOM slices.

    Args:
        path: The file, whose kind is told from its content, or the folder of one series.
        frame: Which frame of a multi-frame DICOM, counted from 0.
    """
    from sequela.io import read_scan, read_volume

    if Path(path).is_dir():
        return read_volume(path).scan

    return read_scan(path, frame=frame)


def read_region(path: str | Path) -> Region:
    """The soft mask in an image file; white is where change is allowed."""
    from sequela.io import read_region_file

    return read_region_file(path)


def read_report(path: str | Path, *, domain: str | None = None) -> "Report":
    """A clinical report in a text file, read by rules on this machine.

    Args:
        path: UTF-8 text, English.
        domain: `chest`, `fundus` or `skin`; None takes what the report says.
    """
    from sequela.conditioning import read_report as understand
    from sequela.io import read_text

    return understand(read_text(path), domain=domain)


def brief(scan: Scan, **instructions: Any) -> "Brief":
    """What a simulator is to be told about one scan: condition, region, protected region.

    Args:
        scan: The baseline.
        instructions: Fields of `conditioning.Instructions`, such as `report` or `wishes`.
    """
    from sequela.conditioning import Instructions

    return Instructions(**instructions).on(scan)


def auto_region(scan: Scan, domain: str = "chest", findings: Sequence[str] = ()) -> Region:
    """Where findings usually show: in the lungs, the retina, the lesion.

    A doubtful result is logged and named in the region's origin.

    Args:
        scan: A frontal chest film, a fundus photograph or a dermoscopy.
        domain: `chest`, `fundus` or `skin`.
        findings: Canonical names; none gives the whole organ.
    """
    from sequela.conditioning import auto_region as find

    found = find(scan, domain, findings)
    if found.notice is not None:
        logging.getLogger(__name__).warning(found.notice)
    return found.region


@overload
def load(
    name: Literal["progressive-editing"] = "progressive-editing",
    *,
    model: str | None = None,
    unet: str | None = None,
    device: str = "auto",
    preset_name: str | None = None,
    **settings: Any,
) -> ProgressiveEditor: ...


@overload
def load(
    name: Literal["lesion-forecast"],
    *,
    model: str | None = None,
    device: str = "auto",
    **settings: Any,
) -> "LesionForecasting": ...


def load(
    name: str = "progressive-editing",
    *,
    model: str | None = None,
    unet: str | None = None,
    device: str = "auto",
    preset_name: str | None = None,
    **settings: Any,
) -> "ProgressiveEditor | LesionForecasting":
    """A simulator with its model loaded, ready for many scans.

    Args:
        name: `progressive-editing` or `lesion-forecast`.
        model: A bundled model, a folder in diffusers layout, or a hub id; by default `chest-mini`
            for editing and `lesions-mini` for lesions.
        unet: A fine-tuned UNet or LoRA to put in its place.
        device: `auto`, `cpu`, `cuda` or `mps`.
        preset_name: `steady`, `gentle`, `fast`, `paper` or `official`; None takes what the model's
            card names, or else `steady`.
        settings: Fields of `ProgressiveEditing` that differ from the preset, or of
            `LesionForecasting`.
    """
    from sequela.backbones import load_backbone
    from sequela.checkpoints import find_model, preset_of

    check_choice("name", name, SIMULATORS)
    if name == "lesion-forecast":
        return _load_lesions(model, device, settings)
    model = model or "chest-mini"
    chosen = preset(preset_name or preset_of(model)).changed(**settings)
    backbone = load_backbone(find_model(model), unet=unet, device=device)
    return ProgressiveEditor(backbone=backbone, settings=chosen)


def _load_lesions(
    model: str | None, device: str, settings: Mapping[str, Any]
) -> "LesionForecasting":
    from sequela.backbones.devices import pick_device
    from sequela.simulators.lesions.engine import LesionForecasting
    from sequela.simulators.lesions.model import DEFAULT, load_lesion_model

    loaded = load_lesion_model(model or DEFAULT, device=str(pick_device(device)))
    return LesionForecasting(model=loaded, **settings)


def animate(trajectory: Trajectory, simulator: ProgressiveEditor, **settings: Any) -> Trajectory:
    """The trajectory with a video through its states; see `simulators.transition.animate`."""
    from sequela.simulators.transition import animate as draw

    return draw(trajectory, simulator, **settings)


def bridge(  # noqa: PLR0913  # a public door: one keyword each for what a user may ask
    first: Scan,
    last: Scan,
    *,
    dates: tuple[date | str, date | str],
    at: Sequence[date | str] | None = None,
    region: Region | None = None,
    model: str = "chest-mini",
    device: str = "auto",
    **settings: Any,
) -> Trajectory:
    """What may have lain between two real visits of a patient, interpolated.

    Args:
        first: The earlier film; all states lie on its grid.
        last: The later film of the same patient.
        dates: Days of the two visits; text as 2020-03-01.
        at: Days between them to be drawn; None draws the quarters of the way.
        region: Where content may move; None is everywhere.
        model: A bundled model, folder or hub id, for `transition="latent"` alone.
        device: Where that model runs.
        settings: Fields of `simulators.transition.Bridge`, such as `transition` or `registration`.
    """
    from sequela.backbones import load_backbone
    from sequela.checkpoints import find_model
    from sequela.simulators.transition import Bridge

    start, end = (day_of("dates", day) for day in dates)
    days = None if at is None else [float((day_of("at", day) - start).days) for day in at]
    if settings.get("transition") == "latent":
        settings["backbone"] = load_backbone(find_model(model), device=device)
    return Bridge(**settings).between(
        first, last, days=float((end - start).days), at_days=days, region=region
    )


def day_of(name: str, day: date | str) -> date:
    """A day, from itself or from text as 2020-03-19."""
    if isinstance(day, date):
        return day
    try:
        return date.fromisoformat(day)
    except ValueError as error:
        raise InvalidInputError(
            f"`{name}` must be days written as 2020-03-19, got {day!r}. Give a date or such a text."
        ) from error


def save(trajectory: Trajectory, folder: str | Path, *, overwrite: bool = False) -> Path:
    """Write the run folder with its report page, whole or not at all."""
    from sequela.render import save_run

    return save_run(trajectory, Path(folder), overwrite=overwrite)


def open_run(folder: str | Path) -> Trajectory:
    """Read a run folder back, loss-free but for the video."""
    from sequela.io import read_run

    return read_run(Path(folder))
