"""A vision-language identity judge against a real local server, right and wrong."""

import base64
import json
import struct
from io import BytesIO

import numpy as np
import pytest
from PIL import Image, PngImagePlugin

from sequela.backbones.endpoint import Endpoint
from sequela.backbones.vlm import LARGEST_PX, Pair, VisionJudge, covered, png, share_same
from sequela.core import EndpointError, GeometryMismatchError, InvalidInputError
from tests.backbones.chat_server import KEY, ChatServer, Reply, completion, failure

pytestmark = pytest.mark.usefixtures("only_our_environment")


def film(seed: int, shape: tuple[int, ...] = (48, 40)) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, shape, np.uint8)


PAIR = Pair(first=film(0), second=film(1))
EXAMPLES = (
    Pair(first=film(2), second=film(3), same=True),
    Pair(first=film(4), second=film(5), same=False),
)


def judge(
    server: ChatServer, examples=EXAMPLES, *, timeout_seconds: float = 5.0, retries: int = 0
) -> VisionJudge:
    endpoint = Endpoint(
        base_url=server.base_url,
        model="tiny-vision",
        timeout_seconds=timeout_seconds,
        retries=retries,
    )
    return VisionJudge(endpoint=endpoint, examples=examples)


def sent_images(server: ChatServer) -> list[bytes]:
    parts = server.requests[-1]["messages"][1]["content"][1:]
    return [base64.b64decode(part["image_url"]["url"].split(",")[1]) for part in parts]


# --- the right answer


@pytest.mark.parametrize("answer", [0, 1])
def test_the_answer_is_0_or_1(server: ChatServer, answer: int):
    server.says(completion({"same_patient": answer}))
    assert judge(server).same_patient(PAIR, allow_sending=True) is bool(answer)


def test_the_solved_pairs_go_first_and_the_words_tell_which_images_they_are(server: ChatServer):
    server.says(completion({"same_patient": 1}))
    judge(server).same_patient(PAIR, allow_sending=True)
    request = server.requests[0]
    assert request["temperature"] == 0
    assert request["response_format"]["json_schema"]["strict"] is True
    assert request["messages"][1]["content"][0]["text"].splitlines() == [
        'Images 1 and 2: the answer is {"same_patient": 1}.',
        'Images 3 and 4: the answer is {"same_patient": 0}.',
        "Images 5 and 6: the same patient?",
    ]
    expected = [film(i) for i in (2, 3, 4, 5, 0, 1)]
    for sent, pixels in zip(sent_images(server), expected, strict=True):
        with Image.open(BytesIO(sent)) as image:
            np.testing.assert_array_equal(np.asarray(image), pixels)


def test_it_also_judges_without_examples(server: ChatServer):
    server.says(completion({"same_patient": 0}))
    plain = judge(server, ())
    assert not plain.same_patient(PAIR, allow_sending=True)
    assert len(sent_images(server)) == 2
    assert plain.name == "vlm: tiny-vision, 0 examples"


def test_the_share_is_the_papers_identity_score(server: ChatServer):
    server.says(*(completion({"same_patient": x}) for x in (1, 1, 0, 1)))
    assert share_same(judge(server), [PAIR] * 4, allow_sending=True) == 0.75


def test_a_failing_server_is_tried_again(server: ChatServer):
    server.says(failure(503), completion({"same_patient": 1}))
    assert judge(server, retries=1).same_patient(PAIR, allow_sending=True)


# --- nothing leaves unasked, and nothing but the pixels


def test_nothing_is_sent_without_leave(server: ChatServer):
    with pytest.raises(InvalidInputError, match="`allow_sending` must be True"):
        judge(server).same_patient(PAIR, allow_sending=False)
    with pytest.raises(InvalidInputError, match="`allow_sending` must be True"):
        share_same(judge(server), [PAIR], allow_sending=False)
    assert server.requests == []


def test_the_preview_is_what_is_sent_and_sends_nothing(server: ChatServer):
    shown = judge(server).preview(PAIR)
    assert server.requests == []
    server.says(completion({"same_patient": 1}))
    judge(server).same_patient(PAIR, allow_sending=True)
    system, user = server.requests[0]["messages"]
    assert system["content"] in shown.words
    assert user["content"][0]["text"] in shown.words
    assert list(shown.images) == sent_images(server)
    assert KEY not in shown.words


def chunks(data: bytes) -> set[bytes]:
    found, place = set(), 8
    while place < len(data):
        length, name = struct.unpack(">I4s", data[place : place + 8])
        found.add(name)
        place += 12 + length
    return found


def test_no_metadata_of_a_file_travels_with_its_pixels(tmp_path):
    told = PngImagePlugin.PngInfo()
    told.add_text("PatientName", "Ada Lovelace")
    Image.fromarray(film(0)).save(tmp_path / "a.png", pnginfo=told, dpi=(300, 300))
    with Image.open(tmp_path / "a.png") as image:
        sent = png(np.asarray(image))
    assert b"Lovelace" not in sent
    assert chunks(sent) == {b"IHDR", b"IDAT", b"IEND"}


def test_large_films_are_sent_small_and_in_shape():
    with Image.open(BytesIO(png(film(0, (1500, 3000))))) as image:
        assert image.size == (LARGEST_PX, LARGEST_PX // 2)


def test_colour_and_one_channel_pictures_are_both_taken():
    for shape, mode in (((40, 40, 3), "RGB"), ((40, 40, 1), "L")):
        with Image.open(BytesIO(png(film(0, shape)))) as image:
            assert image.mode == mode


def test_a_burned_in_name_can_be_covered():
    mask = np.zeros((48, 40), bool)
    mask[:8, :20] = True
    shown = covered(film(0), mask)
    assert not shown[:8, :20].any()
    np.testing.assert_array_equal(shown[8:], film(0)[8:])
    with pytest.raises(GeometryMismatchError, match="`mask` must lie on"):
        covered(film(0), mask[1:])


# --- what can go wrong


@pytest.mark.parametrize(
    "content",
    [
        {"same_patient": 2},
        {"same_patient": True},
        {"same_patient": 0.5},
        {"same_patient": "1"},
        {"same_patient": 1, "why": "the heart"},
        {"same": 1},
        "Yes, the same patient.",
        "1",
        [1],
    ],
)
def test_anything_but_0_or_1_is_refused(server: ChatServer, content):
    text = content if isinstance(content, str) else json.dumps(content)
    server.says(completion(text))
    with pytest.raises(EndpointError, match="must answer in JSON") as caught:
        judge(server).same_patient(PAIR, allow_sending=True)
    assert "heart" not in str(caught.value)


@pytest.mark.parametrize("status", [401, 404, 429, 500])
def test_refusals_are_one_sentence_without_the_key(server: ChatServer, status: int):
    server.says(failure(status, f"bad key {KEY}"))
    with pytest.raises(EndpointError) as caught:
        judge(server).same_patient(PAIR, allow_sending=True)
    assert KEY not in str(caught.value)


def test_a_server_that_hangs_is_left(server: ChatServer):
    server.says(Reply(body=b"{}", drip_seconds=1.0))
    with pytest.raises(EndpointError, match="did not answer within"):
        judge(server, timeout_seconds=0.3).same_patient(PAIR, allow_sending=True)


@pytest.mark.parametrize("answers", [(True, True), (False,), (True, False, None)])
def test_examples_must_be_solved_and_of_both_kinds(server: ChatServer, answers):
    examples = tuple(Pair(first=film(0), second=film(1), same=same) for same in answers)
    with pytest.raises(InvalidInputError, match="solved pairs of both kinds"):
        judge(server, examples)


def test_tiny_pictures_and_no_pairs_are_refused(server: ChatServer):
    tiny = Pair(first=film(0, (16, 40)), second=film(1))
    with pytest.raises(InvalidInputError, match="at least 32 x 32 pixels, got 16 x 40"):
        judge(server).same_patient(tiny, allow_sending=True)
    with pytest.raises(InvalidInputError, match="`pairs`"):
        share_same(judge(server), [], allow_sending=True)
    assert server.requests == []
