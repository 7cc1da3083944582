"""The sound of a video on the clock of its pictures."""

import av
import numpy as np
from av.audio.frame import AudioFrame
from av.audio.resampler import AudioResampler
from numpy.typing import NDArray

GAP_SECONDS = 0.02
"""Time stamps that are off by less are rounded ones; beyond, sound is missing, or there twice."""


class Sound:
    """Sound as one track of 16-bit samples without holes: what is missing is silence, what comes twice is left out.

    Args:
        sample_rate_hz: of the track.
    Attributes:
        start_seconds: the moment of its first sample; NaN before there is one.
        complete: no more sound will come.
    """

    def __init__(self, sample_rate_hz: int) -> None:
        self.sample_rate_hz = sample_rate_hz
        self.start_seconds = float("nan")
        self.complete = False
        self._samples = bytearray()
        self._surplus = 0
        self._due_seconds = 0.0
        self._resampler: AudioResampler | None = None
        self._format: tuple[str, str, int] | None = None

    def __len__(self) -> int:
        return len(self._samples) // 2

    @property
    def end_seconds(self) -> float:
        """The moment after the last sample."""
        return self.start_seconds + len(self) / self.sample_rate_hz

    def add(self, frame: AudioFrame, time_seconds: float | None) -> None:
        """Append what was decoded.

        Args:
            frame: of any format; the format may change on the way.
            time_seconds: the moment of its first sample; None where the file does not say.
        """
        if np.isnan(self.start_seconds):
            self.start_seconds = self._due_seconds = time_seconds or 0.0
        kind = (frame.format.name, frame.layout.name, frame.sample_rate)
        moved = time_seconds is not None and abs(time_seconds - self._due_seconds) > GAP_SECONDS
        if moved or kind != self._format:
            self._drain()
            self._resampler = AudioResampler(format="s16", layout="mono", rate=self.sample_rate_hz)
            self._format = kind
        if moved and time_seconds is not None:
            self._move_to(time_seconds)
        self._due_seconds += frame.samples / frame.sample_rate
        # Its own clock would be checked against the gaps that are handled here.
        frame.pts = None
        if self._resampler is not None:
            self._append(self._resampler.resample(frame))

    def finish(self) -> None:
        """Append what the resampler still holds; no more will come."""
        self._drain()
        self.complete = True

    def between(self, start_seconds: float, end_seconds: float) -> NDArray[np.int16]:
        """A copy of a part of the track; shorter where the track is."""
        if not len(self):
            return np.zeros(0, np.int16)
        first = max(0, round((start_seconds - self.start_seconds) * self.sample_rate_hz))
        last = max(first, round((end_seconds - self.start_seconds) * self.sample_rate_hz))
        return np.frombuffer(bytes(memoryview(self._samples)[2 * first : 2 * last]), np.int16)

    def _move_to(self, time_seconds: float) -> None:
        missing = round((time_seconds - self.start_seconds) * self.sample_rate_hz) - len(self)
        self._surplus = max(0, -missing)
        self._samples.extend(bytes(2 * max(0, missing)))
        self._due_seconds = time_seconds

    def _drain(self) -> None:
        if self._resampler is not None:
            self._append(self._resampler.resample(None))
        self._resampler = self._format = None

    def _append(self, frames: list[av.AudioFrame]) -> None:
        for frame in frames:
            dropped = min(self._surplus, frame.samples)
            self._surplus -= dropped
            # Its buffer may be longer than what is in it.
            self._samples.extend(memoryview(frame.planes[0])[2 * dropped : 2 * frame.samples])
