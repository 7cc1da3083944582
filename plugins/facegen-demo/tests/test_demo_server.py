"""The server as a browser, another website and a careless user meet it."""

import base64
import io
import re
import socket
import threading
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("starlette", reason="starlette is not installed: pip install ./plugins/facegen-demo")
pytest.importorskip("uvicorn", reason="uvicorn is not installed: pip install ./plugins/facegen-demo")
pytest.importorskip("python_multipart", reason="python-multipart is not installed: pip install ./plugins/facegen-demo")

import facegen_demo
from demo_client import Client, form, served, wav
from facegen_demo.serving import listen
from facegen_demo.uploads import MAX_BYTES
from PIL import Image

import facegen
from facegen.core.errors import DataError

PAGE = Path(facegen_demo.__file__).parent / "page"
VOICE = ("speech", ("secret.wav", wav(0.5)))


def picture(seed: int) -> bytes:
    content = io.BytesIO()
    pixels = np.random.default_rng(seed).integers(0, 255, (40, 30, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(content, format="PNG")
    return content.getvalue()


def image_of(uri: str) -> Image.Image:
    return Image.open(io.BytesIO(base64.b64decode(uri.removeprefix("data:image/jpeg;base64,"))))


def files_in_memory() -> list[str]:
    """Names of the open files that have no place on a disk."""
    names = []
    for descriptor in Path("/proc/self/fd").iterdir():
        with suppress(FileNotFoundError):  # closed in the meantime
            names.append(str(descriptor.readlink()))
    return [name for name in names if name.startswith("/memfd:facegen-demo")]


def test_the_page_and_its_files_are_served_with_a_strict_policy(client: Client) -> None:
    page = client.request("GET", "/")
    assert page.status == 200 and b"not a portrait" in page.body
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'" in policy and "connect-src 'self'" in policy and "http" not in policy
    assert page.headers["x-content-type-options"] == "nosniff" and page.headers["cache-control"] == "no-store"
    assert not [name for name in page.headers if name.startswith("access-control")]
    for path in re.findall(r'(?:href|src)="(/[^"]+)"', page.body.decode()):
        assert client.request("GET", path).status == 200


def test_the_page_names_no_other_address() -> None:
    for path in PAGE.iterdir():
        addresses = set(re.findall(r"(?:https?:)?//[\w.-]+\.\w+", path.read_text(encoding="utf-8")))
        assert addresses <= {"http://www.w3.org"}, path  # the namespace of SVG


def luminance(colour: str) -> float:
    """Relative luminance of "#rrggbb" (WCAG 2.2)."""
    shares = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    red, green, blue = (s / 12.92 if s <= 0.04045 else ((s + 0.055) / 1.055) ** 2.4 for s in shares)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize("scheme", [0, 1], ids=["light", "dark"])
def test_text_has_the_contrast_of_wcag_aa(scheme: int) -> None:
    style = (PAGE / "style.css").read_text(encoding="utf-8")
    colours = dict(re.findall(r"--([\w-]+): (#\w{6})", re.findall(r":root \{(.*?)\}", style, flags=re.DOTALL)[scheme]))
    pairs = [(text, ground) for text in ("ink", "soft", "error") for ground in ("ground", "card")]
    for text, ground in [*pairs, ("ink", "warm"), ("ink", "shade"), ("on-accent", "accent")]:
        low, high = sorted((luminance(colours[text]), luminance(colours[ground])))
        assert (high + 0.05) / (low + 0.05) >= 4.5, f"{text} on {ground}"


def test_the_model_is_described(client: Client) -> None:
    model = client.request("GET", "/api/model").values
    assert (model["name"], model["inputs"], model["can_match"]) == ("tiny", ["speech"], True)
    assert "faces of 16 pixels, trained on synthetic speakers" in model["line"]


def test_faces_follow_a_path_through_noises_and_are_marked(client: Client, drawing: Any) -> None:
    reply = client.post("/api/faces", VOICE, ("seed", "4"))
    drawn = reply.values
    assert reply.status == 200 and len(drawn["faces"]) == 49 and drawn["stops"] == list(range(0, 49, 6))
    assert drawn["note"] == "Enlarged from 16 to 256 pixels." and drawn["seed"] == 4
    with image_of(drawn["faces"][6]) as face:
        assert face.size == (256, 256)
        assert b"digitalsourcetype/trainedAlgorithmicMedia" in face.info["xmp"] and b"seed 4" in face.info["xmp"]
        shown = np.asarray(face.resize((16, 16), Image.Resampling.BOX)).astype(int)
    assert b"secret" not in reply.body
    samples = np.frombuffer(VOICE[1][1][44:], "<i2")
    second = drawing.model.sample(speech=samples, sample_rate_hz=16000, count=2, seed=4)[1]
    assert np.abs(shown - np.asarray(second)).mean() < 8


def test_a_path_between_two_voices(client: Client) -> None:
    drawn = client.post("/api/between", VOICE, ("speech_b", ("b.wav", wav(0.5, 220)))).values
    assert len(drawn["faces"]) == 33 and drawn["stops"] == [0, 32]
    assert drawn["faces"][0] != drawn["faces"][-1]


def test_pictures_are_ranked(client: Client) -> None:
    pictures = [("pictures", (f"{number}.png", picture(number))) for number in range(3)]
    ranked = client.post("/api/match", VOICE, *pictures).values
    shares = [candidate["probability"] for candidate in ranked["candidates"]]
    assert shares == sorted(shares, reverse=True) and sum(shares) == pytest.approx(1)
    assert {candidate["name"] for candidate in ranked["candidates"]} == {"0.png", "1.png", "2.png"}
    assert ranked["chance"] == pytest.approx(1 / 3)


def refused(client: Client, path: str, *fields: Any, permission: str = "yes") -> str:
    reply = client.post(path, *fields, permission=permission)
    assert reply.status == 400
    return str(reply.values["error"])


def test_incomplete_and_bad_requests_are_refused_in_words(client: Client) -> None:
    assert "that you have permission" in refused(client, "/api/faces", VOICE, permission="no")
    assert refused(client, "/api/faces") == "something is missing: record a voice or choose a file"
    assert "for the second person" in refused(client, "/api/between", VOICE)
    assert "whole number" in refused(client, "/api/faces", VOICE, ("seed", "-1"))
    one = ("pictures", ("a.png", picture(0)))
    assert "one picture alone is not compared" in refused(client, "/api/match", VOICE, one)
    two = [one, ("pictures", ("b.png", picture(1)))]
    assert "a.png: no face from the front was found" in refused(client, "/api/match", VOICE, *two, ("detect", "yes"))
    assert "9 pictures are too many; choose 8" in refused(client, "/api/match", VOICE, *[one] * 9)
    text = refused(client, "/api/faces", ("speech", ("notes.txt", b"no sound at all")))
    assert text.startswith("notes.txt: cannot be decoded") and "/proc" not in text
    silent = wav(0.5)[:44] + bytes(16000)
    assert "is silent" in refused(client, "/api/faces", ("speech", ("a.wav", silent)))


@pytest.mark.parametrize(("waits", "status"), [(True, b"403"), (False, b"400")])
def test_a_request_whose_body_breaks_has_one_answer_and_closes_the_connection(
    waits: bool, status: bytes, client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    head = b"POST /api/faces HTTP/1.1\r\nHost: evil.example\r\nTransfer-Encoding: chunked\r\n\r\n"
    broken = b"no length of a chunk\r\n"
    with socket.create_connection(("127.0.0.1", client.port), timeout=10) as connection:
        connection.sendall(head if waits else head + broken)
        answer = connection.recv(2**16)
        with suppress(BrokenPipeError, ConnectionResetError):
            connection.sendall(broken)
            while received := connection.recv(2**16):
                answer += received
    assert answer.startswith(b"HTTP/1.1 " + status) and answer.count(b"HTTP/1.1 ") == 1
    assert client.request("GET", "/").status == 200
    assert not [record for record in caplog.records if record.exc_info]


def test_long_recordings_and_large_requests_are_refused(client: Client) -> None:
    long = wav(61, rate_hz=4000)
    assert refused(client, "/api/faces", ("speech", ("a.wav", long))) == "a.wav: is longer than 60 seconds; cut it"
    _, content_type = form([])
    headers = {"Content-Type": content_type, "Content-Length": str(MAX_BYTES + 1)}
    assert client.request("POST", "/api/faces", b"", headers).status == 413

    def chunks() -> Any:
        yield b"--" + content_type.partition("=")[2].encode() + b'\r\nContent-Disposition: form-data; name="speech"; '
        yield b'filename="a"\r\n\r\n'
        for _ in range(MAX_BYTES // 2**20 + 1):
            yield bytes(2**20)

    # Without a length, in chunks; the server may close the connection before everything is sent.
    with suppress(BrokenPipeError, ConnectionResetError):
        assert client.request("POST", "/api/faces", chunks(), {"Content-Type": content_type}).status == 413
    assert client.post("/api/faces", VOICE).status == 200


def test_uploads_are_held_in_memory_and_nothing_is_left(
    client: Client, drawing: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    during: list[list[str]] = []
    draw = type(drawing).faces

    def note(self: Any, *given: Any) -> Any:
        during.append([*files_in_memory(), *(path.name for path in tmp_path.iterdir())])
        return draw(self, *given)

    monkeypatch.setattr(type(drawing), "faces", note)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    for content in (wav(55), b"no sound"):  # 1.7 MB is more than a form parser holds in memory by default
        client.post("/api/faces", ("speech", ("a.wav", content)))
    assert during == [["/memfd:facegen-demo (deleted)"]]
    assert not files_in_memory() and not list(tmp_path.iterdir())


@pytest.mark.parametrize("headers", [
    {"Host": "evil.example"}, {"Host": "evil.example:{port}"}, {"Host": "127.0.0.1"}, {"Host": "127.0.0.1:1"},
    {"Origin": "https://evil.example"}, {"Origin": "null"}, {"Origin": "http://127.0.0.1:1"},
    {"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"},
])  # fmt: skip
def test_other_websites_are_refused(headers: dict[str, str], client: Client) -> None:
    named = {key: value.format(port=client.port) for key, value in headers.items()}
    body, content_type = form([("permission", "yes"), VOICE])
    for reply in (
        client.request("POST", "/api/faces", body, {"Content-Type": content_type, **named}),
        client.request("GET", "/", b"", named),
    ):
        assert reply.status == 403 and (b"refused" in reply.body or b"own address" in reply.body)


def test_a_link_to_the_page_may_be_followed(client: Client) -> None:
    followed = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}
    assert client.request("GET", "/", b"", followed).status == 200
    body, content_type = form([("permission", "yes"), VOICE])
    sent = {**followed, "Origin": "https://evil.example", "Content-Type": content_type}
    assert client.request("POST", "/api/faces", body, sent).status == 403  # a form of another website


def test_the_own_origin_is_accepted(client: Client) -> None:
    for host in ("127.0.0.1", "localhost"):
        own = {"Host": f"{host}:{client.port}", "Origin": f"http://{host}:{client.port}"}
        assert client.request("GET", "/api/model", b"", own).status == 200


def test_a_second_job_is_told_that_the_first_runs(drawing: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    started, go_on = threading.Event(), threading.Event()
    draw = type(drawing).faces

    def wait(self: Any, *given: Any) -> Any:
        started.set()
        assert go_on.wait(30)
        return draw(self, *given)

    monkeypatch.setattr(type(drawing), "faces", wait)
    with served(drawing) as client:
        replies = []
        first = threading.Thread(target=lambda: replies.append(client.post("/api/faces", VOICE)))
        first.start()
        assert started.wait(30)
        try:
            busy = client.post("/api/faces", VOICE)
            assert client.request("GET", "/").status == 200  # the page itself is there
        finally:
            go_on.set()
            first.join()
        assert busy.status == 503 and "another drawing is in progress" in busy.values["error"]
        assert replies[0].status == 200 and client.post("/api/faces", VOICE).status == 200


def test_the_server_listens_on_the_loopback_alone_and_falls_back_to_a_free_port() -> None:
    with listen(None) as first, listen(None) as second:
        assert first.getsockname()[0] == second.getsockname()[0] == "127.0.0.1"
        taken = second.getsockname()[1]
        assert first.getsockname()[1] != taken
        with pytest.raises(DataError, match=f"--port {taken}: is taken; give another port"):
            listen(taken)
    with listen(taken) as again:
        assert again.family == socket.AF_INET and again.getsockname()[1] == taken


def test_the_mark_names_this_version(client: Client) -> None:
    with image_of(client.post("/api/faces", VOICE).values["faces"][0]) as face:
        assert f"facegen {facegen.__version__}".encode() in face.info["xmp"]


@pytest.mark.parametrize(("recipe", "field", "value", "inputs"), [
    ("text_gan_cls", "text", "a man with short grey hair", ["text"]),
    ("name_lsgan_dropout", "name", "speaker-3", ["name"]),
])  # fmt: skip
def test_a_model_asks_for_what_it_was_trained_on(
    recipe: str, field: str, value: str, inputs: list[str], tmp_path: Path
) -> None:
    from facegen_demo.drawing import DemoModel
    from tiny_runs import RECIPES, TINY

    from facegen import train

    changes = {key: value for key, value in TINY.items() if field == "text" or not key.startswith("match.")}
    run = train(RECIPES / f"{recipe}.toml", changes, preset="small", out=tmp_path / "run", observer=facegen.Observer())
    with served(DemoModel.open(run)) as client:
        model = client.request("GET", "/api/model").values
        assert model["inputs"] == inputs and ("speaker-3" in model["names"]) == (field == "name")
        assert client.post("/api/faces", (field, value)).values["faces"]
        assert "something is missing" in refused(client, "/api/faces")
        assert len(client.post("/api/between", (field, value), (f"{field}_b", value)).values["faces"]) == 33
