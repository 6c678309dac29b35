"""Films read by others than their writer: box by box, frame by frame, and in a real browser."""

import json
import shutil
import subprocess
import threading
import tracemalloc
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import av
import numpy as np
import pytest
from conftest import chest, film
from mp4_boxes import read_boxes
from PIL import Image, ImageSequence

from sequela.core import DrawnFrames, MissingExtraError, Trajectory, Video
from sequela.render import LAYOUTS, VideoStyle, laid_out, write_video

STATES = [chest(96, opacity) for opacity in (0, 0.5, 1)]
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "chrome"))), None)


def luma_psnr(given: np.ndarray, path: Path) -> float:
    with av.open(str(path)) as container:
        shown = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    seen = np.stack(shown)[:, : given.shape[1], : given.shape[2]].mean(axis=-1)
    return float(10 * np.log10(255**2 / ((seen - given) ** 2).mean()))


@pytest.mark.parametrize("fps", [16.0, 8.0, 23.976, 0.5, 60.0])
def test_an_outside_reader_finds_h264_yuv420p_rate_and_every_frame(
    tmp_path: Path, fps: float
) -> None:
    path = tmp_path / "video.mp4"
    write_video(film(STATES, 7, fps), path, None)
    told = read_boxes(path)
    assert (told.codec, told.pixels, told.frames, told.size) == ("avc1", "yuv420p", 13, (96, 96))
    assert told.fps == pytest.approx(fps, rel=1e-3)
    assert told.index_first


@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_layout_is_written_frame_for_frame(
    tmp_path: Path, trajectory: Trajectory, layout: str
) -> None:
    path = tmp_path / "video.mp4"
    styled = laid_out(trajectory, VideoStyle(layout=layout, labelled=True, stamped=True))
    write_video(styled, path, None)
    told = read_boxes(path)
    assert (told.codec, told.pixels, told.frames) == ("avc1", "yuv420p", len(styled.frames))
    assert told.size == (styled.frames.shape[2], styled.frames.shape[1])


def test_decoded_frames_are_the_given_ones_to_forty_decibels(tmp_path: Path) -> None:
    video = film(STATES, 7)
    write_video(video, tmp_path / "video.mp4", None)
    assert luma_psnr(np.asarray(video.frames), tmp_path / "video.mp4") > 40


def test_a_grey_gif_holds_every_frame_to_the_bit_also_where_nothing_moves(tmp_path: Path) -> None:
    frames = np.asarray(film(STATES, 4).frames)
    still = np.concatenate([frames, frames[-1:], frames[-1:]])
    video = Video(frames=still, fps=16, engine="none", frames_per_transition=2)
    write_video(video, tmp_path / "video.mp4", tmp_path / "video.gif")
    with Image.open(tmp_path / "video.gif") as gif:
        shown = [np.asarray(picture.convert("L")) for picture in ImageSequence.Iterator(gif)]
    assert np.array_equal(np.stack(shown), still)


def test_a_colour_gif_keeps_its_colours_nearly(tmp_path: Path) -> None:
    grey = np.asarray(film(STATES, 3).frames)
    colour = np.stack([grey, grey // 2, 255 - grey], axis=-1)
    video = Video(frames=colour, fps=16, engine="none", frames_per_transition=2)
    write_video(video, tmp_path / "video.mp4", tmp_path / "video.gif")
    with Image.open(tmp_path / "video.gif") as gif:
        shown = [np.asarray(picture.convert("RGB")) for picture in ImageSequence.Iterator(gif)]
        assert gif.info["loop"] == 0
    assert len(shown) == len(colour)
    assert np.abs(np.stack(shown).astype(int) - colour).mean() < 2.5


def test_drawn_frames_give_the_same_bytes_as_an_array(tmp_path: Path) -> None:
    given = film(STATES, 5)
    array = np.asarray(given.frames)
    drawn = replace(given, frames=DrawnFrames(shape=array.shape, draw=lambda: iter(array)))
    for name, video in (("a", given), ("b", drawn)):
        write_video(video, tmp_path / f"{name}.mp4", tmp_path / f"{name}.gif")
    for kind in ("mp4", "gif"):
        assert (tmp_path / f"a.{kind}").read_bytes() == (tmp_path / f"b.{kind}").read_bytes()


def test_a_long_film_takes_no_more_memory_than_a_short_one(tmp_path: Path) -> None:
    y, x = np.mgrid[0:128, 0:128]

    def peak(count: int) -> int:
        def draw():
            return ((y + x + 3 * n).astype(np.uint8) for n in range(count))

        frames = DrawnFrames(shape=(count, 128, 128), draw=draw)
        video = Video(frames=frames, fps=16, engine="none", frames_per_transition=12)
        tracemalloc.start()
        write_video(video, tmp_path / f"{count}.mp4", tmp_path / f"{count}.gif")
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return most

    peak(5)  # imports
    # 400 frames are 6.5 MB; a writer that kept them would need them all
    assert peak(400) - peak(40) < 1_000_000


def test_a_film_that_fails_midway_says_what_failed(tmp_path: Path) -> None:
    def draw():
        yield np.zeros((32, 32), np.uint8)
        raise ArithmeticError("the engine broke")

    frames = DrawnFrames(shape=(5, 32, 32), draw=draw)
    video = Video(frames=frames, fps=16, engine="none", frames_per_transition=5)
    with pytest.raises(ArithmeticError, match="the engine broke"):
        write_video(video, tmp_path / "video.mp4", tmp_path / "video.gif")


def test_a_build_without_h264_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(av, "codecs_available", {"mpeg4"})
    with pytest.raises(MissingExtraError, match="libx264"):
        write_video(film(STATES, 3), tmp_path / "video.mp4", None)


PAGE = """<!doctype html><video id=v muted src=video.mp4></video><script>
const v = document.getElementById("v"), seen = [];
const send = (told) => fetch("/told", {method: "POST", body: JSON.stringify(told)});
v.onerror = () => send({error: v.error.message});
v.onloadeddata = async () => {
  const canvas = document.createElement("canvas"), pen = canvas.getContext("2d");
  canvas.width = v.videoWidth; canvas.height = v.videoHeight;
  for (let n = 0; n < FRAMES; n++) {
    await new Promise((done) => { v.onseeked = done; v.currentTime = (n + 0.5) / FPS; });
    pen.drawImage(v, 0, 0);
    const pixels = pen.getImageData(0, 0, canvas.width, canvas.height).data;
    let sum = 0;
    for (let i = 0; i < pixels.length; i += 4) sum += pixels[i];
    seen.push(4 * sum / pixels.length);
  }
  v.onended = () => send({seen, width: v.videoWidth, duration: v.duration, played: true});
  v.currentTime = 0;
  await v.play();
};
</script>"""


@pytest.mark.slow
@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is installed")
def test_a_real_browser_plays_it_and_shows_the_frames(tmp_path: Path) -> None:
    video = film(STATES, 7)
    write_video(video, tmp_path / "video.mp4", None)
    page = PAGE.replace("FRAMES", str(len(video.frames))).replace("FPS", str(video.fps))
    (tmp_path / "page.html").write_text(page)
    told = in_browser(tmp_path)
    assert told.get("played"), told
    assert told["width"] == 96
    assert told["duration"] == pytest.approx(len(video.frames) / video.fps, abs=0.01)
    means = np.asarray(video.frames).mean(axis=(1, 2))
    assert np.abs(np.array(told["seen"]) - means).max() < 1.5
    assert np.corrcoef(told["seen"], means)[0, 1] > 0.99


def in_browser(folder: Path) -> dict:
    """What the page in a folder posts to /told, once Chromium has opened it."""
    answers: list[dict] = []
    answered = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:  # the base class's name
            path = folder / self.path.lstrip("/")
            if not path.is_file():
                self.send_error(404)
                return
            data = path.read_bytes()
            begin, end = 0, len(data)
            asked = self.headers.get("Range")
            if asked:  # seeking needs parts of a file
                low, _, high = asked.removeprefix("bytes=").partition("-")
                begin, end = int(low), int(high) + 1 if high else len(data)
            self.send_response(206 if asked else 200)
            kinds = {".html": "text/html", ".mp4": "video/mp4"}
            self.send_header("Content-Type", kinds[path.suffix])
            self.send_header("Accept-Ranges", "bytes")
            self.send_header("Content-Length", str(end - begin))
            if asked:
                self.send_header("Content-Range", f"bytes {begin}-{end - 1}/{len(data)}")
            self.end_headers()
            self.wfile.write(data[begin:end])

        def do_POST(self) -> None:
            answers.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(204)
            self.end_headers()
            answered.set()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    flags = ("--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-sync")
    quiet = ("--disable-background-networking", "--disable-component-update", "--mute-audio")
    address = f"http://127.0.0.1:{server.server_port}/page.html"
    browser = subprocess.Popen(  # noqa: S603  # our own words
        [
            CHROMIUM,
            *flags,
            *quiet,
            "--autoplay-policy=no-user-gesture-required",
            "--remote-debugging-port=0",
            f"--user-data-dir={folder / 'profile'}",
            address,
        ],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        assert answered.wait(90), "the browser did not answer"
    finally:
        browser.terminate()
        browser.wait(10)
        server.shutdown()
        server.server_close()
    return answers[0]
