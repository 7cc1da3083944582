"""Test videos with known truth: each frame shows its number in bars, and the pitch of the sound encodes the time."""

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

WIDTH, HEIGHT = 64, 48
NUM_BARS = 8
DARK, LIGHT = 40, 215
LOWEST_HZ, HZ_PER_SECOND = 400.0, 250.0
LOUDNESS = 9000
CLOCK = Fraction(1, 30000)
FAST = {
    "libx264": {"preset": "ultrafast", "bf": "3", "b_strategy": "0"},
    "libvpx-vp9": {"deadline": "realtime", "cpu-used": "8"},
}


def draw_number(number: int, width: int = WIDTH, height: int = HEIGHT) -> np.ndarray:
    """Draw a number as vertical bars, the least binary digit on the left; the lower left corner is black."""
    digits = [LIGHT if number >> digit & 1 else DARK for digit in range(NUM_BARS)]
    image = np.repeat(np.array(digits, np.uint8), width // NUM_BARS)[None, :, None].repeat(height, 0).repeat(3, 2)
    image[-height // 4 :, : width // 2] = 0
    image[-height // 4 :, width // 2 :] = 255
    return image


def read_number(image: np.ndarray) -> int:
    """Read the number that `draw_number` drew, at any size."""
    height, width = image.shape[:2]
    bars = image[: height // 2].astype(float).mean(axis=(0, 2)).reshape(NUM_BARS, width // NUM_BARS)
    middles = bars[:, width // NUM_BARS // 4 : -(width // NUM_BARS // 4)].mean(axis=1)
    return sum(1 << digit for digit, level in enumerate(middles) if level > (DARK + LIGHT) / 2)


def tone(start_seconds: float, seconds: float, rate_hz: int) -> np.ndarray:
    """Synthesise (samples,) int16: a tone whose pitch rises linearly with time."""
    time = start_seconds + np.arange(round(seconds * rate_hz)) / rate_hz
    phase = 2 * np.pi * (LOWEST_HZ * time + HZ_PER_SECOND * time**2 / 2)
    return np.round(LOUDNESS * np.sin(phase)).astype(np.int16)


def read_time(speech: np.ndarray, rate_hz: int) -> float:
    """Compute the time of the middle of a piece of `tone`, from its pitch there."""
    time = (np.arange(len(speech)) - (len(speech) - 1) / 2) / rate_hz
    # Multiplied by a chirp of the opposite slope, the piece becomes a tone with the pitch of its middle.
    dechirped = speech * np.hanning(len(speech)) * np.exp(-1j * np.pi * HZ_PER_SECOND * time**2)
    spectrum = np.abs(np.fft.fft(dechirped, 2**15))
    pitches = np.fft.fftfreq(2**15, 1 / rate_hz)
    return float((pitches[spectrum[: 2**14].argmax()] - LOWEST_HZ) / HZ_PER_SECOND)


def steady(fps: Fraction | int, seconds: float, start_seconds: float = 0.0) -> list[float]:
    """Compute the frame times of a constant rate."""
    return [start_seconds + float(number / Fraction(fps)) for number in range(round(seconds * fps))]


def unsteady(seconds: float, seed: int = 0) -> list[float]:
    """Draw frame times 10 to 50 ms apart, as of a telephone in dim light."""
    gaps = np.random.default_rng(seed).uniform(0.01, 0.05, round(seconds / 0.01))
    times = np.concatenate([[0.0], gaps.cumsum()])
    return [float(time) for time in np.round(times[times < seconds] * 1000) / 1000]


def dropping(fps: int, seconds: float, seed: int = 0) -> list[float]:
    """Draw frame times on a grid with a third of the frames missing at random."""
    keeps = np.random.default_rng(seed).random(round(fps * seconds)) > 1 / 3
    return [number / fps for number, kept in enumerate(keeps) if kept or number == 0]


@dataclass(frozen=True)
class Sound:
    """A sound track: samples (samples,) or (samples, 2) int16, their rate, their codec and when they begin."""

    samples: np.ndarray
    rate_hz: int = 44100
    codec: str = "aac"
    start_seconds: float = 0.0


def timed_sound(
    seconds: float = 6.0, rate_hz: int = 44100, codec: str = "aac", start_seconds: float = 0.0, channels: int = 1
) -> Sound:
    """Create a track of `tone`, so that the sound at each time encodes that time."""
    samples = tone(start_seconds, seconds, rate_hz)
    return Sound(samples if channels == 1 else np.stack([samples] * channels, 1), rate_hz, codec, start_seconds)


def write_video(
    path: Path,
    times: Sequence[float],
    sound: Sound | None,
    *,
    codec: str = "libx264",
    fps: Fraction | int = 25,
    pictures: Sequence[np.ndarray] | None = None,
    gop: int = 12,
    **options: str,
) -> Path:
    """Encode images (by default their numbers) at given times, and sound."""
    with av.open(str(path), "w") as container:
        video = container.add_stream(codec, rate=fps, options={**FAST.get(codec, {}), **options})
        shape = (HEIGHT, WIDTH) if pictures is None else pictures[0].shape
        video.width, video.height, video.pix_fmt = shape[1], shape[0], "yuvj420p" if codec == "mjpeg" else "yuv420p"
        video.gop_size = gop
        # The same file on every machine: with fewer threads, FFmpeg's own time stamps of MPEG-1 may be a frame late.
        video.codec_context.thread_count = 3
        on_a_grid = codec in ("mpeg1video", "mpeg4", "mjpeg")
        video.codec_context.time_base = 1 / Fraction(fps) if on_a_grid else CLOCK
        packets = []
        for number, time in enumerate(times):
            picture = draw_number(number) if pictures is None else pictures[number]
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            frame.pts, frame.time_base = round(time / video.codec_context.time_base), video.codec_context.time_base
            packets += video.encode(frame)
        packets += video.encode(None)
        if sound is not None:
            packets += _encode_sound(container, sound)
        for packet in sorted(packets, key=lambda packet: packet.dts * packet.time_base):
            container.mux(packet)
    return path


def _encode_sound(container: av.container.OutputContainer, sound: Sound) -> list[av.Packet]:
    layout = "mono" if sound.samples.ndim == 1 else "stereo"
    stream = container.add_stream(sound.codec, rate=sound.rate_hz, layout=layout)
    interleaved = np.ascontiguousarray(sound.samples).reshape(1, -1)
    frame = av.AudioFrame.from_ndarray(interleaved, format="s16", layout=layout)
    frame.sample_rate, frame.pts = sound.rate_hz, 0
    fitting = av.AudioResampler(
        format=stream.codec_context.format,
        layout=layout,
        rate=sound.rate_hz,
        frame_size=stream.codec_context.frame_size or 1024,
    )
    packets = []
    for piece in [*fitting.resample(frame), *fitting.resample(None)]:
        packets += stream.encode(piece)
    packets += stream.encode(None)
    for packet in packets:
        late = round(sound.start_seconds / packet.time_base)
        packet.pts, packet.dts = packet.pts + late, packet.dts + late
    return packets


def turn(path: Path) -> Path:
    """Mark an MP4 as rotated by 90 degrees clockwise, as an upright telephone does."""
    data = bytearray(path.read_bytes())
    matrix = struct.pack(">9i", 0, 1 << 16, 0, -(1 << 16), 0, 0, 0, 0, 1 << 30)
    at = data.index(b"tkhd") + 44
    data[at : at + 36] = matrix
    path.write_bytes(data)
    return path


def cut_by_edit_list(path: Path, seconds: float) -> Path:
    """Cut the start of an MP4 by its edit lists, as telephones do without encoding again."""
    data = bytearray(path.read_bytes())
    at = data.find(b"elst")
    while at >= 0:
        (count,) = struct.unpack_from(">I", data, at + 8)
        entry = at + 12 + 12 * (count - 1)
        length, begins = struct.unpack_from(">Ii", data, entry)
        (ticks_per_second,) = struct.unpack_from(">I", data, data.index(b"mdhd", at) + 16)
        struct.pack_into(">Ii", data, entry, length - round(1000 * seconds), begins + round(ticks_per_second * seconds))
        at = data.find(b"elst", at + 4)
    path.write_bytes(data)
    return path


def claim_hours(path: Path, hours: int) -> Path:
    """Write a false duration into the header of a Matroska file."""
    data = bytearray(path.read_bytes())
    duration = b"\x44\x89\x88"
    at = data.index(duration) + len(duration)
    data[at : at + 8] = struct.pack(">d", hours * 3600 * 1000)
    path.write_bytes(data)
    return path
