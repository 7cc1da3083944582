"""Lossless encoding of speech as WAV and FLAC files."""

import io
import wave

import av
import numpy as np
from numpy.typing import NDArray

PIECE_SAMPLES = 2**16


def encode_wav(samples: NDArray[np.int16], sample_rate_hz: int) -> bytes:
    """Encode speech, (samples,) int16, as a WAV file."""
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(sample_rate_hz)
        file.writeframes(samples.astype("<i2").tobytes())
    return buffer.getvalue()


def encode_flac(samples: NDArray[np.int16], sample_rate_hz: int) -> bytes:
    """Encode speech, (samples,) int16, as a FLAC file; equal samples give equal bytes."""
    buffer = io.BytesIO()
    # bitexact: the file would otherwise contain the version of the library.
    with av.open(buffer, "w", format="flac", options={"fflags": "+bitexact"}) as container:
        stream = container.add_stream("flac", rate=sample_rate_hz, options={"flags": "+bitexact"}, layout="mono")
        for start in range(0, len(samples), PIECE_SAMPLES):
            piece = np.ascontiguousarray(samples[start : start + PIECE_SAMPLES])
            frame = av.AudioFrame.from_ndarray(piece[None], format="s16", layout="mono")
            frame.sample_rate = sample_rate_hz
            frame.pts = start
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return buffer.getvalue()
