"""Decoding of audio from any audio or video file."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, cast

import av
import av.logging
import numpy as np
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.packet import Packet
from numpy.typing import NDArray

from facegen.data.media.audio_track import AudioTrack
from facegen.data.media.media_files import (
    OnWarning,
    Readable,
    UnusableFileError,
    check_is_file,
    file_type_by_content,
    issue_python_warnings,
    open_readable,
)
from facegen.data.media.wav_header import warn_of_length, wrong_length

if TYPE_CHECKING:
    from av.video.stream import VideoStream

MAX_SPEECH_HOURS = 12
MIN_SPEECH_SECONDS = 0.01
LEAST_RATE_HZ, HIGHEST_RATE_HZ = 1000, 10**6
"""Range of the sample rates of recordings; a header with a rate outside it is damaged."""
MAX_PEAK = 8.0
"""Largest float sample, relative to full scale; a mix may exceed full scale, but only by a few decibels."""
MAX_SHARE_NOT_FINITE = 0.1
MAX_SHARE_DAMAGED = 0.5
REPEATED_SECONDS, SKIPPED_SECONDS = 0.5, 10.0
"""Time stamps that jump back or ahead by more begin another recording, which is appended without a gap."""
CONTAINERS_WITH_DURATION = frozenset(["mov", "matroska", "flac"])
FORMATS_WITH_RESYNC = frozenset(["aac"])
"""Raw formats whose demuxer silently skips damaged bytes up to the next header."""
MAX_TAG_BYTES = 200
"""Largest size of metadata after the audio; more unread bytes are damage."""
MISSING_SECONDS, MISSING_SHARE = 1.0, 0.05
"""Amounts by which a track may be shorter than the duration in its container, in seconds and as a share."""

av.logging.set_level(av.logging.PANIC)


def read_speech(path: Readable, sample_rate_hz: int, on_warning: OnWarning | None = None) -> NDArray[np.int16]:
    """Read the audio of any audio or video file: (samples,) int16, mono.

    Packets that cannot be decoded become silence of equal length, so that later audio keeps its time.

    Args:
        path: the file.
        sample_rate_hz: sample rate of the result.
        on_warning: receives each fault that was repaired; by default, faults are Python warnings.
    Raises:
        UnusableFileError: the file does not exist, has no audio, or most of the audio cannot be decoded.
    """
    on_warning = on_warning or issue_python_warnings(path)
    track = AudioTrack(sample_rate_hz)
    with open_media(path, on_warning) as container:
        stream = audio_stream(container, path)
        clock = _Clock(track, has_time_stamps=_has_time_stamps(container))
        end_bytes = 0
        for packet in packets(container, [stream]):
            end_bytes = max(end_bytes, (packet.pos or 0) + packet.size)
            for frame in clock.decode(packet):
                track.add(frame, clock.time_of(frame))
            if len(track) > MAX_SPEECH_HOURS * 3600 * sample_rate_hz:
                raise UnusableFileError(path, f"is longer than {MAX_SPEECH_HOURS} hours", "split it into shorter files")
        track.finish()
        if container.format.name in FORMATS_WITH_RESYNC:
            skipped = container.size - end_bytes
            track.faults.skipped_bytes = skipped if skipped > MAX_TAG_BYTES else 0
        track.faults.missing_seconds = missing_seconds(container, stream, track)
    check_audio(path, track)
    for warning in track.warnings():
        on_warning(warning)
    speech = track.between(track.start_seconds, track.end_seconds)
    if not speech.any():
        raise UnusableFileError(path, "is silent, every sample is 0", "leave it out, or export its audio again")
    if len(speech) < MIN_SPEECH_SECONDS * sample_rate_hz:
        reason = f"is shorter than {MIN_SPEECH_SECONDS:g} s"
        raise UnusableFileError(path, reason, "give a longer recording", f"{len(speech)} samples")
    return speech


def check_audio(path: Readable, track: AudioTrack) -> None:
    """Check that a completely read track holds usable audio.

    Raises:
        UnusableFileError: the track is empty, or mostly damaged.
    """
    faults = track.faults
    if faults.damaged_packets > MAX_SHARE_DAMAGED * faults.packets:
        detail = f"{faults.damaged_packets} of {faults.packets} packets"
        raise UnusableFileError(path, "has no audio that can be decoded", "get it again, or leave it out", detail)
    if not len(track):
        raise UnusableFileError(path, "has an empty audio track", "record or export it again")
    if faults.not_finite > MAX_SHARE_NOT_FINITE * faults.samples:
        detail = f"{faults.not_finite} of {faults.samples}"
        raise UnusableFileError(path, "has samples that are not finite", "export its audio again", detail)
    if faults.peak > MAX_PEAK:
        advice = "save it with samples from -1 to 1, or as 16-bit integers"
        raise UnusableFileError(path, "has float samples far beyond full scale", advice, f"{faults.peak:g}")


@contextmanager
def open_media(path: Readable, on_warning: OnWarning | None = None) -> Iterator[InputContainer]:
    """Open an audio or video file for decoding.

    Raises:
        UnusableFileError: the file cannot be decoded; also raised inside the block.
    """
    check_is_file(path)
    # No protocols are allowed: a playlist would otherwise make the decoder read other files and addresses.
    options = {"protocol_whitelist": "none"}
    length = wrong_length(path)
    if length is not None:
        options["ignore_length"] = "1"
        warn_of_length(length, on_warning or issue_python_warnings(path))
    try:
        with open_readable(path) as file, av.open(file, "r", options=options) as container:
            yield container
    except (av.error.FFmpegError, OSError, ValueError, EOFError) as error:
        kind = file_type_by_content(path)
        detail = "it looks like a text file" if kind == "text" else getattr(error, "strerror", None) or error
        raise UnusableFileError(path, "cannot be decoded", "give an audio or video file", detail) from None


def audio_stream(container: InputContainer, path: Readable) -> AudioStream:
    """Select the audio track that players select by default.

    Raises:
        UnusableFileError: there is no audio track, or its sample rate is outside the range of recordings.
    """
    best = container.streams.best("audio")
    if not isinstance(best, AudioStream) or best.codec_context is None:
        raise UnusableFileError(path, "has no audio track", "give a file with audio")
    best.codec_context.thread_count = 1
    rate = best.codec_context.sample_rate
    if rate and not LEAST_RATE_HZ <= rate <= HIGHEST_RATE_HZ:
        advice = f"allowed are {LEAST_RATE_HZ} to {HIGHEST_RATE_HZ} Hz; export its audio again"
        raise UnusableFileError(path, "has an implausible sample rate", advice, f"{rate} Hz")
    return best


def packets(container: InputContainer, streams: "list[VideoStream | AudioStream]") -> Iterator[Packet]:
    """Yield the packets of a file; a truncated file yields those before the truncation."""
    container.flags |= cast(int, av.container.Flags.gen_pts.value)
    try:
        yield from container.demux(*streams)
    except (av.error.FFmpegError, EOFError):
        return


def missing_seconds(container: InputContainer, stream: AudioStream, track: AudioTrack) -> float:
    """Compute the audio missing against the duration in the container, in seconds; 0 within the tolerance."""
    stored = stream.duration * float(stream.time_base) if stream.duration and stream.time_base else 0.0
    if not stored and not container.streams.video:
        stored = (container.duration or 0) / av.time_base
    missing = stored - len(track) / track.sample_rate_hz
    is_known = container.format.name.split(",")[0] in CONTAINERS_WITH_DURATION
    return missing if is_known and missing > max(MISSING_SECONDS, MISSING_SHARE * stored) else 0.0


def _has_time_stamps(container: InputContainer) -> bool:
    """Check that time stamps come from the file; for raw formats, FFmpeg invents them from a constant format."""
    generic_index, discontinuous = (cast(int, av.format.Flags[name].value) for name in ("generic_index", "ts_discont"))
    return not container.format.flags & generic_index or bool(container.format.flags & discontinuous)


class _Clock:
    """Clock that gives the times of frames in a track, without gaps between concatenated recordings.

    Args:
        track: the track.
        has_time_stamps: the file has time stamps; otherwise frames follow each other, and damaged packets leave gaps of
            their duration.
    """

    def __init__(self, track: AudioTrack, has_time_stamps: bool) -> None:
        self._track, self._has_time_stamps = track, has_time_stamps
        self._shift_seconds = self._lost_seconds = 0.0

    def decode(self, packet: Packet) -> list[av.AudioFrame]:
        """Decode a packet; the duration of a damaged packet is recorded as lost."""
        before = self._track.faults.damaged_packets
        frames = self._track.decode(packet)
        if self._track.faults.damaged_packets > before and packet.duration and packet.time_base:
            self._lost_seconds += packet.duration * float(packet.time_base)
        return frames

    def time_of(self, frame: av.AudioFrame) -> float | None:
        """Return the time of a frame in seconds; None if it directly follows the previous one."""
        lost, self._lost_seconds = self._lost_seconds, 0.0
        due = self._track.due_seconds
        if not self._has_time_stamps:
            return due + lost if lost else None
        if frame.time is None or not len(self._track):
            return frame.time
        ahead = frame.time + self._shift_seconds - due
        if not -REPEATED_SECONDS <= ahead <= SKIPPED_SECONDS:
            self._shift_seconds -= ahead
        return frame.time + self._shift_seconds
