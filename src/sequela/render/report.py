"""Report: the run as one self-contained page that opens anywhere, without a network."""

import base64
import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from sequela.core import Branch, Record, Trajectory
from sequela.render.album import Album, Picture
from sequela.render.display import plane
from sequela.render.extras import Extras
from sequela.render.heat import heat_colours
from sequela.render.measures import charts, table, viewer
from sequela.render.overlays import uncertainty
from sequela.render.pages import environment, write_page
from sequela.render.viewer import ViewerParts, policy_of
from sequela.render.words import asked, branch_title, inputs, rows, sources, summary

LARGEST_INLINE_VIDEO = 16_000_000  # bytes; a longer film is named, not carried, by the page


def write_report(trajectory: Trajectory, folder: Path, *, extras: Extras | None = None) -> Path:
    """Write `report.html` into the run folder and return its path.

    Everything is inside the page: pictures at viewing size, the folder's `video.mp4` if it is
    there, style and script. What the user typed or a file is called is escaped.

    Args:
        trajectory: The run; a volume is shown by its middle axial slice.
        folder: Where the page goes; it must exist.
        extras: Volumes in three planes and figures, shown beside the states.

    Raises:
        OutputError: The page could not be written.
    """
    script = environment().get_template("report.js").render()
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode("ascii")
    extras = extras or Extras()
    volumes = extras.viewer()
    return write_page(
        "report.html.j2",
        folder / "report.html",
        **_pictures(trajectory, folder),
        **_provenance(trajectory.record),
        title=trajectory.main.condition.label,
        summary=summary(trajectory),
        conditions=asked(trajectory.branches),
        regions={name: region.origin for name, region in trajectory.regions.items()},
        sources=sources(trajectory),
        volumes=volumes,
        figures=extras.shown(),
        policy=_policy(f"sha256-{digest}", volumes),
    )


def _policy(script_hash: str, volumes: ViewerParts | None) -> str:
    """The browser runs the page's own scripts and no other."""
    if volumes is not None:
        return policy_of(script_hash, volumes.script_hash)
    return (
        "default-src 'none'; img-src data:; media-src data:; style-src 'unsafe-inline'; "
        f"script-src '{script_hash}'"
    )


def _pictures(trajectory: Trajectory, folder: Path) -> Mapping[str, Any]:
    album = Album(trajectory)
    window = trajectory.scan.window
    height, width = plane(trajectory.scan.array).shape[:2]
    colours = heat_colours(np.linspace(0, 1, 12)).tolist()
    return {
        "branches": _strips(album),
        "viewer": viewer(album),
        "ratio": f"{width / height:.5f}",
        "scale": f"{100 * album.scale:g}",
        "scale_middle": f"{50 * album.scale:g}",
        "scale_stored": f"{album.scale * (window.high - window.low):.4g}",
        "window": window,
        "gradient": ", ".join(f"rgb({r} {g} {b})" for r, g, b in colours),
        "uncertainty": uncertainty(trajectory, album.side),
        "charts": charts(album),
        "table": table(album),
        "video": trajectory.video,
        "video_uri": _video_uri(folder / "video.mp4"),
    }


def _strips(album: Album) -> list[dict[str, Any]]:
    """Each branch with the pictures it is the first to show; a page holds every picture once."""
    seen: set[str] = set()
    strips = []
    for index, branch in enumerate(album.trajectory.branches):
        new = [(i, p) for i, p in enumerate(album.along(branch)) if p.id not in seen]
        seen.update(picture.id for _, picture in new)
        strips.append(_strip(index, branch, new))
    return strips


def _strip(index: int, branch: Branch, pictures: list[tuple[int, Picture]]) -> dict[str, Any]:
    return {"index": index, "branch": branch, "title": branch_title(branch), "strip": pictures}


def _provenance(record: Record) -> Mapping[str, Any]:
    run = {
        "method": record.method,
        "seed": record.seed,
        "threads": record.threads,
        "device": record.device,
        "created": record.created,
        "schema": record.schema,
    }
    return {
        "record": record,
        "request": list(rows({k: v for k, v in record.request.items() if k != "told"})),
        "told": record.request.get("told", {}),
        "provenance": list(rows(run)),
        "config": list(rows(record.config)),
        "model": list(rows(record.model)),
        "inputs": inputs(record.inputs),
        "versions": list(rows(record.versions)),
    }


def _video_uri(path: Path) -> str | None:
    if not path.is_file() or path.stat().st_size > LARGEST_INLINE_VIDEO:
        return None
    return "data:video/mp4;base64," + base64.b64encode(path.read_bytes()).decode("ascii")
