"""Figures, stamps, heat maps, video and the self-contained report page; whole run folders."""

from sequela.render.display import to_display, viewing_size
from sequela.render.figures import contact_sheet
from sequela.render.heat import change_map, heat_colours, heat_overlay, heat_scale
from sequela.render.report import write_report
from sequela.render.save import save_run
from sequela.render.stamping import STAMP_TEXT, stamp
from sequela.render.video import write_video

__all__ = [
    "STAMP_TEXT",
    "change_map",
    "contact_sheet",
    "heat_colours",
    "heat_overlay",
    "heat_scale",
    "save_run",
    "stamp",
    "to_display",
    "viewing_size",
    "write_report",
    "write_video",
]
