"""Encoding of frames as GIF (Pillow) and MP4 (PyAV)."""

import io
from pathlib import Path
from typing import cast

import av
import numpy as np
from av.error import FFmpegError
from av.video.stream import VideoStream
from numpy.typing import NDArray
from PIL import Image

from facegen.core.disk_faults import write_fault
from facegen.core.errors import DataError

ENCODERS = ("libx264", "libopenh264", "mpeg4")
"""Encoders in order of preference: H.264, which some builds of PyAV lack, then MPEG-4 part 2, which all have."""


def encode_gif(frames: NDArray[np.uint8], frames_per_second: int, comment: str = "") -> bytes:
    """Encode a GIF that loops.

    Args:
        frames: (T, H, W, 3) uint8.
        frames_per_second: frame rate; GIF rounds the duration of a frame to hundredths of a second.
        comment: text for people.
    """
    first, *rest = (Image.fromarray(frame) for frame in frames)
    milliseconds = 10 * round(100 / frames_per_second)
    content = io.BytesIO()
    first.save(
        content, format="GIF", save_all=True, append_images=rest, duration=milliseconds, loop=0,
        comment=comment.encode(),
    )  # fmt: skip
    return content.getvalue()


def encode_mp4(frames: NDArray[np.uint8], path: Path, frames_per_second: int, comment: str = "") -> str:
    """Encode an MP4 to a file.

    Args:
        frames: (T, H, W, 3) uint8; an odd height or width is made even by repeating the last row or column.
        path: the file.
        frames_per_second: frame rate.
        comment: text for people.
    Returns:
        Name of the encoder used.
    Raises:
        DataError: this build of PyAV has none of the encoders, or the encoder refuses the frames.
        OSError: the file cannot be written.
    """
    height, width = frames.shape[1:3]
    even = np.pad(frames, ((0, 0), (0, height % 2), (0, width % 2), (0, 0)), mode="edge")
    for encoder in ENCODERS:
        try:
            av.Codec(encoder, "w")
        except ValueError:  # PyAV's UnknownCodecError
            continue
        try:
            _encode(even, encoder, frames_per_second, path, comment)
        except FFmpegError as error:
            if write_fault(error) is not None:
                raise
            size = f"{even.shape[2]} x {even.shape[1]}"
            raise DataError(f"{encoder} cannot encode frames of {size} pixels ({error}); draw fewer or smaller faces, "
                            f"or give another format") from error  # fmt: skip
        return encoder
    raise DataError(
        f"this build of PyAV has none of the encoders {', '.join(ENCODERS)}; "
        f"install the `av` package from PyPI, which includes them"
    )


def _encode(frames: NDArray[np.uint8], encoder: str, frames_per_second: int, path: Path, comment: str) -> None:
    with av.open(str(path), "w", format="mp4") as container:
        container.metadata["comment"] = comment
        stream = cast(VideoStream, container.add_stream(encoder, rate=frames_per_second))
        stream.height, stream.width = frames.shape[1:3]
        # The only pixel format that every browser and phone plays.
        stream.pix_fmt = "yuv420p"
        stream.bit_rate = 2_000_000
        for frame in frames:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(np.ascontiguousarray(frame), format="rgb24")))
        container.mux(stream.encode(None))
