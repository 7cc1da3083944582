"""Small videos of synthetic people with a humming sound, and a server for them."""

import functools
import http.server
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import av
import numpy as np
import torch

from facegen.data.synthetic.face import render_faces
from facegen.data.synthetic.moments import draw_moments
from facegen.data.synthetic.people import draw_people

WIDTH, HEIGHT, FACE = 160, 128, 112
FPS = 5
RATE_HZ = 16000
DETECTED_PEOPLE = (500, 502, 503, 504, 506, 509)
"""Synthetic people with one face of more than 64 pixels that the cascade detects."""


@functools.cache
def portrait(person: int) -> np.ndarray:
    """Render (HEIGHT, WIDTH, 3): a frontal face on grey."""
    number = torch.tensor([person])
    moments = draw_moments(3, number, torch.zeros_like(number))
    moments |= {name: torch.zeros_like(moments[name]) for name in ("yaw", "pitch", "roll")}
    picture = np.full((HEIGHT, WIDTH, 3), 128, np.uint8)
    top, left = (HEIGHT - FACE) // 2, (WIDTH - FACE) // 2
    picture[top : top + FACE, left : left + FACE] = render_faces(draw_people(3, number), moments, FACE)[0].numpy()
    return picture


def hum(seed: int, seconds: float) -> np.ndarray:
    """Synthesise (samples,) int16: a chord that depends on the seed."""
    time = np.arange(round(seconds * RATE_HZ)) / RATE_HZ
    pitches = np.random.default_rng(seed).uniform(100, 900, 3)
    return np.round(4000 * sum(np.sin(2 * np.pi * pitch * time) for pitch in pitches)).astype(np.int16)


def write_speaker(path: Path, number: int, seconds: float = 8.0, *, pictures: bool = True, sound: bool = True) -> Path:
    """Write a video that shows one face throughout; 8 s give accepted frames at 2, 4 and 6 s."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w") as container:
        video = container.add_stream("mpeg4", rate=FPS) if pictures else None
        audio = container.add_stream("aac", rate=RATE_HZ, layout="mono") if sound else None
        if video is not None:
            video.width, video.height, video.pix_fmt, video.bit_rate = WIDTH, HEIGHT, "yuv420p", 400_000
            for _ in range(round(seconds * FPS)):
                person = DETECTED_PEOPLE[number % len(DETECTED_PEOPLE)]
                frame = av.VideoFrame.from_ndarray(portrait(person), format="rgb24")
                container.mux(video.encode(frame))
            container.mux(video.encode(None))
        if audio is not None:
            frame = av.AudioFrame.from_ndarray(hum(number, seconds)[None], format="s16", layout="mono")
            frame.sample_rate, frame.pts = RATE_HZ, 0
            container.mux(audio.encode(frame))
            container.mux(audio.encode(None))
    return path


class Site:
    """Local server.

    Attributes:
        root: folder of the served files.
        address: its URL.
        asked: {path: number of GET requests}.
        failures: {path: HTTP statuses of its next requests}.
        short: paths of which only half is sent.
        headers: {path: headers of its last request}.
    """

    def __init__(self, root: Path) -> None:
        self.root, self.address = root, ""
        self.asked: Counter[str] = Counter()
        self.failures: dict[str, list[int]] = {}
        self.short: set[str] = set()
        self.headers: dict[str, dict[str, str]] = {}

    def url(self, path: str) -> str:
        return f"{self.address}/{path}"

    def write_feed(self, path: str, items: list[str]) -> str:
        """Write an RSS feed of a channel, and return its URL."""
        entries = "".join(f"<item><title>{item}</title><link>{self.url(item)}</link></item>" for item in items)
        head = '<?xml version="1.0"?><rss version="2.0"><channel><title>a channel</title>'
        (self.root / path).write_text(f"{head}{entries}</channel></rss>")
        return self.url(path)

    def write_page(self, path: str, video: str) -> str:
        """Write a page with a video, and return its URL."""
        page = f'<html><head><title>A talk</title></head><body><video src="{video}"></video></body></html>'
        (self.root / path).write_text(page)
        return self.url(path)


@contextmanager
def serving(root: Path) -> Iterator[Site]:
    """Serve a folder."""
    site = Site(root)
    root.mkdir(parents=True, exist_ok=True)

    class Handler(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *args: object) -> None:
            super().__init__(*args, directory=str(root))

        def log_message(self, *args: object) -> None: ...

        def do_GET(self) -> None:
            name = self.path.lstrip("/")
            site.asked[name] += 1
            site.headers[name] = dict(self.headers)
            if site.failures.get(name):
                self.send_error(site.failures[name].pop(0))
                return
            if name in site.short:
                content = (root / name).read_bytes()
                self.send_response(200)
                self.send_header("Content-Type", "video/mp4")
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content[: len(content) // 2])
                self.close_connection = True
                return
            super().do_GET()

        def copyfile(self, source: object, out: object) -> None:
            try:
                super().copyfile(source, out)
            except (BrokenPipeError, ConnectionResetError):
                self.close_connection = True

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    site.address = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield site
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
