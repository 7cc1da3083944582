from fractions import Fraction
from itertools import cycle, product

import av
import numpy as np
import pytest
from media_files import damage_packets, write_riff
from videos import (
    Sound,
    claim_hours,
    cut_by_edit_list,
    draw_number,
    dropping,
    read_number,
    read_time,
    steady,
    timed_sound,
    tone,
    turn,
    unsteady,
    write_video,
)

from facegen.collect.video.decode import VideoReader
from facegen.collect.video.examination import MediaFiles, Segment
from facegen.collect.video.examine_settings import ExamineSettings, FrameSettings, SpeechSettings
from facegen.data.media.media_files import UnusableFileError

NTSC = Fraction(30000, 1001)
HALF_WINDOW_SECONDS = 0.1
"""Half of the duration of the sound that the time of a frame is read from."""
TOLERANCE_SECONDS = 0.02


def settings(**frames):
    return ExamineSettings(frames=FrameSettings(**frames), speech=SpeechSettings())


def read(path, segment=None, audio=None, **frames):
    reader = VideoReader(MediaFiles(path, audio), settings(**frames), segment)
    return reader, list(reader.frames())


def moments_near(times, every_seconds=1.0, start_seconds=0.0, tolerance_seconds=0.1):
    """Return the sampling times that have a frame."""
    grid = start_seconds + every_seconds * np.arange(200)
    return [moment for moment in grid if np.abs(np.array(times) - moment).min() <= tolerance_seconds + 1e-9]


def check_clock(reader, pictures, times, moments=None, late=0.0):
    """Check that each image is the one nearest to its sampling time, and that its time stamp agrees with the sound.

    All time stamps may be `late` by the same time, in formats whose clock does not start with the first frame.
    """
    times = [time + late for time in times]
    expected = moments_near(times) if moments is None else moments
    assert [picture.target_seconds for picture in pictures] == pytest.approx(expected)
    for picture in pictures:
        number = read_number(picture.image())
        assert abs(picture.time_seconds - times[number]) < 0.0015, "the time stamp is another frame's"
        nearest = min(abs(time - picture.target_seconds) for time in times)
        assert abs(times[number] - picture.target_seconds) <= nearest + 0.0015, "another frame is nearer"
        sound = reader.sound
        around = sound.between(picture.time_seconds - HALF_WINDOW_SECONDS, picture.time_seconds + HALF_WINDOW_SECONDS)
        if len(around) >= 2 * HALF_WINDOW_SECONDS * sound.sample_rate_hz - 1:
            assert abs(read_time(around, sound.sample_rate_hz) + late - times[number]) <= TOLERANCE_SECONDS


KINDS = {
    "mpeg1-25": ("a.mpg", "mpeg1video", 25, timed_sound(codec="mp2")),
    "mpeg1-ntsc-stereo": ("a.mpg", "mpeg1video", NTSC, timed_sound(codec="mp2", rate_hz=48000, channels=2)),
    "h264-25": ("a.mp4", "libx264", 25, timed_sound()),
    "h264-ntsc-stereo": ("a.mp4", "libx264", NTSC, timed_sound(channels=2, rate_hz=48000)),
    "h264-30-8k": ("a.mp4", "libx264", 30, timed_sound(rate_hz=8000)),
    "h264-30-22k-mkv": ("a.mkv", "libx264", 30, timed_sound(rate_hz=22050, codec="flac")),
    "h264-ts": ("a.ts", "libx264", 25, timed_sound(rate_hz=32000, channels=2)),
    "vp9-opus": ("a.webm", "libvpx-vp9", 30, timed_sound(codec="libopus", rate_hz=48000)),
    "vp9-opus-ntsc-16k": ("a.webm", "libvpx-vp9", NTSC, timed_sound(codec="libopus", rate_hz=16000, channels=2)),
    # AVI does not store the order of display, which bidirectional frames change.
    "h264-avi": ("a.avi", "libx264", 25, timed_sound(codec="mp2", rate_hz=48000)),
    "mpeg4-avi": ("a.avi", "mpeg4", 25, timed_sound(codec="mp2", rate_hz=32000)),
    "mjpeg-mov": ("a.mov", "mjpeg", 25, timed_sound(rate_hz=12000)),
}


@pytest.mark.parametrize("kind", KINDS)
def test_frames_and_sound_share_one_clock(tmp_path, kind):
    name, codec, fps, sound = KINDS[kind]
    times = steady(fps, 6)
    path = write_video(tmp_path / name, times, sound, codec=codec, fps=fps)
    reader, pictures = read(path)
    late = pictures[0].time_seconds if path.suffix in (".mpg", ".ts") else 0.0
    assert late <= 0.08
    check_clock(reader, pictures, times, late=late)
    assert reader.duration_seconds == pytest.approx(6, abs=0.1)


@pytest.mark.parametrize(("name", "codec"), [("a.mp4", "libx264"), ("a.mkv", "libx264"), ("a.webm", "libvpx-vp9")])
def test_variable_frame_rate(tmp_path, name, codec):
    times = unsteady(6)
    sound = timed_sound(codec="libopus", rate_hz=48000)
    reader, pictures = read(write_video(tmp_path / name, times, sound, codec=codec, fps=30))
    check_clock(reader, pictures, times)


RATES = {"25": 25, "29.97": NTSC, "30": 30, "variable": 0}
SOUNDS = cycle(product((8000, 12000, 16000, 24000, 48000), (1, 2)))
EVERYTHING = [
    (codec, rate, sound, *next(SOUNDS))
    for codec, rate, sound in product(("mpeg1video", "libx264", "libvpx-vp9"), RATES, ("aac", "libopus"))
]


@pytest.mark.parametrize(("codec", "rate", "sound", "rate_hz", "channels"), EVERYTHING)
def test_every_rate_with_every_codec(tmp_path, codec, rate, sound, rate_hz, channels):
    fps = RATES[rate]
    times = steady(fps, 4) if fps else dropping(25, 4) if codec == "mpeg1video" else unsteady(4)
    track = timed_sound(4, rate_hz, sound, channels=channels)
    path = write_video(tmp_path / "a.mkv", times, track, codec=codec, fps=fps or 25)
    reader, pictures = read(path)
    assert len(pictures) >= 4
    check_clock(reader, pictures, times)


@pytest.mark.parametrize("gop", [5, 250])
def test_frames_cut_off_by_an_edit_list_are_not_read(tmp_path, gop):
    path = cut_by_edit_list(write_video(tmp_path / "a.mp4", steady(25, 6), timed_sound(), gop=gop), 1.4)
    reader, pictures = read(path)
    assert [picture.target_seconds for picture in pictures] == [0, 1, 2, 3, 4]
    for picture in pictures:
        number = read_number(picture.image())
        assert number == 25 * picture.target_seconds + 35 and abs(picture.time_seconds - (number - 35) / 25) < 0.0015
        if 0 < picture.target_seconds < 4:
            around = reader.sound.between(
                picture.time_seconds - HALF_WINDOW_SECONDS, picture.time_seconds + HALF_WINDOW_SECONDS
            )
            assert abs(read_time(around, 16000) - number / 25) <= TOLERANCE_SECONDS


@pytest.mark.parametrize("gop", [1, 5, 12, 60, 250])
@pytest.mark.parametrize("every_seconds", [0.2, 1.0, 2.5])
def test_the_frames_are_those_of_a_full_decoding(tmp_path, gop, every_seconds):
    times = steady(25, 6)
    path = write_video(tmp_path / "a.mp4", times, timed_sound(), gop=gop)
    with av.open(str(path)) as container:
        full = {round(frame.time, 4): frame for frame in container.decode(video=0)}
    reader, pictures = read(path, every_seconds=every_seconds)
    check_clock(reader, pictures, times, moments_near(times, every_seconds))
    for picture in pictures[:: max(1, len(pictures) // 6)]:
        whole = full[round(picture.time_seconds, 4)].to_ndarray(format="rgb24")
        assert np.array_equal(picture.image(), whole)


@pytest.mark.parametrize(("video_start", "sound_start"), [(0.0, 0.3), (0.3, 0.0), (0.2, 0.25)])
@pytest.mark.parametrize("name", ["a.mp4", "a.mkv", "a.ts"])
def test_one_stream_begins_later(tmp_path, name, video_start, sound_start):
    times = steady(25, 6, video_start)
    path = write_video(tmp_path / name, times, timed_sound(start_seconds=sound_start))
    reader, pictures = read(path)
    if name == "a.ts":
        # Its clock starts with the first stream, or shortly before.
        late = pictures[0].time_seconds - times[read_number(pictures[0].image())]
        check_clock(reader, pictures, times, late=late)
        return
    assert reader.sound.start_seconds == pytest.approx(sound_start, abs=0.03)
    check_clock(reader, pictures, times)


def test_a_hole_in_the_sound_stays_a_hole(tmp_path):
    whole = tone(0, 6, 44100)
    with av.open(str(tmp_path / "a.mkv"), "w") as container:
        stream = container.add_stream("pcm_s16le", rate=44100, layout="mono")
        video = container.add_stream("mjpeg", rate=25)
        video.width, video.height, video.pix_fmt = 64, 48, "yuvj420p"
        for number in range(150):
            frame = av.VideoFrame.from_ndarray(draw_number(number), format="rgb24")
            container.mux(video.encode(frame))
            if not 50 <= number < 70:
                piece = whole[number * 1764 : (number + 1) * 1764]
                sound = av.AudioFrame.from_ndarray(piece[None], format="s16", layout="mono")
                sound.sample_rate, sound.pts, sound.time_base = 44100, number * 1764, Fraction(1, 44100)
                container.mux(stream.encode(sound))
    reader, pictures = read(tmp_path / "a.mkv")
    assert reader.sound.end_seconds == pytest.approx(6, abs=0.01)
    assert not reader.sound.between(2.1, 2.7).any()
    check_clock(reader, [pictures[1], *pictures[4:]], steady(25, 6), [1, 4, 5, 6])


def test_sound_in_a_file_of_its_own(tmp_path):
    times = steady(25, 6)
    video = write_video(tmp_path / "v.mp4", times, None)
    write_video(tmp_path / "a.mp4", times[:1], timed_sound())
    reader, pictures = read(video, audio=tmp_path / "a.mp4")
    check_clock(reader, pictures, times)


@pytest.mark.parametrize("gop", [12, 250])
def test_a_segment_is_sought_and_its_moments_count_from_its_start(tmp_path, gop):
    times = steady(25, 10)
    path = write_video(tmp_path / "a.mp4", times, timed_sound(10), gop=gop)
    reader, pictures = read(path, Segment(4.48, 8.5))
    check_clock(reader, pictures, times, [4.48, 5.48, 6.48, 7.48, 8.48])
    assert reader.duration_seconds == pytest.approx(4.02)
    assert reader.sound.end_seconds < 9.5 and (gop == 250 or reader.sound.start_seconds > 3)


def test_a_portrait_is_turned_upright(tmp_path):
    path = turn(write_video(tmp_path / "a.mp4", steady(25, 2), timed_sound(2)))
    _, pictures = read(path)
    image = pictures[1].image()
    assert image.shape == (64, 48, 3)
    # Turned clockwise, the left side is up: the black corner of the lower left comes to the upper left.
    assert read_number(np.rot90(image)) == 25
    assert image[:32, :10].mean() < 30 and image[-32:, :10].mean() > 220


def test_wide_pixels_are_made_square(tmp_path):
    path = write_video(tmp_path / "a.mp4", steady(25, 1), timed_sound(1), **{"aspect": "2:1"})
    _, pictures = read(path)
    assert pictures[0].image().shape == (48, 128, 3)
    assert read_number(pictures[0].image()) == 0


def test_a_still_picture_stands_for_its_own_moment_only(tmp_path):
    path = write_video(tmp_path / "a.mp4", [0.0, 2.4, 5.02], timed_sound(6))
    _, pictures = read(path)
    assert [(picture.target_seconds, round(picture.time_seconds, 2)) for picture in pictures] == [(0, 0), (5, 5.02)]


def test_a_header_that_claims_hours_is_not_believed(tmp_path):
    path = claim_hours(write_video(tmp_path / "a.mkv", steady(25, 3), timed_sound(3)), 9)
    with av.open(str(path)) as container:
        assert container.duration / av.time_base > 8 * 3600
    reader, pictures = read(path)
    assert len(pictures) == 4 and reader.duration_seconds == pytest.approx(3, abs=0.1)


def test_a_too_long_video_is_refused_before_it_fills_the_memory(tmp_path):
    path = write_video(tmp_path / "a.mp4", [0.0, 1.0, 2.0, 3.0, 4.0, 5.0], timed_sound(6))
    with pytest.raises(UnusableFileError, match=r"longer than 0\.001 hours; cut it into pieces, or raise \[frames\]"):
        read(path, max_hours=0.001)
    jump = write_video(tmp_path / "jump.mkv", [0.0, 1.0, 50000.0], timed_sound(2))
    with pytest.raises(UnusableFileError, match="is longer than 4 hours"):
        read(jump)


def test_a_truncated_file_gives_what_it_has(tmp_path):
    data = write_video(tmp_path / "a.mkv", steady(25, 6), timed_sound()).read_bytes()
    (tmp_path / "cut.mkv").write_bytes(data[: len(data) * 6 // 10])
    reader, pictures = read(tmp_path / "cut.mkv")
    check_clock(reader, pictures, steady(25, 6), list(range(len(pictures))))
    assert 3 <= len(pictures) <= 5 and 3 < reader.duration_seconds < 5


def test_damaged_bytes_cost_their_own_frames_only(tmp_path):
    data = bytearray(write_video(tmp_path / "a.mkv", steady(25, 6), timed_sound(), gop=10).read_bytes())
    middle = len(data) // 2
    data[middle : middle + 2000] = np.random.default_rng(0).bytes(2000)
    (tmp_path / "a.mkv").write_bytes(data)
    _, pictures = read(tmp_path / "a.mkv")
    numbers = [read_number(picture.image()) for picture in pictures]
    good = [picture for picture in pictures if not 2 < picture.time_seconds < 4]
    assert numbers[:2] == [0, 25] and len(good) >= 3
    for picture in good:
        assert abs(picture.time_seconds - read_number(picture.image()) / 25) < 0.0015


def test_an_array_of_missing_pieces(tmp_path):
    times, sound = steady(25, 1), timed_sound(1)
    (tmp_path / "text.mp4").write_text("this is no video\n" * 50)
    (tmp_path / "empty.mp4").touch()
    whole = write_video(tmp_path / "whole.mp4", times, sound).read_bytes()
    (tmp_path / "cut.mp4").write_bytes(whole[: len(whole) // 2])
    write_video(tmp_path / "mute.mp4", times, None)
    with av.open(str(tmp_path / "blind.m4a"), "w") as container:
        stream = container.add_stream("aac", rate=16000, layout="mono")
        frame = av.AudioFrame.from_ndarray(tone(0, 1, 16000)[None].astype(np.float32) / 32768, "fltp", "mono")
        frame.sample_rate = 16000
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    reasons = {}
    for path in sorted(tmp_path.iterdir()):
        if path.name != "whole.mp4":
            with pytest.raises(UnusableFileError) as caught:
                read(path)
            reasons[path.name] = caught.value.reason
            assert str(caught.value).startswith(str(path))
    assert reasons == {
        "blind.m4a": "has no video track",
        "cut.mp4": "cannot be decoded",
        "empty.mp4": "is empty",
        "mute.mp4": "has no audio track",
        "text.mp4": "cannot be decoded",
    }
    with pytest.raises(UnusableFileError, match=r"absent\.mp4: does not exist; check the path"):
        read(tmp_path / "absent.mp4")


def test_tolerance_and_steps_must_fit():
    with pytest.raises(ValueError, match=r"at most half of every_seconds = 0\.1"):
        FrameSettings(every_seconds=0.1)


def test_faults_of_sound_are_repaired_and_reported(tmp_path):
    samples = np.stack([tone(0, 6, 44100), -tone(0, 6, 44100)], 1)
    times, sound = steady(25, 6), Sound(samples, 44100, "aac")
    damage_packets(write_video(tmp_path / "whole.mp4", times, sound), tmp_path / "a.mp4", range(100, 103))
    reader, pictures = read(tmp_path / "a.mp4")
    check_clock(reader, pictures, times)
    assert [(warning.reason, warning.detail) for warning in reader.warnings] == [
        ("has damaged packets, which become silence", "3 of 260"),
        ("has channels of opposite phase; only one is used", ""),
    ]


def test_a_sound_file_with_a_wrong_length_is_read_to_its_end(tmp_path):
    times = steady(25, 4)
    video = write_video(tmp_path / "v.mp4", times, None)
    reader, pictures = read(video, audio=write_riff(tmp_path / "a.wav", tone(0, 4, 16000), length=4000))
    check_clock(reader, pictures, times)
    assert [warning.reason for warning in reader.warnings] == [
        "has a wrong length in its header, and is read to its end"
    ]


def test_a_track_of_damaged_packets_is_refused(tmp_path):
    whole = write_video(tmp_path / "whole.mp4", steady(25, 4), timed_sound(4))
    damage_packets(whole, tmp_path / "a.mp4", range(10, 160))
    with pytest.raises(UnusableFileError, match=r"has no audio that can be decoded \(\d+ of \d+ packets\)"):
        read(tmp_path / "a.mp4")


@pytest.mark.parametrize(("transfer", "name"), [("smpte2084", "PQ"), ("arib-std-b67", "HLG")])
def test_a_high_dynamic_range_is_refused(tmp_path, transfer, name):
    path = write_video(tmp_path / "v.mp4", steady(25, 1.0), None, **{"x264-params": f"transfer={transfer}"})
    with pytest.raises(UnusableFileError, match="high dynamic range") as caught:
        list(VideoReader(MediaFiles(path), settings()).frames())
    assert f"transfer {name}" in str(vars(caught.value))
