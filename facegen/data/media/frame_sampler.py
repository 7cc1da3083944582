"""Frames of a video at given moments, at the least cost that gives the very frames that a full decoding would."""

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
"""How far from a moment no frame is skipped, in frames; half a frame would do, if all were equally far apart."""


@dataclass(frozen=True)
class SampledFrame:
    """A frame for a moment.

    Attributes:
        asked_seconds: the moment that was asked for.
        time_seconds: when the frame is shown.
        frame: as decoded.
    """

    asked_seconds: float
    time_seconds: float
    frame: VideoFrame


class FrameSampler:
    """Takes the packets of a stream in their order, and gives the frame nearest to each moment of a grid.

    Packets wait until one of them comes near the next moment. If a key frame arrives before, what waits is dropped
    undecoded. Of what is decoded, frames that no other needs are skipped, except near a moment: so the frames that
    come out are exactly those of a full decoding, which skipping more, such as all bidirectional frames, would not
    give.

    Args:
        stream: of an open container.
        origin_seconds: what its clock shows at the beginning of the video.
        start_seconds, every_seconds: the grid.
        tolerance_seconds: a moment without a frame so near gets none.
        end_seconds: no moment after it.
        knows_display: the file says when each frame is shown; else all are decoded, and follow each other as they are
            stored.
    Attributes:
        done: the last moment is past.
        last_seconds: end of the last packet.
        num_frames: how many frames were decoded.
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
        # The mean is taken from the stamps of display.
        rate = (stream.average_rate if knows_display else None) or stream.guessed_rate or UNTIMED_FPS
        self._frame_seconds = 1 / float(rate)
        self._near = min(NEAR_FRAMES * self._frame_seconds, tolerance_seconds)
        self._moment = 0
        self._waiting: list[Packet] = []
        self._waiting_bytes = 0
        self._hungry = False
        self._jumped_to: float | None = None
        self._not_before = -math.inf
        self._earlier: SampledFrame | None = None
        self._given_seconds = -math.inf
        self._shown_seconds = -math.inf
        self.done = False
        self.last_seconds = -math.inf
        self.num_frames = 0

    @property
    def due_seconds(self) -> float:
        """The next moment."""
        return self._start + self._moment * self._every

    def feed(self, packet: Packet) -> Iterator[SampledFrame]:
        """The frames that one more packet brings."""
        time = self._packet_seconds(packet)
        if self._first_stored is None:
            self._first_stored = packet.dts
        if time is not None:
            duration = (packet.duration or 0) * self._time_base
            self.last_seconds = max(self.last_seconds, time + (duration or self._frame_seconds))
        if packet.is_keyframe and time is not None and time <= self.due_seconds and self._waiting:
            self._forget_waiting()
            self._jumped_to = time
        self._waiting.append(packet)
        self._waiting_bytes += packet.size
        too_many = len(self._waiting) > MAX_WAITING_PACKETS or self._waiting_bytes > MAX_WAITING_BYTES
        if time is None or too_many or time >= self.due_seconds - self._tolerance:
            self._hungry = True
        if self._hungry:
            yield from self._decode_waiting()

    def finish(self) -> Iterator[SampledFrame]:
        """The frames that are left when no more packets come."""
        while self._waiting and not self.done and self.last_seconds >= self.due_seconds - self._tolerance:
            self._hungry = True
            yield from self._decode_waiting()
        if self._jumped_to is None:
            yield from self._offer(self._decoded(None))
        if self._earlier is not None and not self.done:
            yield from self._give(self._earlier)

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
            if not self._hungry:
                # The moment is served: the rest waits for the next one.
                self._waiting = packets[number + 1 :]
                self._waiting_bytes = sum(left.size for left in self._waiting)
                return

    def _decoded(self, packet: Packet | None) -> list[VideoFrame]:
        if packet is not None:
            time = self._packet_seconds(packet)
            self._codec.skip_frame = "DEFAULT" if time is None or self._is_near_a_moment(time) else "NONREF"
        try:
            return self._codec.decode(packet)
        except av.error.InvalidDataError:
            # A damaged packet costs its own frames, not the video.
            return []

    def _offer(self, frames: list[VideoFrame]) -> Iterator[SampledFrame]:
        for frame in frames:
            self.num_frames += 1
            time = self._shown_at(frame)
            if time is None:
                time = 0.0 if math.isinf(self._shown_seconds) else self._shown_seconds + self._frame_seconds
            self._shown_seconds = time
            self.last_seconds = max(self.last_seconds, time)
            if time < self._not_before or frame.is_corrupt:
                # It leans on frames that were dropped, or was made up where data is missing.
                continue
            shown = SampledFrame(self.due_seconds, time, frame)
            if time >= self.due_seconds and not self.done:
                yield from self._choose(shown)
            self._earlier = shown

    def _choose(self, later: SampledFrame) -> Iterator[SampledFrame]:
        """The moment lies between two frames: the nearer one."""
        nearest = later
        if self._earlier is not None:
            both = (self._earlier, later)
            nearest = min(both, key=lambda shown: abs(shown.time_seconds - self.due_seconds))
        yield from self._give(nearest)
        first_open = math.ceil((later.time_seconds - self._tolerance - self._start) / self._every - 1e-9)
        self._moment = max(self._moment + 1, first_open)
        self._hungry = False
        self.done = self.due_seconds > self._end
        if not self.done and later.time_seconds >= self.due_seconds:
            # The next moment lies so shortly before this frame that nothing nearer can come.
            yield from self._choose(later)

    def _give(self, shown: SampledFrame) -> Iterator[SampledFrame]:
        near = abs(shown.time_seconds - self.due_seconds) <= self._tolerance
        if near and shown.time_seconds > self._given_seconds:
            self._given_seconds = shown.time_seconds
            yield SampledFrame(self.due_seconds, shown.time_seconds, shown.frame)

    def _forget_waiting(self) -> None:
        self._waiting, self._waiting_bytes = [], 0

    def _is_near_a_moment(self, time: float) -> bool:
        moment = round((time - self._start) / self._every)
        return abs(self._start + moment * self._every - time) <= self._near

    def _packet_seconds(self, packet: Packet) -> float | None:
        return self._seconds(packet.pts) if self._knows_display else None

    def _shown_at(self, frame: VideoFrame) -> float | None:
        if self._knows_display:
            return self._seconds(frame.pts if frame.pts is not None else frame.dts)
        if frame.dts is None:
            return None
        if self.num_frames == 1 and self._first_stored is not None:
            # What the decoder holds back to bring frames into their order.
            self._delay = frame.dts - self._first_stored
        return self._seconds(frame.dts - self._delay)

    def _seconds(self, stamp: int | None) -> float | None:
        return None if stamp is None else stamp * self._time_base - self._origin
