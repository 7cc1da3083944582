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
"""No recording has a lower rate, nor a higher one; a header that says so is damaged."""
MAX_PEAK = 8.0
"""Of float samples, whose full scale is 1. A mix may exceed it by some decibels, but not by this."""
MAX_SHARE_NOT_FINITE = 0.1
MAX_SHARE_DAMAGED = 0.5
REPEATED_SECONDS, SKIPPED_SECONDS = 0.5, 10.0
"""A clock that steps back or ahead by more belongs to another recording, which follows at once."""
STORE_THEIR_LENGTH = frozenset(["mov", "matroska", "flac"])
PASSES_OVER_DAMAGE = frozenset(["aac"])
"""Of bare packets, whose reader looks for the next header without a word; what it passed over is missing at the end."""
MAX_TAG_BYTES = 200
"""Of a title behind the sound."""
MISSING_SECONDS, MISSING_SHARE = 1.0, 0.05
"""By which a track may be shorter than its container says."""

av.logging.set_level(av.logging.PANIC)


def read_speech(path: Readable, sample_rate_hz: int, on_warning: OnWarning | None = None) -> NDArray[np.int16]:
    """Read the sound of any audio or video file: (samples,) int16, mono.

    Packets that cannot be decoded become silence of their length, so that what follows keeps its time.

    Args:
        path: the file.
        sample_rate_hz: what the sound is resampled to.
        on_warning: receives each fault of sound that is used all the same; without, they are Python warnings.
    Raises:
        UnusableFileError: there is no such file, no sound in it, or most of it cannot be decoded.
    """
    on_warning = on_warning or issue_python_warnings(path)
    sound = AudioTrack(sample_rate_hz)
    with open_media(path, on_warning) as container:
        stream = audio_stream(container, path)
        clock = _Clock(sound, has_own=_has_clock(container))
        end_bytes = 0
        for packet in packets(container, [stream]):
            end_bytes = max(end_bytes, (packet.pos or 0) + packet.size)
            for frame in clock.decode(packet):
                sound.add(frame, clock.time_of(frame))
            if len(sound) > MAX_SPEECH_HOURS * 3600 * sample_rate_hz:
                raise UnusableFileError(path, f"is longer than {MAX_SPEECH_HOURS} hours", "cut it into pieces")
        sound.finish()
        if container.format.name in PASSES_OVER_DAMAGE:
            skipped = container.size - end_bytes
            sound.faults.skipped_bytes = skipped if skipped > MAX_TAG_BYTES else 0
        sound.faults.missing_seconds = missing_seconds(container, stream, sound)
    check_audio(path, sound)
    for warning in sound.warnings():
        on_warning(warning)
    speech = sound.between(sound.start_seconds, sound.end_seconds)
    if not speech.any():
        raise UnusableFileError(path, "is silent, every sample is 0", "leave it out, or export its sound again")
    if len(speech) < MIN_SPEECH_SECONDS * sample_rate_hz:
        reason = f"is shorter than {MIN_SPEECH_SECONDS:g} s"
        raise UnusableFileError(path, reason, "give a longer recording", f"{len(speech)} samples")
    return speech


def check_audio(path: Readable, sound: AudioTrack) -> None:
    """Check that a track, read to its end, holds sound that can be used.

    Raises:
        UnusableFileError: it holds none, or little else than faults.
    """
    faults = sound.faults
    if faults.damaged_packets > MAX_SHARE_DAMAGED * faults.packets:
        detail = f"{faults.damaged_packets} of {faults.packets} packets"
        raise UnusableFileError(path, "has no sound that can be decoded", "get it again, or leave it out", detail)
    if not len(sound):
        raise UnusableFileError(path, "holds no samples in its audio track", "record or export it again")
    if faults.not_finite > MAX_SHARE_NOT_FINITE * faults.samples:
        detail = f"{faults.not_finite} of {faults.samples}"
        raise UnusableFileError(path, "has samples that are not finite numbers", "export its sound again", detail)
    if faults.peak > MAX_PEAK:
        advice = "save it with samples from -1 to 1, or as 16-bit integers"
        raise UnusableFileError(path, "has float samples far beyond full scale", advice, f"{faults.peak:g}")


@contextmanager
def open_media(path: Readable, on_warning: OnWarning | None = None) -> Iterator[InputContainer]:
    """Open an audio or video file for decoding.

    Raises:
        UnusableFileError: it cannot be decoded; also where that shows while it is open.
    """
    check_is_file(path)
    # A file object without protocols: a playlist would otherwise make the decoder read other files and addresses.
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
        raise UnusableFileError(path, "cannot be decoded", "give an audio or video file with sound", detail) from None


def audio_stream(container: InputContainer, path: Readable) -> AudioStream:
    """Choose the audio track that players choose.

    Raises:
        UnusableFileError: there is none, or its sample rate is none of a recording.
    """
    best = container.streams.best("audio")
    if not isinstance(best, AudioStream) or best.codec_context is None:
        raise UnusableFileError(path, "has no audio track", "give a file with sound")
    best.codec_context.thread_count = 1
    rate = best.codec_context.sample_rate
    if rate and not LEAST_RATE_HZ <= rate <= HIGHEST_RATE_HZ:
        advice = "export its sound again"
        raise UnusableFileError(path, "has a sample rate that no recording has", advice, f"{rate} Hz")
    return best


def packets(container: InputContainer, streams: "list[VideoStream | AudioStream]") -> Iterator[Packet]:
    """Packets as far as the file can be read: what stands before the place where it was cut off is used."""
    container.flags |= cast(int, av.container.Flags.gen_pts.value)
    try:
        yield from container.demux(*streams)
    except (av.error.FFmpegError, EOFError):
        return


def missing_seconds(container: InputContainer, stream: AudioStream, sound: AudioTrack) -> float:
    """How much less sound could be read than a container that stores its length says; 0 where nothing is missing."""
    stored = stream.duration * float(stream.time_base) if stream.duration and stream.time_base else 0.0
    if not stored and not container.streams.video:
        stored = (container.duration or 0) / av.time_base
    missing = stored - len(sound) / sound.sample_rate_hz
    is_known = container.format.name.split(",")[0] in STORE_THEIR_LENGTH
    return missing if is_known and missing > max(MISSING_SECONDS, MISSING_SHARE * stored) else 0.0


def _has_clock(container: InputContainer) -> bool:
    """Whether time stamps come from the file; of bare packets, FFmpeg makes them up as if no format ever changed."""
    bare, jumping = (cast(int, av.format.Flags[name].value) for name in ("generic_index", "ts_discont"))
    return not container.format.flags & bare or bool(container.format.flags & jumping)


class _Clock:
    """The moments of frames in a track, without gaps between recordings that were put together.

    Args:
        sound: the track.
        has_own: the file has time stamps; else frames follow each other, and damaged packets keep their place.
    """

    def __init__(self, sound: AudioTrack, has_own: bool) -> None:
        self._sound, self._has_own = sound, has_own
        self._shift_seconds = self._lost_seconds = 0.0

    def decode(self, packet: Packet) -> list[av.AudioFrame]:
        """Decode a packet; the length of one that is damaged counts as lost."""
        before = self._sound.faults.damaged_packets
        frames = self._sound.decode(packet)
        if self._sound.faults.damaged_packets > before and packet.duration and packet.time_base:
            self._lost_seconds += packet.duration * float(packet.time_base)
        return frames

    def time_of(self, frame: av.AudioFrame) -> float | None:
        """The moment of a frame; None where it follows the last one."""
        lost, self._lost_seconds = self._lost_seconds, 0.0
        due = self._sound.due_seconds
        if not self._has_own:
            return due + lost if lost else None
        if frame.time is None or not len(self._sound):
            return frame.time
        ahead = frame.time + self._shift_seconds - due
        if not -REPEATED_SECONDS <= ahead <= SKIPPED_SECONDS:
            self._shift_seconds -= ahead
        return frame.time + self._shift_seconds
