"""Figures, stamps, heat maps, video and the self-contained report page; whole run folders."""

from sequela.render.display import to_display, viewing_size
from sequela.render.extras import Extras, Figure
from sequela.render.figures import contact_sheet
from sequela.render.heat import change_map, heat_colours, heat_overlay, heat_scale
from sequela.render.pages import write_page
from sequela.render.report import write_report
from sequela.render.save import save_run
from sequela.render.stamping import STAMP_TEXT, stamp
from sequela.render.video import write_video
from sequela.render.video_files import check_encoder
from sequela.render.video_layout import LAYOUTS, VideoStyle, laid_out
from sequela.render.viewer import Layer, Scene, ViewerParts, viewer_parts, write_viewer

__all__ = [
    "LAYOUTS",
    "STAMP_TEXT",
    "Extras",
    "Figure",
    "Layer",
    "Scene",
    "VideoStyle",
    "ViewerParts",
    "change_map",
    "check_encoder",
    "contact_sheet",
    "heat_colours",
    "heat_overlay",
    "heat_scale",
    "laid_out",
    "save_run",
    "stamp",
    "to_display",
    "viewer_parts",
    "viewing_size",
    "write_page",
    "write_report",
    "write_video",
    "write_viewer",
]
