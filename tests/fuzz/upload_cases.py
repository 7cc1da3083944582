"""Hostile requests to the local page of the plugin facegen-demo: each is answered, and the server lives on."""

import json
import random
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

from file_cases import write_media
from hostile_case import Case
from hostile_values import FILE_NAMES, TEXTS, hostile_bytes

DEMO = Path(__file__).parents[2] / "plugins" / "facegen-demo"
NUMBERS = ("0", "1", "-1", "", "x", "9" * 400, "1e3", "\u0663", "999999999", " 1", "0x1", "nan")
PATHS = ("/api/faces", "/api/between", "/api/match")
HEADERS = (
    b"Host: evil.example", b"Content-Length: 5", b"Content-Length: -1", b"Content-Length: 99999999999", b"Content-Length: x",
    b"Content-Type: multipart/form-data", b"Content-Type: multipart/form-data; boundary=", b"Content-Type: text/plain",
    b"Content-Type: multipart/form-data; boundary=\xff\xfe", b"Transfer-Encoding: chunked", b"Origin: null", b"X: " + b"y" * 70_000,
    b"Content-Type: multipart/form-data; boundary=" + b"b" * 5000, b"Expect: 100-continue", b"Connection: upgrade",
)  # fmt: skip


def upload_cases(draw: random.Random) -> Iterator[Case]:
    """Yield batches of requests without end."""
    while True:
        yield _case(random.Random(draw.random()), draw.random() < 0.3)


def _case(draw: random.Random, raw: bool) -> Case:
    def call(folder: Path) -> object:
        sys.path[:0] = [str(DEMO), str(DEMO / "tests")]
        from demo_client import served
        from facegen_demo.drawing import DemoModel

        with served(DemoModel.open(folder.parent / "run")) as client:
            for _ in range(10):
                answer = _raw(draw, client.port) if raw else _post(draw, client, folder)
                print(answer)
            status = client.request("GET", "/api/model").status
            if status != 200:
                raise RuntimeError(f"the server answers {status} afterwards")
        return None

    return Case(f"uploads: {'raw requests' if raw else 'forms'}", (), write_media, 90.0, 1500.0, "10 requests", call=call)


def _post(draw: random.Random, client: object, folder: Path) -> str:
    """Send a form; every answer is JSON, and no status is that of a bug."""
    files = {"speech": (folder / "sound.wav").read_bytes(), "pictures": (folder / "face.png").read_bytes()}
    fields: list[tuple[str, object]] = []
    for name, content in (*files.items(), ("pictures", files["pictures"]), ("speech_b", files["speech"])):
        value = draw.choice((content, content, hostile_bytes(draw, content), b"", draw.randbytes(50), files["pictures"]))
        label = draw.choice(("a.wav", draw.choice(FILE_NAMES).decode("utf-8", "replace").replace('"', "").replace("\n", "")))
        fields.append((name, (label, value)) if draw.random() < 0.9 else (name, draw.choice(TEXTS)))
    fields += [("seed", draw.choice(NUMBERS)), (draw.choice(("name", "text", "detect", "x")), draw.choice((*TEXTS, "yes")))]
    if draw.random() < 0.1:
        fields += [("pictures", ("p.png", files["pictures"]))] * draw.choice((3, 9, 30))
    draw.shuffle(fields)
    path, permission = draw.choice(PATHS), draw.choice(("yes",) * 9 + ("no",))
    reply = client.post(path, *fields, permission=permission)
    if reply.status >= 500:
        raise RuntimeError(f"{path}: status {reply.status}: {reply.body[:300]!r} for {fields!r:.1000}")
    json.loads(reply.body)
    return f"{path} {reply.status} {reply.body[:100]!r}"


def _raw(draw: random.Random, port: int) -> str:
    """Send bytes that are no proper request, and read what comes back."""
    lines = [draw.choice((b"POST /api/faces HTTP/1.1", b"GET /page/../../x HTTP/1.1", b"GET /%2e%2e/%00 HTTP/1.1", b"\xff\xff", b"POST"))]
    lines += [b"Host: 127.0.0.1:%d" % port, *draw.sample(HEADERS, draw.randrange(5))]
    request = b"\r\n".join(lines) + b"\r\n\r\n" + draw.randbytes(draw.choice((0, 20, 5000)))
    with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
        connection.sendall(request if draw.random() < 0.8 else request[: draw.randrange(len(request))])
        connection.shutdown(socket.SHUT_WR)
        try:
            answer = connection.recv(1000)
        except OSError as error:
            return f"{lines[0]!r}: {error}"
    if b" 500 " in answer[:20]:
        raise RuntimeError(f"{request[:300]!r}: {answer!r}")
    return f"{lines[0]!r} {answer[:60]!r}"
