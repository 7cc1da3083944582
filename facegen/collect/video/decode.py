"""A video's sound and the frames that are looked at, in one pass over its file."""

import math
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass

import av
import cv2
import numpy as np
from av.container import InputContainer
from av.packet import Packet
from av.stream import Disposition
from av.video.frame import VideoFrame
from av.video.reformatter import VideoReformatter
from av.video.stream import VideoStream
from numpy.typing import NDArray

from facegen.collect.video.examination import MediaFiles, Segment
from facegen.collect.video.examine_settings import ExamineSettings
from facegen.data.media.audio_decoding import audio_stream, check_audio, open_media, packets
from facegen.data.media.audio_track import AudioTrack
from facegen.data.media.frame_sampler import FrameSampler, SampledFrame
from facegen.data.media.images import MAX_IMAGE_MEGAPIXELS, TOO_LARGE
from facegen.data.media.media_files import MediaWarning, UnusableFileError

OTHER_CLOCK_SECONDS = 0.5
"""A file whose clock begins later than this has a clock of its own; less is a true delay of one of its streams."""


@dataclass(frozen=True)
class Picture:
    """A frame at a moment.

    Attributes:
        asked_seconds: the moment that was asked for.
        time_seconds: when the frame is shown.
        frame: as decoded.
        aspect: width of its pixels by their height.
        reformatter: of its video; a fresh one for each frame would cost more than the conversion itself.
    """

    asked_seconds: float
    time_seconds: float
    frame: VideoFrame
    aspect: float
    reformatter: VideoReformatter

    @property
    def num_bytes(self) -> int:
        """What it takes in memory while it waits."""
        return sum(plane.buffer_size for plane in self.frame.planes)

    def image(self) -> NDArray[np.uint8]:
        """(H, W, 3) uint8 RGB, upright and with square pixels, as a player shows it."""
        image = np.asarray(self.reformatter.reformat(self.frame, format="rgb24").to_ndarray(), dtype=np.uint8)
        if self.aspect != 1:
            size = (max(1, round(image.shape[1] * self.aspect)), image.shape[0])
            image = np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)
        # The display matrix says how far to turn it against the clock.
        return np.ascontiguousarray(np.rot90(image, round(self.frame.rotation / 90) % 4))


class Recording:
    """Decodes one video: the frames by their time stamps, and all sound of what was asked for.

    Args:
        files: of the video.
        settings: which moments, how much at most, the rate of the sound.
        segment: only this part; the file is sought to it where it can be.
    Attributes:
        sound: grows while `pictures` goes on; with an audio file of its own, it is complete before the first one.
        duration_seconds: of what was read: the header is not believed.
    Raises:
        UnusableFileError: raised by the methods, where a file cannot be read, lacks sound or pictures, or is too long
            or too large.
    """

    def __init__(self, files: MediaFiles, settings: ExamineSettings, segment: Segment | None = None) -> None:
        self._files, self._settings = files, settings
        self._start = segment.start_seconds if segment else 0.0
        self._end = segment.end_seconds if segment else math.inf
        self.sound = AudioTrack(settings.speech.sample_rate_hz)
        self._last_seconds = 0.0
        self._length_warnings: list[MediaWarning] = []

    @property
    def warnings(self) -> list[MediaWarning]:
        """Faults of the sound, and what was done about them."""
        return [*self._length_warnings, *self.sound.warnings()]

    @property
    def duration_seconds(self) -> float:
        last = max(self._last_seconds, self.sound.end_seconds if len(self.sound) else 0.0)
        return max(0.0, min(last, self._end) - self._start)

    def pictures(self) -> Iterator[Picture]:
        """The frames at the moments that were asked for, in the order of time."""
        if self._files.audio is not None:
            self.read_all_sound()
        with open_media(self._files.video, self._length_warnings.append) as container:
            video = self._video_stream(container)
            audio = None if self._files.audio is not None else audio_stream(container, self._files.video)
            origin = _origin_seconds(container)
            frames, grid = self._settings.frames, self._start
            sampler = FrameSampler(
                video,
                origin,
                start_seconds=grid,
                every_seconds=frames.every_seconds,
                tolerance_seconds=frames.tolerance_seconds,
                end_seconds=self._end,
                knows_display=container.format.name != "avi" or not video.codec_context.has_b_frames,
            )
            _seek(container, origin + self._start)
            aspect, reformatter = float(video.sample_aspect_ratio or 1), VideoReformatter()
            for packet in packets(container, [video] if audio is None else [video, audio]):
                if packet.stream is audio:
                    self._hear(packet, origin)
                elif packet.size and not sampler.done:
                    yield from (_picture(sampled, aspect, reformatter) for sampled in sampler.feed(packet))
                    self._note_time(sampler.last_seconds)
                if sampler.done and (self.sound.complete or self._heard_enough):
                    break
            yield from (_picture(sampled, aspect, reformatter) for sampled in sampler.finish())
            self._note_time(sampler.last_seconds)
            if not sampler.num_frames and not sampler.done:
                advice = "get it again, or leave it out"
                raise UnusableFileError(self._files.video, "has no picture that can be decoded", advice)
        if not self.sound.complete:
            self._end_sound()

    def read_all_sound(self) -> None:
        """Read the sound at once, ahead of the pictures: for a file of its own, or one whose streams drift apart."""
        self.sound = AudioTrack(self._settings.speech.sample_rate_hz)
        path = self._files.audio or self._files.video
        with open_media(path, self._length_warnings.append) as container:
            audio = audio_stream(container, path)
            origin = _origin_seconds(container)
            _seek(container, origin + self._start)
            for packet in packets(container, [audio]):
                self._hear(packet, origin)
                if self._heard_enough:
                    break
        self._end_sound()

    @property
    def _heard_enough(self) -> bool:
        return bool(len(self.sound)) and self.sound.end_seconds >= self._end

    def _hear(self, packet: Packet, origin: float) -> None:
        if self.sound.complete:
            return
        for frame in self.sound.decode(packet):
            time = None if frame.time is None else frame.time - origin
            if time is not None:
                self._note_time(time)
            self.sound.add(frame, time)

    def _end_sound(self) -> None:
        self.sound.finish()
        check_audio(self._files.audio or self._files.video, self.sound)

    def _note_time(self, seconds: float) -> None:
        """Checked before anything grows with it."""
        limit = self._settings.frames.max_hours
        if seconds - self._start > limit * 3600:
            advice = "cut it into pieces, or raise [frames] max_hours"
            raise UnusableFileError(self._files.video, f"is longer than {limit:g} hours", advice)
        if math.isfinite(seconds):
            self._last_seconds = max(self._last_seconds, seconds)

    def _video_stream(self, container: InputContainer) -> VideoStream:
        # The cover of an album is a video stream, too.
        shown = [stream for stream in container.streams.video if not stream.disposition & Disposition.attached_pic]
        best = container.streams.best("video")
        stream = best if isinstance(best, VideoStream) and best in shown else next(iter(shown), None)
        if stream is None or stream.codec_context is None:
            raise UnusableFileError(self._files.video, "has no video track", "give a video file")
        if stream.width * stream.height > MAX_IMAGE_MEGAPIXELS * 10**6:
            raise UnusableFileError(self._files.video, TOO_LARGE, "shrink it", f"{stream.width}x{stream.height}")
        # Videos are examined side by side, one a process: more threads would only take turns.
        stream.codec_context.thread_count = 1
        stream.codec_context.options = {"max_pixels": str(MAX_IMAGE_MEGAPIXELS * 10**6)}
        return stream


def _picture(sampled: SampledFrame, aspect: float, reformatter: VideoReformatter) -> Picture:
    return Picture(sampled.asked_seconds, sampled.time_seconds, sampled.frame, aspect, reformatter)


def _seek(container: InputContainer, seconds: float) -> None:
    if seconds > 0:
        # A file that cannot be sought in is read from its beginning.
        with suppress(av.error.FFmpegError, OSError):
            container.seek(int(seconds * av.time_base), backward=True)


def _origin_seconds(container: InputContainer) -> float:
    start = (container.start_time or 0) / av.time_base
    return start if abs(start) > OTHER_CLOCK_SECONDS else 0.0
