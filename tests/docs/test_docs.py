"""The pages say what the program does."""

import re
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import sequela
from sequela.core import errors

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"


def test_the_command_line_page_is_fresh():
    sys.path.insert(0, str(ROOT / "tools"))
    try:
        import make_cli_docs
    finally:
        sys.path.pop(0)
    assert (DOCS / "cli.md").read_text(encoding="utf-8") == make_cli_docs.page()


def test_every_public_name_has_its_line():
    page = (DOCS / "api.md").read_text(encoding="utf-8")
    assert [name for name in sequela.__all__ if f"sequela.{name}" not in page] == []


def test_all_names_the_package_promises_exist():
    assert [name for name in sequela.__all__ if not hasattr(sequela, name)] == []


def test_every_error_has_its_line():
    page = (DOCS / "errors.md").read_text(encoding="utf-8")
    classes = [n for n, c in vars(errors).items() if isinstance(c, type)]
    assert [name for name in classes if f"{name}`" not in page] == []


def test_the_citation_names_this_version():
    text = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    assert f"version: {sequela.__version__}\n" in text


def test_links_between_pages_lead_somewhere():
    for page in [ROOT / "README.md", *DOCS.glob("*.md")]:
        for target in re.findall(r"\]\(([^)#]+)\)", page.read_text(encoding="utf-8")):
            assert target.startswith("https://") or (page.parent / target).exists(), (page, target)


def test_the_lines_of_python_in_the_readme_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    (block,) = re.findall(r"```python\n(.*?)```", text, flags=re.DOTALL)
    monkeypatch.chdir(tmp_path)
    y, x = np.mgrid[0:160, 0:160] / 160
    lungs = (((x - 0.3) / 0.14) ** 2 + ((y - 0.5) / 0.3) ** 2 < 1) | (
        ((x - 0.7) / 0.14) ** 2 + ((y - 0.5) / 0.3) ** 2 < 1
    )
    Image.fromarray(np.where(lungs, 60, 190).astype(np.uint8)).save("baseline.png")
    exec(compile(block, "README.md", "exec"), {})  # noqa: S102  # the page's own lines
    assert (tmp_path / "out" / "report.html").is_file()
    assert "10 simulated" in capsys.readouterr().out
