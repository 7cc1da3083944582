"""Videos of synthetic people with a known fault planted in the middle of each."""

import functools
import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from facegen.data.synthetic.face import render_faces
from facegen.data.synthetic.moments import draw_moments
from facegen.data.synthetic.people import draw_people
from facegen.data.synthetic.voice import speak
from facegen.parts.detectors.haar import Haar

WIDTH, HEIGHT, FACE = 240, 192, 168
FPS, RATE_HZ = 5, 16000
WORLD = 7
OWN_SECONDS, PLANTED_SECONDS = 10.0, 8.0
FIRST_STRANGER = 100000
"""Number of the first person who has no videos of their own and appears as a stranger only."""
PLANTED = {
    "nothing": "nothing",
    "stranger": "a stranger speaks",
    "exchanged": "another person of the list speaks",
    "cutaway": "a stranger's face over the person's voice",
    "dubbing": "a stranger's voice over the person's face",
    "card": "a title card over the person's voice",
    "silence": "the person says nothing",
    "two": "the person beside a stranger",
}
WRONG = ("stranger", "exchanged", "cutaway", "dubbing", "card", "silence", "two")
EDGE = "its speech reaches into what was planted"
CLEAN = "right"


@dataclass(frozen=True)
class Scene:
    """A piece of a video.

    Attributes:
        kind: "own", or a key of PLANTED.
        start, end: seconds.
        faces: numbers of the people who are seen, in the synthetic world.
        voice: number of the person who is heard; -1 for silence.
        clip: number of the clip, which decides pose and words.
    """

    kind: str
    start: float
    end: float
    faces: tuple[int, ...]
    voice: int
    clip: int


def usable_people(num: int, first: int) -> list[int]:
    """Return numbers of `num` people, from `first` on, in whose pictures the detector finds exactly one face."""
    detector, usable = Haar(), []
    for person in itertools.count(first):
        if len(usable) == num:
            return usable
        if all(len(detector.find(picture((person,), person, moment))) == 1 for moment in range(3)):
            usable.append(person)
    return usable


@functools.lru_cache(maxsize=16)
def picture(people: tuple[int, ...], clip: int, moment: int) -> NDArray[np.uint8]:
    """Draw the faces of people before a grey background, or a title card if there are none: (HEIGHT, WIDTH, 3)."""
    if not people:
        return _card(clip)
    shown = np.full((HEIGHT, WIDTH, 3), 128, np.uint8)
    side = FACE if len(people) == 1 else WIDTH // 2
    for place, person in enumerate(people):
        numbers = torch.tensor([person]), torch.tensor([clip]), torch.tensor([moment])
        moments = draw_moments(WORLD, *numbers[1:])
        moments |= {name: torch.zeros_like(moments[name]) for name in ("yaw", "pitch", "roll")}
        face = render_faces(draw_people(WORLD, numbers[0]), moments, side)[0].numpy()
        left = (WIDTH - side) // 2 if len(people) == 1 else place * side
        shown[(HEIGHT - side) // 2 : (HEIGHT - side) // 2 + side, left : left + side] = face
    return shown


def _card(number: int) -> NDArray[np.uint8]:
    image = Image.new("RGB", (WIDTH, HEIGHT), ("white", "navy", "black")[number % 3])
    draw = ImageDraw.Draw(image)
    draw.ellipse((70, 20, 170, 120), outline="orange", width=6)
    draw.text((40, 130), f"Part {number % 9 + 1}\nThank you", "grey", ImageFont.load_default(24))
    return np.asarray(image)


def plan(person: int, kind: str, clip: int, stranger: int, other: int) -> list[Scene]:
    """Return three scenes: the person, the planted fault, the person again."""
    faces, voice = {
        "nothing": ((person,), person), "stranger": ((stranger,), stranger), "exchanged": ((other,), other),
        "cutaway": ((stranger,), person), "dubbing": ((person,), stranger), "card": ((), person),
        "silence": ((person,), -1), "two": ((person, stranger), person),
    }[kind]  # fmt: skip
    first, second = OWN_SECONDS, OWN_SECONDS + PLANTED_SECONDS
    return [
        Scene("own", 0, first, (person,), person, clip),
        Scene(kind, first, second, faces, voice, clip + 1),
        Scene("own", second, second + OWN_SECONDS, (person,), person, clip),
    ]


def write_video(path: Path, scenes: Sequence[Scene]) -> None:
    """Encode the pictures and the sound of the scenes as a video file."""
    with av.open(str(path), "w") as container:
        video = container.add_stream("mpeg4", rate=FPS)
        video.width, video.height, video.pix_fmt, video.bit_rate = WIDTH, HEIGHT, "yuv420p", 900_000
        audio = container.add_stream("aac", rate=RATE_HZ, layout="mono")
        for scene in scenes:
            for number in range(round(scene.start * FPS), round(scene.end * FPS)):
                # A face moves once a second, as the collection examines one frame a second.
                shown = picture(scene.faces, scene.clip, number // FPS)
                container.mux(video.encode(av.VideoFrame.from_ndarray(shown, format="rgb24")))
        container.mux(video.encode(None))
        sound = av.AudioFrame.from_ndarray(_sound(scenes)[None], format="s16", layout="mono")
        sound.sample_rate, sound.pts = RATE_HZ, 0
        container.mux(audio.encode(sound))
        container.mux(audio.encode(None))


def _sound(scenes: Sequence[Scene]) -> NDArray[np.int16]:
    parts = []
    for number, scene in enumerate(scenes):
        samples = round(scene.end * RATE_HZ) - round(scene.start * RATE_HZ)
        if scene.voice < 0:
            parts.append(np.zeros(samples, np.int16))
            continue
        words = torch.tensor([1000 * scene.clip + number])
        spoken = speak(draw_people(WORLD, torch.tensor([scene.voice])), WORLD, words, samples, RATE_HZ).samples[0]
        parts.append((spoken.numpy() * 20000).astype(np.int16))
    return np.concatenate(parts)


def write_set(folder: Path, num_people: int, num_videos: int) -> dict[str, list[Scene]]:
    """Write the videos and their list of sources; return {file name: scenes}."""
    people, strangers = usable_people(num_people, 0), itertools.cycle(usable_people(num_people, FIRST_STRANGER))
    kinds, truth, text = itertools.cycle(PLANTED), {}, []
    for number, person in enumerate(people):
        names = []
        for video in range(num_videos):
            kind = next(kinds)
            name = f"{person}_{video}.mp4"
            clip = 10 * (number * num_videos + video)
            truth[name] = plan(person, kind, clip, next(strangers), people[(number + 1 + video) % num_people])
            if not (folder / name).exists():
                write_video(folder / name, truth[name])
            names.append(f'"{name}"')
        # The next person begins with another kind, so that no person has the same kinds as all others.
        next(kinds)
        text.append(f'[[person]]\nname = "person {person}"\nvideos = [{", ".join(names)}]\n')
    (folder / "sources.toml").write_text("\n".join(text), encoding="utf-8")
    return truth


def truth_at(scenes: Sequence[Scene], moment: float, window: float = 4.0) -> str:
    """Return the truth of a moment.

    Args:
        scenes: scenes of the video.
        moment, window: time of the frame and length of the speech around it, in seconds.
    Returns:
        The kind of the planted fault, EDGE if the speech window reaches a fault of the speech, CLEAN otherwise.
    """
    scene = next((scene for scene in scenes if scene.start <= moment < scene.end), scenes[-1])
    if scene.kind in WRONG:
        return scene.kind
    reached = [scene for scene in scenes if scene.start < moment + window / 2 and scene.end > moment - window / 2]
    return EDGE if any(scene.kind in ("stranger", "exchanged", "dubbing", "silence") for scene in reached) else CLEAN
