"""Cost of collecting against a plain OpenCV loop: both sides in one run, in turn, one thread.

    python benchmarks/collect.py --synthetic 60
    python benchmarks/collect.py VIDEO ... --loops 4

The plain loop reads every frame with OpenCV, searches one frame a second for faces at full size, and takes the face of
the highest confidence. facegen decodes the frames that it needs and searches them at the size that it needs. Both
search for faces of the same least side in pixels of the source, and both decode the sound. A face of the plain loop
counts as found if facegen's box at the same moment has an intersection over union of at least one half with it.

--synthetic writes a 720p video to measure on: a synthetic person who moves before a still room, with camera noise, as
H.264 with AAC.
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import av
import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from facegen.collect.video.examination import MediaFiles
from facegen.collect.video.examine import examine
from facegen.collect.video.examine_settings import NEVER, ExamineSettings, FaceSettings, SpeechSettings
from facegen.core.collection_interfaces import FaceBox
from facegen.core.registry import registry
from facegen.data.media.audio_decoding import read_speech
from facegen.data.synthetic.face import render_faces
from facegen.data.synthetic.moments import draw_moments
from facegen.data.synthetic.people import draw_people
from facegen.parts.detectors.haar import CASCADE

RATE_HZ = 16000
SAME_OVERLAP = 0.5
WIDTH, HEIGHT, PORTRAIT, FPS = 1280, 720, 440, 25
PERSON, CAMERA_NOISE = 502, 2.0
HALF_FRAME_MS = 20
Faces = dict[int, FaceBox]
Side = Callable[[Path], Faces]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("videos", type=Path, nargs="*", help="video files with sound")
    parser.add_argument(
        "--synthetic", type=int, default=0, metavar="SECONDS", help="length of a synthetic video to measure on"
    )
    parser.add_argument("--loops", type=int, default=1, help="number of times to repeat each video")
    parser.add_argument("--rounds", type=int, default=5, help="number of measurements of each side, in turn")
    parser.add_argument("--min-face", type=int, default=40, help="least side of a face, in pixels of the source")
    options = parser.parse_args()
    if not options.videos and not options.synthetic:
        parser.error("give videos, or --synthetic SECONDS")
    cv2.setNumThreads(1)
    sides: dict[str, Side] = {
        "plain loop": lambda path: plain_loop(path, options.min_face),
        "facegen, every second": lambda path: collected_faces(path, every_second(options.min_face)),
        "facegen, as it collects": lambda path: collected_faces(path, as_it_collects(options.min_face)),
    }
    with tempfile.TemporaryDirectory() as folder:
        for path in options.videos:
            long = path if options.loops == 1 else loop(path, options.loops, Path(folder) / f"{path.stem}.mkv")
            measure(long, sides, options.rounds, options.min_face)
        if options.synthetic:
            made = write_talk(Path(folder) / "synthetic.mp4", options.synthetic)
            measure(made, sides, options.rounds, options.min_face)


def measure(path: Path, sides: dict[str, Side], rounds: int, min_face: int) -> None:
    """Print core-seconds per hour of video, and the share of the plain loop's faces that each side finds."""
    seconds: dict[str, list[float]] = {name: [] for name in sides}
    faces: dict[str, Faces] = {}
    for _ in range(rounds):
        for name, side in sides.items():
            began = time.process_time()
            faces[name] = side(path)
            seconds[name].append(time.process_time() - began)
    length, picture = describe(path)
    title = f"{path.name}: {picture}, {length:.1f} s, faces of at least {min_face} pixels"
    table = Table("", "core-seconds per hour", "ratio", "faces", "of the plain loop's", title=title)
    old = next(iter(sides))
    for name in sides:
        cost = statistics.median(seconds[name]) / length * 3600
        ratio = statistics.median(a / b for a, b in zip(seconds[old], seconds[name], strict=True))
        num_shared = sum(same(box, faces[name].get(moment)) for moment, box in faces[old].items())
        share = f"{num_shared} of {len(faces[old])}"
        table.add_row(name, f"{cost:,.0f}", f"{ratio:.2f}x", str(len(faces[name])), share)
    Console(width=110).print(table)


def plain_loop(path: Path, min_face: int) -> Faces:
    """Return the faces of the plain loop: read every frame, search one a second at full size."""
    cascade = cv2.CascadeClassifier(str(CASCADE))
    capture = cv2.VideoCapture(str(path))
    faces: Faces = {}
    second = 0
    while True:
        read, frame = capture.read()
        if not read:
            break
        if capture.get(cv2.CAP_PROP_POS_MSEC) >= 1000 * second - HALF_FRAME_MS:
            boxes, _, weights = cascade.detectMultiScale3(
                cv2.cvtColor(frame, cv2.COLOR_BGR2GRAY), 1.1, 5, minSize=(min_face, min_face), outputRejectLevels=True
            )
            if len(boxes):
                best = int(np.argmax(weights))
                left, top, width, _ = (int(value) for value in boxes[best])
                faces[second] = FaceBox(left, top, width, float(np.ravel(weights)[best]))
            second += 1
    capture.release()
    read_speech(path, RATE_HZ)
    return faces


def collected_faces(path: Path, settings: ExamineSettings) -> Faces:
    """Return the faces that `facegen collect` finds in a video."""
    detector = registry().find("detector", "haar").load()()
    examination = examine(MediaFiles(path), settings, None, None, detector)
    return {round(frame.time_seconds): frame.box for frame in examination.frames if frame.box is not None}


def loop(path: Path, times: int, out: Path) -> Path:
    """Write a video repeated several times, without coding it anew."""
    with av.open(str(path)) as first, av.open(str(out), "w") as written:
        length = (first.duration or 0) / av.time_base
        streams = {kind: written.add_stream_from_template(first.streams.best(kind)) for kind in ("video", "audio")}
        for number in range(times):
            with av.open(str(path)) as container:
                kinds = [container.streams.best(kind) for kind in streams]
                for packet in container.demux(*kinds):
                    if packet.dts is None or packet.pts is None:
                        continue
                    shift = round(number * length / packet.time_base)
                    packet.pts, packet.dts = packet.pts + shift, packet.dts + shift
                    packet.stream = streams[packet.stream.type]
                    written.mux(packet)
    return out


def write_talk(out: Path, seconds: int) -> Path:
    """Write a video of a synthetic person whose head turns every two seconds and drifts over the picture."""
    draw = np.random.default_rng(0)
    portraits = draw_portraits(2 * FPS)
    room = cv2.GaussianBlur(draw.normal(size=(HEIGHT, WIDTH, 3)), (0, 0), 20).astype(np.float32)
    room = 128 + 30 * room / room.std()
    grains = draw.normal(0, CAMERA_NOISE, (8, HEIGHT, WIDTH, 1)).astype(np.float32)
    time = np.arange(seconds * RATE_HZ) / RATE_HZ
    hum = np.round(8000 * np.sin(2 * np.pi * 150 * time) * (1 + np.sin(2 * np.pi * 3 * time)) / 2).astype(np.int16)
    with av.open(str(out), "w") as container:
        video = container.add_stream("libx264", rate=FPS, options={"preset": "medium", "crf": "23"})
        video.width, video.height, video.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        audio = container.add_stream("aac", rate=RATE_HZ, layout="mono")
        for number in range(seconds * FPS):
            shown = room.copy()
            left = round((WIDTH - PORTRAIT) / 2 * (1 + 0.5 * np.sin(2 * np.pi * number / FPS / 40)))
            shown[-PORTRAIT:, left : left + PORTRAIT] = portraits[number % len(portraits)]
            shown += grains[draw.integers(len(grains))]
            picture = av.VideoFrame.from_ndarray(shown.clip(0, 255).astype(np.uint8), format="rgb24")
            container.mux(video.encode(picture))
        container.mux(video.encode(None))
        sound = av.AudioFrame.from_ndarray(hum[None], format="s16", layout="mono")
        sound.sample_rate, sound.pts = RATE_HZ, 0
        container.mux(audio.encode(sound))
        container.mux(audio.encode(None))
    return out


def draw_portraits(num_frames: int) -> NDArray[np.uint8]:
    """Draw one person whose head turns to and fro once and whose mouth opens four times: (frames, H, W, 3)."""
    row = torch.zeros(num_frames, dtype=torch.int64)
    moments = draw_moments(3, row, row)
    turn = 2 * torch.pi * torch.arange(num_frames) / num_frames
    moments |= {name: torch.zeros(num_frames) for name in ("pitch", "roll", "shift_x", "shift_y", "gaze_x", "gaze_y")}
    moments |= {"yaw": 0.12 * torch.sin(turn), "mouth_open": 0.4 - 0.4 * torch.cos(4 * turn)}
    drawn: NDArray[np.uint8] = render_faces(draw_people(3, row + PERSON), moments, PORTRAIT).numpy()
    return drawn


def every_second(min_face: int) -> ExamineSettings:
    """Return settings that skip no frame for its time or sound, so that both sides search as many frames."""
    speech = SpeechSettings(
        window_seconds=0.04, spacing_seconds=1.0, silence_db=NEVER, min_sounding_share=0.0, max_clipped_share=1.0
    )
    return ExamineSettings(face=FaceSettings(min_face_pixels=min_face, one_speaker=False), speech=speech)


def as_it_collects(min_face: int) -> ExamineSettings:
    """Return the default settings, which skip frames close to an accepted one or without speech around them."""
    return ExamineSettings(face=FaceSettings(min_face_pixels=min_face))


def same(box: FaceBox, other: FaceBox | None) -> bool:
    """Return True if the intersection over union of two squares is at least SAME_OVERLAP."""
    if other is None:
        return False
    width = min(box.left + box.side, other.left + other.side) - max(box.left, other.left)
    height = min(box.top + box.side, other.top + other.side) - max(box.top, other.top)
    shared = max(0, width) * max(0, height)
    return shared >= SAME_OVERLAP * (box.side**2 + other.side**2 - shared)


def describe(path: Path) -> tuple[float, str]:
    with av.open(str(path)) as container:
        video = container.streams.video[0]
        return (container.duration or 0) / av.time_base, f"{video.width}x{video.height}"


if __name__ == "__main__":
    main()
