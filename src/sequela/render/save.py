"""Save: a run folder that appears whole or not at all."""

from pathlib import Path

from PIL import Image

from sequela.core import DISCLAIMER, State, Trajectory, Window
from sequela.io import (
    DicomSeries,
    atomic_folder,
    write_derived_dicom,
    write_derived_series,
    write_states,
)
from sequela.render import lesion_page
from sequela.render.display import plane, to_display
from sequela.render.extras import Extras, volume_scenes, write_figures
from sequela.render.figures import marked
from sequela.render.report import write_report
from sequela.render.stamping import stamp
from sequela.render.video import write_video
from sequela.render.video_layout import VideoStyle, laid_out
from sequela.render.writing import writing


def save_run(  # noqa: PLR0913  # one keyword for each optional part of the folder
    trajectory: Trajectory,
    folder: str | Path,
    *,
    overwrite: bool = False,
    stamped: bool = False,
    dicom: bool = False,
    style: VideoStyle | None = None,
    extras: Extras | None = None,
) -> Path:
    """Write the run folder and return it: states and record, video, report.

    All of it is first written beside the target and renamed once it is whole.

    Args:
        trajectory: The run.
        folder: The run folder to make.
        overwrite: Replace a run that is already there.
        stamped: Add `stamped/001.png` and so on: simulated states with the stamp burnt in.
        dicom: Add `dicom/001.dcm` and so on: simulated states as derived DICOM images; of volumes
            `dicom/001/`, one series a state.
        style: Layout of the video; None shows the frames alone, which equal the states.
        extras: Volumes in three planes and figures for the page; None shows a run of volumes in
            three planes, and nothing else beside the states.

    Raises:
        OutputExistsError: `folder` is already there and `overwrite` is not set.
        OutputError: It could not be written; nothing was left behind.
    """
    target = Path(folder)
    with atomic_folder(target, overwrite=overwrite) as work:
        write_states(trajectory, work)
        if trajectory.video is not None:
            film = laid_out(trajectory, style or VideoStyle())
            write_video(film, work / "video.mp4", work / "video.gif")
        if stamped:
            _write_stamped(trajectory, work / "stamped")
        if dicom:
            _write_dicom(trajectory, work / "dicom")
        if extras is None:
            extras = (
                Extras(scenes=volume_scenes(trajectory)) if _has_place(trajectory) else Extras()
            )
        write_figures(extras.figures, work / "figures")
        if trajectory.record.method == lesion_page.METHOD:
            lesion_page.write_lesion_page(trajectory, work)
        else:
            write_report(trajectory, work, extras=extras)
    return target


def _has_place(trajectory: Trajectory) -> bool:
    """Whether it is a run of volumes that know where they lie in the patient."""
    return trajectory.scan.is_volume and trajectory.scan.affine is not None


def _write_stamped(trajectory: Trajectory, folder: Path) -> None:
    shown = Window(low=0, high=255, origin="dtype")
    with writing(folder):
        folder.mkdir()
        for state in _made(trajectory):
            picture = stamp(to_display(plane(state.image), trajectory.scan.window), shown)
            path = folder / f"{state.step:03d}.png"
            Image.fromarray(picture).save(path, "PNG", pnginfo=marked())


def _write_dicom(trajectory: Trajectory, folder: Path) -> None:
    series = DicomSeries.new()
    with writing(folder):
        folder.mkdir()
    for instance, state in enumerate(_made(trajectory), 1):
        description = f"Step {state.step}, {state.kind}. {DISCLAIMER}"
        if trajectory.scan.is_volume:
            write_derived_series(
                trajectory.scan,
                state.image,
                folder / f"{state.step:03d}",
                description=description,
                study_uid=series.study_uid,
                number=instance,
            )
            continue
        write_derived_dicom(
            trajectory.scan,
            state.image,
            folder / f"{state.step:03d}.dcm",
            description=description,
            series=series,
            instance=instance,
        )


def _made(trajectory: Trajectory) -> list[State]:
    """The states that were made; the observed one is the user's own file, not synthetic."""
    return [state for state in trajectory.states if state.kind != "observed"]
