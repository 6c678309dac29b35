import base64
import gzip
import hashlib
import json
import re
from html import unescape
from pathlib import Path

import numpy as np
import pytest

from sequela.core import InvalidInputError, UnknownNameError
from sequela.imaging.grid import Grid
from sequela.io.nifti import decode_nifti
from sequela.render import viewer
from sequela.render.colours import COLOUR_MAPS
from sequela.render.planes import three_planes
from sequela.render.viewer import Layer, Scene, viewer_parts, write_viewer

GRID = Grid.upright((6, 20, 16), (3.0, 1.0, 1.0), (5.0, -7.0, 20.0))


def layer(values: np.ndarray, **changes: object) -> Layer:
    options = {"name": "FLAIR", "grid": GRID, "low": 0.0, "high": 1.0} | changes
    return Layer(values=values.astype(np.float32), **options)


def content_of(html: str) -> dict:
    return json.loads(re.search(r"data-content>(.*?)</script>", html, re.DOTALL)[1])


def volumes_of(html: str) -> list[bytes]:
    found = re.findall(r'data-volume="\d+">(.*?)</script>', html, re.DOTALL)
    return [base64.b64decode(text) for text in found]


def two_scenes() -> tuple[Layer, list[Scene]]:
    base = layer(np.linspace(0, 1, 6 * 20 * 16).reshape(GRID.shape))
    spot = np.zeros(GRID.shape)
    spot[4, 7, 2] = 1
    mark = layer(spot, name="Lesion", colours="orange")
    return base, [
        Scene(name="Baseline", layers=(base,), caption="Day 0"),
        Scene(name="<b>2 years</b>", layers=(base, mark)),
    ]


def test_the_page_holds_each_volume_once_where_it_lies():
    base, scenes = two_scenes()
    html = viewer_parts(scenes).html
    files = volumes_of(html)
    assert [scene["layers"] for scene in content_of(html)["scenes"]] == [[0], [0, 1]]
    assert len(files) == 2
    values, affine = decode_nifti(files[0], "page")
    np.testing.assert_allclose(affine, GRID.affine)
    np.testing.assert_allclose(values / 255, base.values, atol=0.5 / 255 + 1e-6)


def test_values_beyond_the_scale_are_stored_at_its_ends():
    values = np.full(GRID.shape, -5.0)
    values[0] = 7
    html = viewer_parts([Scene(name="x", layers=(layer(values, low=-1.0, high=1.0),))]).html
    stored, _ = decode_nifti(volumes_of(html)[0], "page")
    assert set(np.unique(stored)) == {0, 255}
    assert (stored[0] == 255).all()


def test_the_planes_cross_where_the_upper_layer_shows_most():
    _, scenes = two_scenes()
    focus = content_of(viewer_parts(scenes[1:]).html)["focus"]
    left, posterior, superior = (GRID.affine @ [4, 7, 2, 1])[:3]
    np.testing.assert_allclose(focus, [-left, -posterior, superior], atol=3.5)
    asked = content_of(viewer_parts(scenes, focus_mm=(5.0, -7.0, 20.0)).html)["focus"]
    np.testing.assert_allclose(asked, [-5, 7, 20], atol=1.6)


def test_nothing_a_user_typed_becomes_markup_and_nothing_is_fetched():
    base, _ = two_scenes()
    name = "</script><img src=x>"
    html = viewer_parts([Scene(name=name, layers=(base,), caption=name)]).html
    assert name not in html
    assert content_of(html)["scenes"][0]["name"] == name
    outside = re.sub(r'<script type="application/octet-stream".*?</script>', "", html)
    assert "http" not in outside


def test_only_the_script_of_the_viewer_may_run(tmp_path):
    _, scenes = two_scenes()
    parts = viewer_parts(scenes, slider=True)
    page = write_viewer(tmp_path / "view.html", parts, title="Two <scenes>").read_text()
    script = re.search(r"<script>(.*?)</script>", page, re.DOTALL)[1]
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert f"'sha256-{digest}'" in parts.policy
    assert "default-src 'none'" in unescape(page)
    assert "Two &lt;scenes&gt;" in page


def test_too_large_volumes_are_shown_coarser_at_the_same_place(monkeypatch):
    noise = np.random.default_rng(0).random((24, 40, 32))
    grid = Grid.upright((24, 40, 32), (1.0, 1.0, 1.0))
    scene = Scene(name="x", layers=(layer(noise, grid=grid),))
    monkeypatch.setattr(viewer, "LARGEST_BYTES", 9_000)
    html = viewer_parts([scene]).html
    file = volumes_of(html)[0]
    stored, affine = decode_nifti(file, "page")
    assert len(file) <= 9_000
    assert "coarser than the files" in html
    assert abs(stored.mean() / 255 - noise.mean()) < 0.02
    corner = affine @ [-0.5, -0.5, -0.5, 1]
    np.testing.assert_allclose(corner, grid.affine @ [-0.5, -0.5, -0.5, 1], atol=1e-6)


def test_volumes_too_large_for_any_page_are_refused(monkeypatch):
    _, scenes = two_scenes()
    monkeypatch.setattr(viewer, "LARGEST_BYTES", 10)
    with pytest.raises(InvalidInputError, match="page of about 15 MB"):
        viewer_parts(scenes)


def test_still_planes_show_the_left_on_the_right_and_the_head_up():
    values = np.zeros(GRID.shape)
    values[-1, 0, -1] = 1  # superior, anterior, left
    picture = three_planes((layer(values),), (5, 0, 15), height=90)[..., 0]
    axial, coronal, sagittal = picture[:, :72], picture[:, 72:152], picture[:, 152:]
    assert axial[:8, -8:].max() == 255  # anterior is up
    assert axial[:, :40].max() == 0
    assert coronal[:8, -8:].max() == 255
    assert coronal[:, :40].max() == 0
    assert sagittal[:8, :8].max() == 255  # anterior is left
    assert sagittal[40:].max() == 0


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"low": 1.0, "high": 1.0}, "`high` must lie above `low`"),
        ({"opacity": 1.5}, "`opacity`"),
        ({"grid": Grid.upright((6, 20, 9), (1.0, 1.0, 1.0))}, "grid's shape"),
    ],
)
def test_a_layer_that_cannot_be_shown_is_refused(changes, words):
    with pytest.raises(InvalidInputError, match=words):
        layer(np.zeros(GRID.shape), **changes)


def test_an_unknown_colour_map_is_answered_with_the_near_ones():
    with pytest.raises(UnknownNameError, match="orange"):
        layer(np.zeros(GRID.shape), colours="ornge")


def test_a_viewer_without_scenes_is_refused():
    with pytest.raises(InvalidInputError, match="`scenes`"):
        viewer_parts([])
    with pytest.raises(InvalidInputError, match="`layers`"):
        Scene(name="x", layers=())


def test_the_middle_of_the_difference_scale_is_clear():
    colours = COLOUR_MAPS["difference"](np.array([0.0, 0.5, 1.0]))
    assert colours[:, 3].tolist() == [255, 0, 255]
    assert colours[0, 2] > colours[0, 0]
    assert colours[2, 0] > colours[2, 2]


def test_the_vendored_library_is_the_published_one():
    told = (viewer.LIBRARY.parent / "README.md").read_text()
    digest = hashlib.sha256(gzip.decompress(viewer.LIBRARY.read_bytes())).hexdigest()
    assert digest in told
    assert "BSD 2-Clause" in (Path(viewer.LIBRARY).parent / "LICENSE").read_text()
