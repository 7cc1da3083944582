"""Decoded sound of any format as one channel of 16 bits at one rate; faults are repaired and counted."""

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
"""Over which the loudness of channels and of their mix is compared."""
COMPARED_EVERY = 4
"""Of so many samples one is compared, which is as good, and cheaper."""
CANCELLED, RESTORED = 0.1, 0.3
"""A mix has cancelled below, and is whole again above, this share of the energy that it has of independent channels."""
SAMPLE_TYPES = {"u8": np.uint8, "s16": np.int16, "s32": np.int32, "s64": np.int64, "flt": np.float32, "dbl": np.float64}
UNNAMED_LAYOUT = re.compile(r"\d+ channels.*")
MOST_GUESSED_CHANNELS = 8
"""Of a file that does not name its loudspeakers; FFmpeg takes so many for those of the usual layout."""


@dataclass
class AudioFaults:
    """Faults of a track that were met while it was decoded.

    Attributes:
        packets, damaged_packets: all, and those that could not be decoded.
        samples: of all channels, in formats of floats.
        not_finite: of these, those that were no numbers, and were interpolated.
        beyond: of these, those beyond full scale, in files that store floats.
        peak: the largest of these.
        single_channel_samples: of the mix, taken from one channel because the others cancelled it.
        formats: how many formats followed each other.
        skipped_bytes: of bare packets, what was passed over to find the next header.
        missing_seconds: of the length that the file names, what could not be read.
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
        """One for each kind of fault."""
        kinds = (
            (self.damaged_packets, "has damaged packets, which are silent",
             f"{self.damaged_packets} of {self.packets}"),
            (self.not_finite, "has samples that are not finite numbers, which are interpolated",
             f"{self.not_finite} of {self.samples}"),
            (self.beyond, "has samples beyond full scale, which are clipped", f"{self.beyond} of {self.samples}"),
            (self.single_channel_samples, "has channels of opposite phase, of which one is used", ""),
            (self.formats > 1, "changes its rate or its channels on the way", f"{self.formats} formats"),
            (self.skipped_bytes, "has bytes that are no sound, which are passed over", f"{self.skipped_bytes} bytes"),
            (self.missing_seconds, "ends before the length that it names", f"{self.missing_seconds:.1f} s missing"),
        )  # fmt: skip
        return [MediaWarning(reason, detail) for count, reason, detail in kinds if count]


class MonoResampler:
    """Mixes frames to one channel, and resamples them to one rate; their format may change on the way.

    Channels are mixed as FFmpeg mixes them. Where they cancel each other, as in a recording whose cable was wired the
    wrong way round, the loudest of them is used alone.

    Args:
        sample_rate_hz: of the result.
        faults: counts what was repaired.
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
        """Mix and resample one frame; what the resampler holds back comes with the next ones.

        Args:
            frame: as decoded.
            stores_floats: its file stores floats, so that their range can be wrong; decoders of other files may exceed
                full scale a little.
        Returns:
            (samples,) int16 each.
        """
        source = (frame.format.name, frame.layout.name, frame.sample_rate)
        if source != self._source:
            self._source, self._covariance, self._channel = source, None, None
            self._faults.formats += 1
        frame = self._prepared(frame, stores_floats)
        done: list[NDArray[np.int16]] = []
        if (kind := (frame.format.name, frame.layout.name, frame.sample_rate)) != self._format:
            done = self.drain()
            self._resampler = AudioResampler(format="s16", layout="mono", rate=self._sample_rate_hz)
            self._format = kind
        # Its own clock would be checked against gaps that are handled by whoever asks.
        frame.pts = None
        return done + _samples(self._resampler.resample(frame) if self._resampler else [])

    def drain(self) -> list[NDArray[np.int16]]:
        """What the resampler still holds; what is added next begins anew."""
        resampler, self._resampler, self._format = self._resampler, None, None
        return _samples(resampler.resample(None) if resampler else [])

    def _prepared(self, frame: AudioFrame, stores_floats: bool) -> AudioFrame:
        """Repair and, where FFmpeg's mix would not do, mix a frame; most come back as they are."""
        num_channels, is_float = frame.layout.nb_channels, frame.format.name[:3] in ("flt", "dbl")
        if (num_channels == 1 and not is_float) or not frame.samples:
            return frame
        values = _by_channel(frame, num_channels)
        repaired = False
        if is_float:
            self._faults.samples += values.size
            # A single sum finds them all, much faster than looking at each.
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
        """(channels, samples) with those interpolated that are no numbers."""
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
        """The channel to use alone; None while the mix holds what the channels hold."""
        some = values[:, ::COMPARED_EVERY].astype(np.float32)
        if values.dtype == np.uint8:
            some -= 128
        covariance = (some @ some.T).astype(np.float64)
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
    """(channels, samples)"""
    kind = SAMPLE_TYPES[frame.format.packed.name]
    # Faster than frame.to_ndarray(), which copies; a buffer may be longer than what is in it.
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
