"""Audio of a file as one track, placed by the time stamps of its packets."""

from collections.abc import Sequence

import av
import numpy as np
from av.audio.frame import AudioFrame
from av.packet import Packet
from numpy.typing import NDArray

from facegen.data.media.media_files import MediaWarning
from facegen.data.media.mono_resampler import AudioFaults, MonoResampler

GAP_SECONDS = 0.02
"""Smaller deviations of a time stamp are rounding; with larger ones, audio is missing or repeated."""
FLOAT_CODECS = "pcm_f"


class AudioTrack:
    """Audio of a file as one gapless track of 16-bit mono samples.

    Missing audio becomes silence; audio that a file holds twice is dropped.

    Args:
        sample_rate_hz: sample rate of the track.
    Attributes:
        start_seconds: time of the first sample; NaN as long as the track is empty.
        due_seconds: expected time of the next frame, by the durations of the previous ones.
        complete: True when all audio was added.
        faults: faults repaired so far.
    """

    def __init__(self, sample_rate_hz: int) -> None:
        self.sample_rate_hz = sample_rate_hz
        self.start_seconds = float("nan")
        self.due_seconds = 0.0
        self.complete = False
        self.faults = AudioFaults()
        self._samples = bytearray()
        self._surplus = 0
        self._mono = MonoResampler(sample_rate_hz, self.faults)
        self._stores_floats = False

    def __len__(self) -> int:
        return len(self._samples) // 2

    @property
    def end_seconds(self) -> float:
        """Time of the end of the last sample."""
        return self.start_seconds + len(self) / self.sample_rate_hz

    def decode(self, packet: Packet) -> list[AudioFrame]:
        """Decode a packet; a damaged packet is counted, and yields no frames."""
        self.faults.packets += bool(packet.size)
        codec = packet.stream.codec_context
        self._stores_floats = codec is not None and codec.name.startswith(FLOAT_CODECS)
        try:
            decoded: Sequence[object] = packet.decode()
        except av.error.FFmpegError:
            self.faults.damaged_packets += 1
            return []
        return [frame for frame in decoded if isinstance(frame, AudioFrame)]

    def add(self, frame: AudioFrame, time_seconds: float | None) -> None:
        """Append a decoded frame.

        Args:
            frame: a frame of any format; the format may differ from that of the previous frame.
            time_seconds: time of its first sample; None if it follows the previous frame.
        """
        if np.isnan(self.start_seconds):
            self.start_seconds = self.due_seconds = time_seconds or 0.0
        if time_seconds is not None and abs(time_seconds - self.due_seconds) > GAP_SECONDS:
            self._append(self._mono.drain())
            self._move_to(time_seconds)
        self.due_seconds += frame.samples / frame.sample_rate
        self._append(self._mono.add(frame, stores_floats=self._stores_floats))

    def finish(self) -> None:
        """Append the samples left in the resampler, and mark the track as complete."""
        self._append(self._mono.drain())
        self.complete = True

    def warnings(self) -> list[MediaWarning]:
        """Return one warning per kind of repaired fault."""
        return self.faults.warnings()

    def between(self, start_seconds: float, end_seconds: float) -> NDArray[np.int16]:
        """Copy a part of the track; the copy is shorter where the track does not cover it."""
        if not len(self):
            return np.zeros(0, np.int16)
        first = max(0, round((start_seconds - self.start_seconds) * self.sample_rate_hz))
        last = max(first, round((end_seconds - self.start_seconds) * self.sample_rate_hz))
        return np.frombuffer(self._samples[2 * first : 2 * last], np.int16)

    def _move_to(self, time_seconds: float) -> None:
        missing = round((time_seconds - self.start_seconds) * self.sample_rate_hz) - len(self)
        self._surplus = max(0, -missing)
        self._samples.extend(bytes(2 * max(0, missing)))
        self.due_seconds = time_seconds

    def _append(self, pieces: list[NDArray[np.int16]]) -> None:
        for piece in pieces:
            dropped = min(self._surplus, len(piece))
            self._surplus -= dropped
            self._samples.extend(piece[dropped:].tobytes())
