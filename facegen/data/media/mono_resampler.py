"""Mixing and resampling of decoded audio to 16-bit mono at one rate; faults are repaired and counted."""

import math
import re
from dataclasses import dataclass
from typing import Any

import av
import numpy as np
from av.audio.frame import AudioFrame
from av.audio.resampler import AudioResampler
from numpy.typing import NDArray

from facegen.data.media.media_files import MediaWarning

MEMORY_SECONDS = 0.5
"""Time constant over which the energies of the channels and of their mix are compared."""
COMPARED_EVERY = 4
"""One in so many samples is compared, which is accurate enough, and cheaper."""
CANCELLED, RESTORED = 0.1, 0.3
"""Shares of the energy of a mix of independent channels: below the first, the mix counts as cancelled; above the
second, as restored."""
SAMPLE_TYPES = {"u8": np.uint8, "s16": np.int16, "s32": np.int32, "s64": np.int64, "flt": np.float32, "dbl": np.float64}
UNNAMED_LAYOUT = re.compile(r"\d+ channels.*")
MOST_GUESSED_CHANNELS = 8
"""Up to so many channels without a named layout, FFmpeg assumes the usual layout."""


@dataclass
class AudioFaults:
    """Counts of the faults of a track, found while it was decoded.

    Attributes:
        packets, damaged_packets: number of packets, and of those that could not be decoded.
        samples: number of samples of all channels, in float formats.
        not_finite: those of them that were not finite, and were interpolated.
        beyond: those of them beyond full scale, in files that store floats.
        peak: the largest magnitude of these.
        single_channel_samples: samples of the mix taken from one channel, because the channels cancelled each other.
        formats: number of successive formats.
        skipped_bytes: bytes skipped to find the next header, in raw formats.
        missing_seconds: part of the stored duration that could not be read.
    """

    packets: int = 0
    damaged_packets: int = 0
    samples: int = 0
    not_finite: int = 0
    beyond: int = 0
    peak: float = 0.0
    single_channel_samples: int = 0
    formats: int = 0
    skipped_bytes: int = 0
    missing_seconds: float = 0.0

    def warnings(self) -> list[MediaWarning]:
        """Return one warning per kind of fault."""
        kinds = (
            (self.damaged_packets, "has damaged packets, which become silence",
             f"{self.damaged_packets} of {self.packets}"),
            (self.not_finite, "has samples that are not finite, which are interpolated",
             f"{self.not_finite} of {self.samples}"),
            (self.beyond, "has samples beyond full scale, which are clipped", f"{self.beyond} of {self.samples}"),
            (self.single_channel_samples, "has channels of opposite phase; only one is used", ""),
            (self.formats > 1, "changes its sample rate or its channels", f"{self.formats} formats"),
            (self.skipped_bytes, "has bytes that are not audio, which are skipped", f"{self.skipped_bytes} bytes"),
            (self.missing_seconds, "is shorter than its stored duration", f"{self.missing_seconds:.1f} s missing"),
        )  # fmt: skip
        return [MediaWarning(reason, detail) for count, reason, detail in kinds if count]


class MonoResampler:
    """Mixer of frames to one channel, and resampler to one rate; the format of the frames may change.

    Channels are mixed by FFmpeg. If they cancel each other, as in a recording with one inverted channel, only the
    loudest channel is used.

    Args:
        sample_rate_hz: sample rate of the result.
        faults: receives the counts of repaired faults.
    """

    def __init__(self, sample_rate_hz: int, faults: AudioFaults) -> None:
        self._sample_rate_hz = sample_rate_hz
        self._faults = faults
        self._resampler: AudioResampler | None = None
        self._source: tuple[str, str, int] | None = None
        self._format: tuple[str, str, int] | None = None
        self._covariance: NDArray[np.float64] | None = None
        self._channel: int | None = None

    def add(self, frame: AudioFrame, *, stores_floats: bool = False) -> list[NDArray[np.int16]]:
        """Mix and resample one frame; the resampler holds some samples back until the next call.

        Args:
            frame: the decoded frame.
            stores_floats: the file stores float samples, whose range is checked; decoders of other formats may exceed
                full scale slightly.
        Returns:
            Pieces of (samples,) int16.
        """
        source = (frame.format.name, frame.layout.name, frame.sample_rate)
        if source != self._source:
            self._source, self._covariance, self._channel = source, None, None
            self._faults.formats += 1
        frame = self._prepared(frame, stores_floats)
        pieces: list[NDArray[np.int16]] = []
        if (kind := (frame.format.name, frame.layout.name, frame.sample_rate)) != self._format:
            pieces = self.drain()
            self._resampler = AudioResampler(format="s16", layout="mono", rate=self._sample_rate_hz)
            self._format = kind
        # Without a time stamp, as the resampler would check it for gaps, which the caller handles.
        frame.pts = None
        return pieces + _samples(self._resampler.resample(frame) if self._resampler else [])

    def drain(self) -> list[NDArray[np.int16]]:
        """Return the samples left in the resampler, and reset it."""
        resampler, self._resampler, self._format = self._resampler, None, None
        return _samples(resampler.resample(None) if resampler else [])

    def _prepared(self, frame: AudioFrame, stores_floats: bool) -> AudioFrame:
        """Repair a frame, and mix it if FFmpeg's mix is unsuitable; most frames are returned unchanged."""
        num_channels, is_float = frame.layout.nb_channels, frame.format.name[:3] in ("flt", "dbl")
        if (num_channels == 1 and not is_float) or not frame.samples:
            return frame
        values = _by_channel(frame, num_channels)
        repaired = False
        if is_float:
            self._faults.samples += values.size
            # One sum detects any value that is not finite, much faster than checking every value.
            repaired = not math.isfinite(values.sum(dtype=np.float64))
            values = self._finite(values) if repaired else values
            if stores_floats:
                self._note_loudness(values)
        if num_channels == 1:
            return _mono(values[0], frame) if repaired else frame
        channel = self._loudest_if_cancelled(values, frame)
        if channel is not None:
            self._faults.single_channel_samples += frame.samples
            return _mono(values[channel], frame)
        has_rule = num_channels <= MOST_GUESSED_CHANNELS or not UNNAMED_LAYOUT.fullmatch(frame.layout.name)
        if not has_rule:
            return _mono(values.mean(axis=0).astype(values.dtype), frame)
        return _with_channels(values, frame) if repaired else frame

    def _finite(self, values: NDArray[Any]) -> NDArray[Any]:
        """Interpolate values that are not finite: (channels, samples) -> the same shape."""
        values, finite = values.copy(), np.isfinite(values)
        self._faults.not_finite += int((~finite).sum())
        places = np.arange(values.shape[1])
        for channel, good in zip(values, finite, strict=True):
            channel[~good] = np.interp(places[~good], places[good], channel[good]) if good.any() else 0
        return values

    def _note_loudness(self, values: NDArray[Any]) -> None:
        loudness = np.abs(values)
        self._faults.beyond += int((loudness > 1).sum())
        self._faults.peak = max(self._faults.peak, float(loudness.max()))

    def _loudest_if_cancelled(self, values: NDArray[Any], frame: AudioFrame) -> int | None:
        """Return the channel to use instead of the mix; None if the channels do not cancel each other."""
        compared = values[:, ::COMPARED_EVERY].astype(np.float32)
        if values.dtype == np.uint8:
            compared -= 128
        covariance = (compared @ compared.T).astype(np.float64)
        if self._covariance is not None:
            covariance += self._covariance * math.exp(-frame.samples / (MEMORY_SECONDS * frame.sample_rate))
        self._covariance = covariance
        energy = float(covariance.trace())
        share = float(covariance.sum()) / energy if energy > 0 else 1.0
        if share > (CANCELLED if self._channel is None else RESTORED):
            self._channel = None
        elif self._channel is None:
            self._channel = int(covariance.diagonal().argmax())
        return self._channel


def _by_channel(frame: AudioFrame, num_channels: int) -> NDArray[Any]:
    """View the samples of a frame as (channels, samples)."""
    kind = SAMPLE_TYPES[frame.format.packed.name]
    # Faster than frame.to_ndarray(), which copies; a buffer may be longer than its content.
    planes: list[NDArray[Any]] = [np.frombuffer(memoryview(plane), kind) for plane in frame.planes]
    if frame.format.is_planar:
        return np.stack([plane[: frame.samples] for plane in planes])
    return planes[0][: frame.samples * num_channels].reshape(-1, num_channels).T


def _with_channels(values: NDArray[Any], like: AudioFrame) -> AudioFrame:
    packed = np.ascontiguousarray(values.T).reshape(1, -1)
    frame = AudioFrame.from_ndarray(packed, format=like.format.packed.name, layout=like.layout.name)
    frame.sample_rate = like.sample_rate
    return frame


def _mono(samples: NDArray[Any], like: AudioFrame) -> AudioFrame:
    frame = AudioFrame.from_ndarray(np.ascontiguousarray(samples)[None], format=like.format.packed.name, layout="mono")
    frame.sample_rate = like.sample_rate
    return frame


def _samples(frames: list[av.AudioFrame]) -> list[NDArray[np.int16]]:
    return [frame.to_ndarray()[0].astype(np.int16, copy=False) for frame in frames]
