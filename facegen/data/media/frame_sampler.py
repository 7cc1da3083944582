"""Sampling of video frames at given times: exactly the frames of a full decoding, with the least decoding."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import av
from av.packet import Packet
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

MAX_WAITING_PACKETS = 1000
MAX_WAITING_BYTES = 32 * 2**20
UNTIMED_FPS = 25
NEAR_FRAMES = 1.5
"""Distance from a sampling time within which no frame is skipped, in frames.

Half a frame would do if all frames were equally spaced.
"""


@dataclass(frozen=True)
class SampledFrame:
    """A frame sampled at a requested time.

    Attributes:
        asked_seconds: the requested time.
        time_seconds: presentation time of the frame.
        frame: the decoded frame.
    """

    asked_seconds: float
    time_seconds: float
    frame: VideoFrame


class FrameSampler:
    """Sampler that takes the packets of a stream in order, and yields the frame nearest to each time of a regular grid.

    Packets are buffered until one comes near the next sampling time. If a key frame arrives before that, the buffered
    packets are dropped without decoding. While decoding, frames that no other frame depends on are skipped, except near
    a sampling time. The result equals that of a full decoding; skipping more, such as all bidirectional frames, would
    change it.

    Args:
        stream: video stream of an open container.
        origin_seconds: time stamp at the beginning of the video.
        start_seconds, every_seconds: first time and spacing of the grid.
        tolerance_seconds: a sampling time without a frame within this distance yields no frame.
        end_seconds: end of the grid.
        knows_display: the file has presentation times; otherwise all frames are decoded, and follow each other in
            stored order.
    Attributes:
        done: True after the last sampling time.
        last_seconds: end of the last packet.
        num_frames: number of decoded frames.
    """

    def __init__(
        self,
        stream: VideoStream,
        origin_seconds: float,
        *,
        start_seconds: float,
        every_seconds: float,
        tolerance_seconds: float,
        end_seconds: float = math.inf,
        knows_display: bool = True,
    ) -> None:
        self._knows_display = knows_display
        self._first_stored: int | None = None
        self._delay = 0
        self._codec = stream.codec_context
        self._time_base = float(stream.time_base or 0) or 1 / UNTIMED_FPS
        self._origin = origin_seconds
        self._start, self._every, self._tolerance = start_seconds, every_seconds, tolerance_seconds
        self._end = end_seconds
        # The average rate is computed from presentation times.
        rate = (stream.average_rate if knows_display else None) or stream.guessed_rate or UNTIMED_FPS
        self._frame_seconds = 1 / float(rate)
        self._near_seconds = min(NEAR_FRAMES * self._frame_seconds, tolerance_seconds)
        self._grid_index = 0
        self._waiting: list[Packet] = []
        self._waiting_bytes = 0
        self._needs_decoding = False
        self._jumped_to: float | None = None
        self._not_before = -math.inf
        self._earlier: SampledFrame | None = None
        self._last_yielded_seconds = -math.inf
        self._shown_seconds = -math.inf
        self.done = False
        self.last_seconds = -math.inf
        self.num_frames = 0

    @property
    def due_seconds(self) -> float:
        """Next sampling time."""
        return self._start + self._grid_index * self._every

    def feed(self, packet: Packet) -> Iterator[SampledFrame]:
        """Yield the frames that become available with one more packet."""
        time = self._packet_seconds(packet)
        if self._first_stored is None:
            self._first_stored = packet.dts
        if time is not None:
            duration = (packet.duration or 0) * self._time_base
            self.last_seconds = max(self.last_seconds, time + (duration or self._frame_seconds))
        if packet.is_keyframe and time is not None and time <= self.due_seconds and self._waiting:
            self._drop_waiting()
            self._jumped_to = time
        self._waiting.append(packet)
        self._waiting_bytes += packet.size
        too_many = len(self._waiting) > MAX_WAITING_PACKETS or self._waiting_bytes > MAX_WAITING_BYTES
        if time is None or too_many or time >= self.due_seconds - self._tolerance:
            self._needs_decoding = True
        if self._needs_decoding:
            yield from self._decode_waiting()

    def finish(self) -> Iterator[SampledFrame]:
        """Yield the remaining frames after the last packet."""
        while self._waiting and not self.done and self.last_seconds >= self.due_seconds - self._tolerance:
            self._needs_decoding = True
            yield from self._decode_waiting()
        if self._jumped_to is None:
            yield from self._offer(self._decoded(None))
        if self._earlier is not None and not self.done:
            yield from self._yield_if_near(self._earlier)

    def _decode_waiting(self) -> Iterator[SampledFrame]:
        packets, self._waiting, self._waiting_bytes = self._waiting, [], 0
        for number, packet in enumerate(packets):
            if self.done:
                return
            if self._jumped_to is not None:
                self._codec.flush_buffers()
                self._not_before, self._jumped_to = self._jumped_to, None
                self._earlier = None
            yield from self._offer(self._decoded(packet))
            if not self._needs_decoding:
                # This sampling time is done; the other packets stay buffered for the next one.
                self._waiting = packets[number + 1 :]
                self._waiting_bytes = sum(waiting.size for waiting in self._waiting)
                return

    def _decoded(self, packet: Packet | None) -> list[VideoFrame]:
        if packet is not None:
            time = self._packet_seconds(packet)
            self._codec.skip_frame = "DEFAULT" if time is None or self._is_near_sampling_time(time) else "NONREF"
        try:
            return self._codec.decode(packet)
        except av.error.InvalidDataError:
            # A damaged packet loses its own frames, not the whole video.
            return []

    def _offer(self, frames: list[VideoFrame]) -> Iterator[SampledFrame]:
        for frame in frames:
            self.num_frames += 1
            time = self._display_seconds(frame)
            if time is None:
                time = 0.0 if math.isinf(self._shown_seconds) else self._shown_seconds + self._frame_seconds
            self._shown_seconds = time
            self.last_seconds = max(self.last_seconds, time)
            if time < self._not_before or frame.is_corrupt:
                # It depends on dropped frames, or replaces missing data.
                continue
            shown = SampledFrame(self.due_seconds, time, frame)
            if time >= self.due_seconds and not self.done:
                yield from self._choose(shown)
            self._earlier = shown

    def _choose(self, later: SampledFrame) -> Iterator[SampledFrame]:
        """Yield the nearer of the two frames around the sampling time."""
        nearest = later
        if self._earlier is not None:
            both = (self._earlier, later)
            nearest = min(both, key=lambda shown: abs(shown.time_seconds - self.due_seconds))
        yield from self._yield_if_near(nearest)
        first_open = math.ceil((later.time_seconds - self._tolerance - self._start) / self._every - 1e-9)
        self._grid_index = max(self._grid_index + 1, first_open)
        self._needs_decoding = False
        self.done = self.due_seconds > self._end
        if not self.done and later.time_seconds >= self.due_seconds:
            # The next sampling time is so shortly before this frame that no later frame can be nearer.
            yield from self._choose(later)

    def _yield_if_near(self, shown: SampledFrame) -> Iterator[SampledFrame]:
        near = abs(shown.time_seconds - self.due_seconds) <= self._tolerance
        if near and shown.time_seconds > self._last_yielded_seconds:
            self._last_yielded_seconds = shown.time_seconds
            yield SampledFrame(self.due_seconds, shown.time_seconds, shown.frame)

    def _drop_waiting(self) -> None:
        self._waiting, self._waiting_bytes = [], 0

    def _is_near_sampling_time(self, time: float) -> bool:
        index = round((time - self._start) / self._every)
        return abs(self._start + index * self._every - time) <= self._near_seconds

    def _packet_seconds(self, packet: Packet) -> float | None:
        return self._seconds(packet.pts) if self._knows_display else None

    def _display_seconds(self, frame: VideoFrame) -> float | None:
        if self._knows_display:
            return self._seconds(frame.pts if frame.pts is not None else frame.dts)
        if frame.dts is None:
            return None
        if self.num_frames == 1 and self._first_stored is not None:
            # Delay of the decoder, which reorders frames.
            self._delay = frame.dts - self._first_stored
        return self._seconds(frame.dts - self._delay)

    def _seconds(self, stamp: int | None) -> float | None:
        return None if stamp is None else stamp * self._time_base - self._origin
