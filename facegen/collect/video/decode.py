"""Decoder of a video: the sampled frames and the sound, in one pass over the file."""

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
from facegen.data.media.media_files import MediaWarning, Readable, UnusableFileError

OTHER_CLOCK_SECONDS = 0.5
"""A file whose first time stamp is later than this has an offset clock; less is a true delay of one stream."""
HDR_TRANSFERS = {16: "PQ", 18: "HLG"}
"""{transfer characteristic of ITU-T H.273: name}; shown as they are, such frames look pale and grey."""


@dataclass(frozen=True)
class DecodedFrame:
    """Decoded frame of a video.

    Attributes:
        target_seconds: sampling time.
        time_seconds: time stamp.
        frame: frame of PyAV.
        aspect: width / height of its pixels.
        reformatter: converter of the video; shared, because creating one per frame costs more than the conversion.
    """

    target_seconds: float
    time_seconds: float
    frame: VideoFrame
    aspect: float
    reformatter: VideoReformatter

    @property
    def num_bytes(self) -> int:
        """Memory of the decoded planes, in bytes."""
        return sum(plane.buffer_size for plane in self.frame.planes)

    def image(self) -> NDArray[np.uint8]:
        """Convert to (H, W, 3) uint8 RGB, upright and with square pixels, as a player shows it."""
        image = np.asarray(self.reformatter.reformat(self.frame, format="rgb24").to_ndarray(), dtype=np.uint8)
        if self.aspect != 1:
            size = (max(1, round(image.shape[1] * self.aspect)), image.shape[0])
            image = np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)
        # The display matrix gives the counter-clockwise rotation, in degrees.
        return np.ascontiguousarray(np.rot90(image, round(self.frame.rotation / 90) % 4))


class VideoReader:
    """Reader of one video: the frames at the sampling times, and all sound.

    Args:
        files: files of the video.
        settings: sampling times, limits, and sample rate of the sound.
        segment: part to read; None reads the whole video. The reader seeks to its start if the file allows it.
    Attributes:
        sound: decoded sound. It grows while `frames` is iterated; a separate audio file is complete before the first
            frame.
        duration_seconds: duration of what was decoded; headers may be wrong.
    Raises:
        UnusableFileError: raised by the methods if a file cannot be read, lacks sound or frames, or is too long or too
            large.
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
        """Faults of the sound, and their repairs."""
        return [*self._length_warnings, *self.sound.warnings()]

    @property
    def duration_seconds(self) -> float:
        last = max(self._last_seconds, self.sound.end_seconds if len(self.sound) else 0.0)
        return max(0.0, min(last, self._end) - self._start)

    def frames(self) -> Iterator[DecodedFrame]:
        """Decode the frames at the sampling times, in the order of time."""
        if self._files.audio is not None:
            self.read_all_sound()
        with open_media(self._files.video, self._length_warnings.append) as container:
            video = self._video_stream(container)
            audio = None if self._files.audio is not None else audio_stream(container, self._files.video)
            origin = _origin_seconds(container)
            settings = self._settings.frames
            sampler = FrameSampler(
                video,
                origin,
                start_seconds=self._start,
                every_seconds=settings.every_seconds,
                tolerance_seconds=settings.tolerance_seconds,
                end_seconds=self._end,
                knows_display=container.format.name != "avi" or not video.codec_context.has_b_frames,
            )
            _seek(container, origin + self._start)
            aspect, reformatter = float(video.sample_aspect_ratio or 1), VideoReformatter()
            for packet in packets(container, [video] if audio is None else [video, audio]):
                if packet.stream is audio:
                    self._decode_sound(packet, origin)
                elif packet.size and not sampler.done:
                    yield from (_decoded_frame(sampled, aspect, reformatter) for sampled in sampler.feed(packet))
                    self._update_duration(sampler.last_seconds)
                if sampler.done and (self.sound.complete or self._has_all_sound):
                    break
            yield from (_decoded_frame(sampled, aspect, reformatter) for sampled in sampler.finish())
            self._update_duration(sampler.last_seconds)
            if not sampler.num_frames and not sampler.done:
                advice = "get it again, or leave it out"
                raise UnusableFileError(self._files.video, "has no frame that can be decoded", advice)
        if not self.sound.complete:
            self._finish_sound()

    def read_all_sound(self) -> None:
        """Read all sound ahead of the frames: for a separate file, or a file whose sound comes much later."""
        self.sound = AudioTrack(self._settings.speech.sample_rate_hz)
        path = self._files.audio or self._files.video
        with open_media(path, self._length_warnings.append) as container:
            audio = audio_stream(container, path)
            origin = _origin_seconds(container)
            _seek(container, origin + self._start)
            for packet in packets(container, [audio]):
                self._decode_sound(packet, origin)
                if self._has_all_sound:
                    break
        self._finish_sound()

    @property
    def _has_all_sound(self) -> bool:
        return bool(len(self.sound)) and self.sound.end_seconds >= self._end

    def _decode_sound(self, packet: Packet, origin: float) -> None:
        if self.sound.complete:
            return
        for frame in self.sound.decode(packet):
            time = None if frame.time is None else frame.time - origin
            if time is not None:
                self._update_duration(time)
            self.sound.add(frame, time)

    def _finish_sound(self) -> None:
        self.sound.finish()
        check_audio(self._files.audio or self._files.video, self.sound)

    def _update_duration(self, seconds: float) -> None:
        """Update the duration; refuse a video that is too long before its sound fills the memory."""
        limit = self._settings.frames.max_hours
        if seconds - self._start > limit * 3600:
            advice = "cut it into pieces, or raise [frames] max_hours"
            raise UnusableFileError(self._files.video, f"is longer than {limit:g} hours", advice)
        if math.isfinite(seconds):
            self._last_seconds = max(self._last_seconds, seconds)

    def _video_stream(self, container: InputContainer) -> VideoStream:
        # An album cover is also a video stream.
        candidates = [stream for stream in container.streams.video if not stream.disposition & Disposition.attached_pic]
        best = container.streams.best("video")
        stream = best if isinstance(best, VideoStream) and best in candidates else next(iter(candidates), None)
        if stream is None or stream.codec_context is None:
            raise UnusableFileError(self._files.video, "has no video track", "give a video file")
        if stream.width * stream.height > MAX_IMAGE_MEGAPIXELS * 10**6:
            raise UnusableFileError(self._files.video, TOO_LARGE, "shrink it", f"{stream.width}x{stream.height}")
        _refuse_hdr(self._files.video, stream.codec_context.color_trc)
        # Each process examines one video, and the processes use all cores; more threads would not help.
        stream.codec_context.thread_count = 1
        stream.codec_context.options = {"max_pixels": str(MAX_IMAGE_MEGAPIXELS * 10**6)}
        return stream


def _refuse_hdr(path: Readable, transfer: int) -> None:
    """Refuse high dynamic range: its faces would differ from all others in brightness and colour."""
    if transfer in HDR_TRANSFERS:
        advice = "convert it to SDR first, such as with the filters zscale and tonemap of ffmpeg"
        raise UnusableFileError(path, "has a high dynamic range (HDR)", advice, f"transfer {HDR_TRANSFERS[transfer]}")


def _decoded_frame(sampled: SampledFrame, aspect: float, reformatter: VideoReformatter) -> DecodedFrame:
    return DecodedFrame(sampled.asked_seconds, sampled.time_seconds, sampled.frame, aspect, reformatter)


def _seek(container: InputContainer, seconds: float) -> None:
    if seconds > 0:
        # A file that does not support seeking is read from its start.
        with suppress(av.error.FFmpegError, OSError):
            container.seek(int(seconds * av.time_base), backward=True)


def _origin_seconds(container: InputContainer) -> float:
    start = (container.start_time or 0) / av.time_base
    return start if abs(start) > OTHER_CLOCK_SECONDS else 0.0
