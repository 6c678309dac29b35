"""Pages: self-contained HTML from a template, whatever users typed in it escaped."""

from pathlib import Path
from typing import Any

from sequela.render.writing import writing

TEMPLATES = Path(__file__).parent / "templates"


def environment() -> Any:
    """Where all pages' templates come from."""
    import jinja2

    return jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def write_page(template: str, path: Path, **values: Any) -> Path:
    """Fill a template of `render/templates` and write the page.

    Raises:
        OutputError: The page could not be written.
    """
    page = environment().get_template(template).render(**values)
    with writing(path):
        path.write_text(page, encoding="utf-8")
    return path
