import math

import numpy as np
import pytest
from PIL import Image
from videos import HEIGHT, WIDTH, Sound, draw_number, read_number, read_time, steady, timed_sound, tone, write_video

from facegen.collect.video.examination import MediaFiles, Segment
from facegen.collect.video.examine import examine
from facegen.collect.video.examine_settings import ExamineSettings, FaceSettings, FrameSettings, SpeechSettings
from facegen.core.collection_interfaces import Detector, FaceBox
from facegen.data.media.media_files import UnusableFileError

BOX = FaceBox(4, 4, 32, 7.0)


class ScriptedDetector(Detector):
    """Detector that returns given boxes for the image with a given number, and one face for others."""

    sure = 2.0

    def __init__(self, faces=None):
        self.faces, self.seen = faces or {}, []

    def find(self, image):
        number = read_number(image)
        self.seen.append(number)
        return self.faces.get(number, [BOX])


def settings(face=None, speech=None, frames=None):
    return ExamineSettings(
        frames=FrameSettings(**(frames or {})),
        face=FaceSettings(**{"min_face_pixels": 30, "search_all": True, **(face or {})}),
        speech=SpeechSettings(**(speech or {})),
    )


@pytest.fixture(scope="module")
def ten_seconds(tmp_path_factory):
    return write_video(tmp_path_factory.mktemp("video") / "a.mkv", steady(25, 10), timed_sound(10, codec="flac"))


def examine_file(path, detector=None, segment=None, keep=None, **tables):
    return examine(MediaFiles(path), settings(**tables), segment, keep, detector or ScriptedDetector())


def reasons(examined):
    return {round(frame.time_seconds): frame.reason for frame in examined.frames}


def test_windows_of_four_seconds_two_seconds_apart(ten_seconds):
    detector = ScriptedDetector()
    examined = examine_file(ten_seconds, detector)
    assert reasons(examined) == {
        0: "too short",
        1: "too short",
        2: "",
        3: "too close to the frame before",
        4: "",
        5: "too close to the frame before",
        6: "",
        7: "too close to the frame before",
        8: "",
        9: "too short",
        10: "too short",
    }
    assert detector.seen == [50, 100, 150, 200], "frames without a window are not searched"
    assert (examined.speech_start_seconds, len(examined.speech), examined.reason) == (0.0, 160000, "")
    assert examined.duration_seconds == pytest.approx(10)
    first = examined.frames[2]
    assert first.box == BOX and first.num_faces == 1 and first.sharpness > 0.05
    assert (examined.frames[0].box, examined.frames[0].face) == (None, None) and math.isnan(
        examined.frames[0].sharpness
    )


def test_speech_is_kept_once_from_the_first_window_to_the_last(ten_seconds):
    faces = {50: [], 75: [], 200: []}
    examined = examine_file(ten_seconds, ScriptedDetector(faces))
    assert [time for time, reason in reasons(examined).items() if not reason] == [4, 6]
    assert (examined.speech_start_seconds, len(examined.speech)) == (2.0, 6 * 16000)
    for middle in (1.0, 3.0, 5.0):
        window = examined.speech[round((middle - 0.1) * 16000) : round((middle + 0.1) * 16000)]
        assert read_time(window, 16000) == pytest.approx(middle + 2, abs=0.002)


@pytest.mark.parametrize(
    ("faces", "reason", "face"),
    [
        ([], "no face", {}),
        ([FaceBox(4, 4, 29, 7.0)], "too small", {}),
        ([FaceBox(4, 4, 32, 1.9)], "unsure", {}),
        ([FaceBox(4, 4, 32, 6.9)], "unsure", {"min_weight": 7.0}),
        ([FaceBox(4, 4, 32, 1.9)], "", {"min_weight": 1.5}),
        ([BOX, FaceBox(44, 4, 18, 2.5)], "more than one speaker", {}),
        ([BOX, FaceBox(44, 4, 18, 2.5)], "", {"one_speaker": False}),
        ([BOX, FaceBox(44, 4, 18, 2.5)], "", {"other_face_share": 0.6}),
        ([BOX, FaceBox(44, 4, 15, 6.5)], "", {}),
        ([BOX, FaceBox(44, 4, 18, 1.5)], "", {}),
        ([BOX, FaceBox(10, 8, 24, 5.0)], "", {}),
    ],
)
def test_faces_are_rejected_with_a_reason(ten_seconds, faces, reason, face):
    examined = examine_file(ten_seconds, ScriptedDetector({50: faces}), face=face)
    frame = examined.frames[2]
    assert (frame.reason, frame.num_faces, frame.box) == (reason, len(faces), faces[0] if faces else None)
    assert (frame.face is None) == bool(reason)
    # A rejected frame does not delay the next one.
    assert (reasons(examined)[3] == "too close to the frame before") == (not reason)


def test_a_too_small_face_never_replaces_a_large_one(ten_seconds):
    small = FaceBox(44, 4, 14, 9.0)
    frame = examine_file(ten_seconds, ScriptedDetector({50: [small, BOX]}), face={"min_face_pixels": 30}).frames[2]
    assert (frame.reason, frame.box, frame.num_faces) == ("", BOX, 2)


def test_a_blurred_face_is_rejected_and_its_sharpness_stored(tmp_path):
    even = np.linspace(60, 190, WIDTH, dtype=np.uint8)[None, :, None].repeat(HEIGHT, 0).repeat(3, 2)
    pictures = [draw_number(number) if number < 75 else even for number in range(150)]
    path = write_video(tmp_path / "a.mkv", steady(25, 6), timed_sound(codec="flac"), pictures=pictures)
    examined = examine_file(path, speech={"spacing_seconds": 1.0})
    assert (reasons(examined)[2], reasons(examined)[3], reasons(examined)[4]) == ("", "blurred", "blurred")
    assert examined.frames[3].sharpness < 0.01 < 0.05 < examined.frames[2].sharpness


def test_the_square_has_a_margin_and_keeps_its_resolution_up_to_a_cap(ten_seconds):
    whole = examine_file(ten_seconds, face={"margin": 0.1}).frames[2].face
    assert whole.shape == (38, 38, 3) and whole.dtype == np.uint8
    picture = draw_number(50)[1:39, 1:39]
    assert np.abs(whole.astype(int) - picture)[4:-4].mean() < 12
    assert examine_file(ten_seconds, face={"margin": 0.1, "max_pixels": 20}).frames[2].face.shape == (20, 20, 3)
    assert examine_file(ten_seconds, face={"margin": 4.0}).frames[2].face.shape == (HEIGHT, HEIGHT, 3)


def silenced(parts):
    samples = tone(0, 10, 16000)
    for start, end in parts:
        samples[start * 16000 : end * 16000] = 0
    return Sound(samples, 16000, "flac")


def test_silence_is_rejected(tmp_path):
    path = write_video(tmp_path / "a.mkv", steady(25, 10), silenced([(0, 4)]))
    examined = examine_file(path)
    assert [reasons(examined)[time] for time in (2, 3, 4)] == ["silent", "silent", ""]
    assert reasons(examine_file(path, speech={"min_sounding_share": 0.2}))[3] == ""
    assert reasons(examine_file(path, speech={"silence_db": -1.0}))[5] == "silent"


def test_clipping_is_rejected(tmp_path):
    samples = tone(0, 10, 16000).astype(float)
    samples[: 5 * 16000] *= 6
    loud = Sound(samples.clip(-32768, 32767).astype(np.int16), 16000, "flac")
    path = write_video(tmp_path / "a.mkv", steady(25, 10), loud)
    examined = examine_file(path)
    assert [reasons(examined)[time] for time in (2, 6, 7)] == ["clipped", "clipped", ""]
    assert reasons(examine_file(path, speech={"max_clipped_share": 1.0}))[2] == ""


def test_shorter_than_a_window(tmp_path):
    path = write_video(tmp_path / "a.mkv", steady(25, 3), timed_sound(3, codec="flac"))
    detector = ScriptedDetector()
    examined = examine_file(path, detector)
    assert (examined.reason, set(reasons(examined).values()), detector.seen) == ("too short", {"too short"}, [])
    assert len(examined.speech) == 0 and examined.duration_seconds == pytest.approx(3)
    assert reasons(examine_file(path, speech={"window_seconds": 2.0}))[1] == ""


def test_sound_that_begins_a_little_late_still_makes_a_window(tmp_path):
    late = write_video(tmp_path / "a.mkv", steady(25, 5), timed_sound(4.5, codec="flac", start_seconds=0.03))
    later = write_video(tmp_path / "b.mkv", steady(25, 5), timed_sound(4.5, codec="flac", start_seconds=0.2))
    assert reasons(examine_file(late))[2] == "" and reasons(examine_file(later))[2] == "too short"
    assert examine_file(late).speech_start_seconds == pytest.approx(0.03, abs=0.001)


def test_a_segment_knows_its_speaker(ten_seconds):
    other = FaceBox(44, 4, 18, 9.0)
    faces = {round(25 * (3.2 + k)): [other, BOX] for k in range(6)}
    examined = examine_file(ten_seconds, ScriptedDetector(faces), Segment(3.2, 8.3, centre=(20 / WIDTH, 20 / HEIGHT)))
    accepted = [frame for frame in examined.frames if not frame.reason]
    assert [(round(frame.time_seconds, 2), frame.box) for frame in accepted] == [(5.2, BOX)]
    assert (examined.speech_start_seconds, len(examined.speech)) == (pytest.approx(3.2), 64000)
    assert examined.duration_seconds == pytest.approx(5.1)
    nowhere = examine_file(ten_seconds, ScriptedDetector({130: [other]}), Segment(3.2, 8.3, centre=(0.1, 0.9)))
    assert nowhere.frames[2].reason == "no face where the speaker is"
    unknown = ScriptedDetector({130: [BOX, other._replace(weight=6.0)]})
    assert examine_file(ten_seconds, unknown, Segment(3.2, 8.3)).frames[2].reason == "more than one speaker"


def test_whole_frames_are_kept_on_request(ten_seconds, tmp_path):
    examine_file(ten_seconds, keep=tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == [f"00000{k}000.jpg" for k in (2, 4, 6, 8)]
    kept = np.asarray(Image.open(tmp_path / "000004000.jpg"))
    assert kept.shape == (HEIGHT, WIDTH, 3) and read_number(kept) == 100
    with pytest.raises(FileNotFoundError):
        examine_file(ten_seconds, keep=tmp_path / "absent")


def test_faithful_is_the_thesis_rule_alone(tmp_path):
    samples = np.clip(tone(0, 10, 16000).astype(float) * 6, -32768, 32767).astype(np.int16)
    samples[6 * 16000 :] = 0
    even = np.full((96, 128, 3), 128, np.uint8)
    path = write_video(tmp_path / "a.mkv", steady(5, 10), Sound(samples, 16000, "flac"), fps=5, pictures=[even] * 50)

    class Crowd(Detector):
        sure = 2.0

        def find(self, image):
            scale = image.shape[1] / 128
            return [FaceBox(0, 0, round(40 * scale), 0.5), FaceBox(round(60 * scale), 0, round(40 * scale), 0.4)]

    tables = settings(face={"min_face_pixels": 60, "max_pixels": 32, "margin": 0.0})
    examined = examine(MediaFiles(path), tables.faithful(), None, None, Crowd())
    assert [time for time, reason in reasons(examined).items() if not reason] == [2, 4, 6, 8]
    assert examined.frames[2].face.shape == (32, 32, 3) and examined.frames[2].box == (
        0,
        0,
        pytest.approx(40, abs=1),
        0.5,
    )
    assert examine(MediaFiles(path), tables, None, None, Crowd()).frames[2].reason == "clipped"


def test_sound_that_comes_after_the_pictures_is_read_ahead(tmp_path, monkeypatch):
    path = write_video(tmp_path / "a.mkv", steady(25, 10), timed_sound(10, codec="flac"))
    expected = examine_file(path)
    monkeypatch.setattr("facegen.collect.video.examine.MAX_WAITING_BYTES", 0)
    examined = examine_file(path)
    assert reasons(examined) == reasons(expected) and np.array_equal(examined.speech, expected.speech)


def test_what_cannot_be_read_is_an_error_with_a_reason(tmp_path):
    with pytest.raises(UnusableFileError) as caught:
        examine_file(write_video(tmp_path / "a.mp4", steady(25, 1), None))
    assert caught.value.reason == "has no audio track"


@pytest.fixture(scope="module")
def three_seconds(tmp_path_factory):
    return write_video(tmp_path_factory.mktemp("video") / "short.mkv", steady(25, 3), timed_sound(3, codec="flac"))


def test_a_short_video_is_used_whole_on_demand(three_seconds):
    """Its frames share all of its speech; training repeats it, as in the paper."""
    assert examine_file(three_seconds).reason == "too short"
    examined = examine_file(three_seconds, speech={"min_seconds": 2.5}, face={"min_sharpness": 0.0})
    assert examined.reason == ""
    assert reasons(examined) == {0: "", 1: "too close to the frame before", 2: "", 3: "too close to the frame before"}
    assert examined.speech_start_seconds == pytest.approx(0.0, abs=0.05)
    assert len(examined.speech) == pytest.approx(3 * 16000, abs=800)


def test_a_video_shorter_than_the_least_duration_is_rejected(three_seconds):
    assert examine_file(three_seconds, speech={"min_seconds": 3.5}).reason == "too short"


def test_a_short_segment_is_used_whole_on_demand(ten_seconds):
    """The sound of the segment ends inside of the file's."""
    segment = Segment(4.0, 7.0)
    assert examine_file(ten_seconds, segment=segment).reason == "too short"
    examined = examine_file(ten_seconds, segment=segment, speech={"min_seconds": 3.0})
    assert examined.frames[0].reason == examined.reason == ""
    assert examined.speech_start_seconds == pytest.approx(4.0, abs=0.05)
    assert len(examined.speech) == pytest.approx(3 * 16000, abs=800)


def test_longer_videos_are_examined_as_without(ten_seconds):
    """Windows at their ends are not cut."""
    assert reasons(examine_file(ten_seconds, speech={"min_seconds": 1.0})) == reasons(examine_file(ten_seconds))


def test_the_least_duration_is_at_most_a_window():
    with pytest.raises(ValueError, match="must be at most window_seconds = 4"):
        SpeechSettings(min_seconds=5.0)
