import base64
import hashlib
import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from conftest import branch, chest, condition, record, run

from sequela.core import DISCLAIMER, OutputError, Scan, Source, State, Trajectory, Window
from sequela.render import write_report, write_video


class Page(HTMLParser):
    """The page's tags with their attributes, its text, and what its script elements hold."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.source = path.read_text(encoding="utf-8")
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.scripts: list[str] = []
        self.words = ""
        self.feed(self.source)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        last = self.tags[-1][0] if self.tags else ""
        if last == "script":
            self.scripts.append(data)
        elif last != "style":
            self.words += data

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]

    @property
    def run(self) -> dict:
        return json.loads(self.scripts[0])


def page(trajectory: Trajectory, folder: Path) -> Page:
    return Page(write_report(trajectory, folder))


def test_the_page_needs_no_other_file_and_no_network(
    trajectory: Trajectory, tmp_path: Path
) -> None:
    write_video(trajectory.video, tmp_path / "video.mp4", None)
    made = page(trajectory, tmp_path)
    assert "http://" not in made.source
    assert "https://" not in made.source
    for _, attributes in made.tags:
        for name in ("src", "href", "srcset", "data", "action"):
            target = attributes.get(name)
            assert target is None or target.startswith(("data:", "#"))
    assert not made.all("link")
    assert "url(" not in made.source
    assert "@import" not in made.source


def test_the_browser_is_told_to_run_our_script_and_to_fetch_nothing(
    trajectory: Trajectory, tmp_path: Path
) -> None:
    made = page(trajectory, tmp_path)
    policy = next(m["content"] for m in made.all("meta") if "content-security" in str(m).lower())
    script = re.findall(r"<script>(.*?)</script>", made.source, re.DOTALL)[0]
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}'" in policy
    assert "default-src 'none'" in policy


def test_what_a_user_types_cannot_become_part_of_the_page(
    hostile: Trajectory, trajectory: Trajectory, tmp_path: Path
) -> None:
    attacked, plain = page(hostile, tmp_path), page(trajectory, tmp_path)
    assert len(attacked.all("script")) == len(plain.all("script")) == 2
    assert not any("onerror" in attributes for _, attributes in attacked.tags)
    assert "<script>alert" not in attacked.source
    assert '<script>alert("x")</script>' in attacked.words


def test_the_page_says_what_was_asked_and_how_to_replay_it(
    trajectory: Trajectory, tmp_path: Path
) -> None:
    words = page(trajectory, tmp_path).words
    for expected in (
        DISCLAIMER,
        "Pneumonia",
        "chest X-ray with pneumonia",
        "text, letters",
        "pacemaker.png",
        "auto: lungs",
        "The region was resampled to the image's grid.",
        "progressive-editing",
        "guidance_scale",
        "chest-mini",
        "3f" * 32,
        "Apache-2.0",
        "chest.png",
        "a1" * 32,
        "2026-01-02T03:04:05Z",
        "sequela replay record.json",
        "arXiv:2309.11745",
    ):
        assert expected in words


def test_every_state_is_on_the_page_once(trajectory: Trajectory, tmp_path: Path) -> None:
    made = page(trajectory, tmp_path)
    pictures = [i for i in made.all("img") if (i.get("id") or "").startswith("picture-")]
    # 4 states, 3 of the sample beside the shared baseline, 2 of the what-if
    assert len(pictures) == len({p["id"] for p in pictures}) == 4 + 3 + 2


def test_a_what_if_follows_its_parent_up_to_where_it_leaves(
    trajectory: Trajectory, tmp_path: Path
) -> None:
    main, _, healed = page(trajectory, tmp_path).run["branches"]
    assert [m["step"] for m in healed["moments"]] == [0, 1, 2, 3]
    pictures = [m["picture"] for m in main["moments"]]
    assert [m["picture"] in pictures for m in healed["moments"]] == [True, True, False, False]


def test_the_heat_map_has_one_scale_that_is_printed(trajectory: Trajectory, tmp_path: Path) -> None:
    made = page(trajectory, tmp_path)
    heat = made.run["heat"]
    assert heat["picture-0"] is None
    assert heat["picture-3"].startswith("data:image/webp;base64,")
    assert made.words.count("One scale for the whole run:") == 1
    assert re.search(r"0 to 255 in stored units.*?\d+ % is [\d.]+ units", made.words)


def test_mean_change_is_told_as_a_share_of_the_window(tmp_path: Path) -> None:
    flat = [np.full((32, 32), value, np.uint8) for value in (0, 51)]
    made = replace(
        run(),
        scan=replace(run().scan, array=flat[0]),
        branches=(branch("main", flat),),
        regions={},
        uncertainty={},
        video=None,
    )
    words = page(made, tmp_path)
    assert [m["change"] for m in words.run["branches"][0]["moments"]] == [
        "0.00 %",
        "20.00 %",
    ]


def test_the_video_is_inside_when_the_folder_has_one(
    trajectory: Trajectory, tmp_path: Path
) -> None:
    assert not page(trajectory, tmp_path).all("video")
    write_video(trajectory.video, tmp_path / "video.mp4", None)
    source = page(trajectory, tmp_path).all("video")[0]["src"]
    data = base64.b64decode(source.removeprefix("data:video/mp4;base64,"))
    assert data == (tmp_path / "video.mp4").read_bytes()


def test_a_bare_run_has_no_empty_sections(tmp_path: Path) -> None:
    bare = replace(
        run(),
        branches=run().branches[:1],
        regions={},
        uncertainty={},
        video=None,
        record=record(notices=(), request={}),
    )
    words = page(bare, tmp_path).words
    for title in ("Branches side by side", "Uncertainty", "Notices", "Request", "Protected"):
        assert title not in words


def test_times_are_told_with_who_claims_them(tmp_path: Path) -> None:
    images = [chest(48, o) for o in (0, 0.5, 1)]
    states = tuple(
        State(image=i, kind="simulated" if n else "observed", step=n, time_years=n * 0.75)
        for n, i in enumerate(images)
    )
    timed = replace(branch("main", images), states=states, time_basis="asserted")
    made = page(replace(run(48), branches=(timed,)), tmp_path)
    assert [m["time"] for m in made.run["branches"][0]["moments"]] == [
        "0 days after the baseline (asserted)",
        "274 days after the baseline (asserted)",
        "1.50 years after the baseline (asserted)",
    ]
    assert "Time after the baseline (years)" in made.words


def test_eleven_detailed_states_stay_below_the_size_limit(tmp_path: Path) -> None:
    grain = np.random.default_rng(0).normal(0, 9, (800, 800))
    images = [np.clip(chest(800, n / 10) + grain, 0, 255).astype(np.uint8) for n in range(11)]
    made = replace(
        run(),
        scan=replace(run().scan, array=images[0]),
        branches=(branch("main", images),),
        regions={},
        uncertainty={},
        video=None,
    )
    assert write_report(made, tmp_path).stat().st_size < 8_000_000


def test_colour_sixteen_bit_and_volumes_can_be_shown(tmp_path: Path) -> None:
    grey = [chest(40, o) for o in (0, 1)]
    colour = [np.stack([g, g // 2, g // 3], axis=-1) for g in grey]
    deep = [g.astype(np.uint16) * 257 for g in grey]
    volumes = [np.stack([g] * 5).astype(np.int16) for g in grey]
    for images, high in ((colour, 255), (deep, 65535), (volumes, 255)):
        scan = Scan(
            array=images[0],
            modality="photo",
            window=Window(low=0, high=high, origin="dtype"),
            source=Source(name="scan", sha256="00" * 32),
        )
        made = replace(
            run(), scan=scan, branches=(branch("main", images),), regions={}, uncertainty={}
        )
        moments = page(made, tmp_path).run["branches"][0]["moments"]
        assert moments[1]["change"] != "0.00 %"


def test_the_viewer_can_be_used_from_the_keyboard_and_by_ear(
    trajectory: Trajectory, tmp_path: Path
) -> None:
    made = page(trajectory, tmp_path)
    assert all(i.get("alt") is not None for i in made.all("img"))
    handle = next(d for d in made.all("div") if d.get("id") == "handle")
    assert handle["role"] == "slider"
    assert handle["tabindex"] == "0"
    assert handle["aria-label"]
    assert all(b.get("type") == "button" for b in made.all("button"))
    assert ":focus-visible" in made.source
    assert "prefers-reduced-motion" in made.source
    assert made.all("html")[0]["lang"] == "en"


def test_the_same_run_gives_the_same_page(trajectory: Trajectory, tmp_path: Path) -> None:
    first = write_report(trajectory, tmp_path).read_bytes()
    assert write_report(trajectory, tmp_path).read_bytes() == first


def test_a_folder_that_is_not_there_is_named_in_one_sentence(
    trajectory: Trajectory, tmp_path: Path
) -> None:
    with pytest.raises(OutputError, match=r"report\.html could not be written"):
        write_report(trajectory, tmp_path / "no")


def test_conditions_that_branches_share_are_told_once(
    trajectory: Trajectory, tmp_path: Path
) -> None:
    words = page(trajectory, tmp_path).words
    assert "main, sample-1" in words
    assert words.count(condition().findings[0].text) == 1


def test_a_short_run_is_drawn_in_days_and_a_long_one_in_years(tmp_path: Path) -> None:
    page(run(48).with_asserted_horizon(0.1), tmp_path)
    assert "Time after the baseline (days)" in (tmp_path / "report.html").read_text()
    page(run(48).with_asserted_horizon(3), tmp_path)
    assert "Time after the baseline (years)" in (tmp_path / "report.html").read_text()
