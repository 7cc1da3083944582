"""Media files with faults, and of rare kinds, written byte by byte or through PyAV."""

import struct
import zlib
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

RATE_HZ = 16000
PCM, IEEE_FLOAT = 1, 3
UNSIGNED, SIGNED, FLOAT = 1, 2, 3
MIN_IS_WHITE, MIN_IS_BLACK = 0, 1


def tone(rate_hz: int = RATE_HZ, seconds: float = 1.0, hz: float = 440.0) -> np.ndarray:
    """(samples,) int16, of amplitude 10000."""
    return (10000 * np.sin(2 * np.pi * hz * np.arange(round(rate_hz * seconds)) / rate_hz)).astype(np.int16)


def write_riff(
    path: Path,
    samples: np.ndarray,
    rate_hz: int = RATE_HZ,
    *,
    channels: int = 1,
    length: int | None = None,
    tail: bytes = b"",
    data: bytes | None = None,
    bits: int | None = None,
) -> Path:
    """Write a WAV file: samples (samples,) or (samples, channels) of any type; `length` is what its header claims."""
    kind = IEEE_FLOAT if samples.dtype.kind == "f" else PCM
    channels = samples.shape[1] if samples.ndim == 2 else channels
    bits = bits or 8 * samples.dtype.itemsize
    data = samples.tobytes() if data is None else data
    frame = channels * bits // 8
    header = struct.pack("<HHIIHH", kind, channels, rate_hz, rate_hz * frame % 2**32, frame, bits)
    body = b"WAVEfmt " + struct.pack("<I", len(header)) + header
    body += b"data" + struct.pack("<I", len(data) if length is None else length) + data + tail
    path.write_bytes(b"RIFF" + struct.pack("<I", len(body)) + body)
    return path


def encode_sound(path: Path, samples: np.ndarray, codec: str, rate_hz: int) -> Path:
    """Encode (samples,) or (samples, 2) int16."""
    layout = "mono" if samples.ndim == 1 else "stereo"
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=rate_hz, layout=layout)
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(samples).reshape(1, -1), format="s16", layout=layout)
        frame.sample_rate = rate_hz
        fitting = av.AudioResampler(
            format=stream.codec_context.format,
            layout=layout,
            rate=rate_hz,
            frame_size=stream.codec_context.frame_size or 1024,
        )
        for piece in [*fitting.resample(frame), *fitting.resample(None)]:
            container.mux(stream.encode(piece))
        container.mux(stream.encode(None))
    return path


def damage_packets(path: Path, target: Path, numbers: range) -> int:
    """Copy a file, with bytes of chance in some of its packets of sound; how many packets there are."""
    with av.open(str(path)) as source, av.open(str(target), "w") as container:
        streams = {stream.index: container.add_stream_from_template(stream) for stream in source.streams}
        count = 0
        for packet in source.demux():
            if not packet.size:
                continue
            is_sound = packet.stream.type == "audio"
            content = bytes(packet)
            if is_sound and count in numbers:
                content = np.random.default_rng(count).bytes(packet.size)
            copy = av.Packet(content)
            copy.pts, copy.dts, copy.time_base, copy.duration = (
                packet.pts,
                packet.dts,
                packet.time_base,
                packet.duration,
            )
            copy.is_keyframe, copy.stream = packet.is_keyframe, streams[packet.stream.index]
            container.mux(copy)
            count += is_sound
    return count


def strongest_hz(samples: np.ndarray, rate_hz: int = RATE_HZ) -> float:
    """The frequency of a tone."""
    spectrum = np.abs(np.fft.rfft(samples.astype(float)))
    return float(Fraction(int(spectrum.argmax()) * rate_hz, len(samples)))


def png_bytes(samples: np.ndarray, extra: bytes = b"") -> bytes:
    """A PNG of 16 bits: (H, W), or (H, W, C) of 2 (grey, alpha), 3 or 4 channels."""
    channels = 1 if samples.ndim == 2 else samples.shape[2]
    colour = {1: 0, 2: 4, 3: 2, 4: 6}[channels]
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in samples)
    header = struct.pack(">IIBBBBB", samples.shape[1], samples.shape[0], 16, colour, 0, 0, 0)
    chunks = png_chunk(b"IHDR", header) + extra + png_chunk(b"IDAT", zlib.compress(rows)) + png_chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + chunks


def png_chunk(name: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))


def tiff_bytes(
    samples: np.ndarray, photometric: int = MIN_IS_BLACK, size: tuple[int, int] | None = None, **tags: int
) -> bytes:
    """A TIFF of one channel, (H, W) of any type; further tags by their numbers, such as `_254=1`."""
    height, width = size or samples.shape
    kind = {"u": UNSIGNED, "i": SIGNED, "f": FLOAT}[samples.dtype.kind]
    content = samples.tobytes()
    entries = [
        (256, width), (257, height), (258, 8 * samples.dtype.itemsize), (259, 1), (262, photometric), (273, 8),
        (277, 1), (278, height), (279, len(content)), (339, kind),
        *((int(name.lstrip("_")), value) for name, value in tags.items()),
    ]  # fmt: skip
    directory = 8 + len(content) + len(content) % 2
    file = (b"II*\0" + struct.pack("<I", directory) + content).ljust(directory, b"\0") + struct.pack("<H", len(entries))
    for tag, value in sorted(entries):
        file += struct.pack("<HHII", tag, 4, 1, value)
    return file + struct.pack("<I", 0)
