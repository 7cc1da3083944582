from collections import Counter
from pathlib import Path

import pytest

from facegen.collect.video.examination import MediaFiles
from facegen.collect.video.examine import examine
from facegen.collect.video.examine_settings import ExamineSettings
from facegen.core.registry import registry

VIDEOS = Path(__file__).parents[3] / "shared" / "real" / "video"

pytestmark = pytest.mark.skipif(not VIDEOS.is_dir(), reason=f"real data is not at hand: {VIDEOS}")


def look(name, faithful=False):
    settings = ExamineSettings().faithful() if faithful else ExamineSettings()
    return examine(MediaFiles(VIDEOS / name), settings, None, None, registry().find("detector", "haar").load()())


def accepted(found):
    return [round(frame.time_seconds, 2) for frame in found.frames if not frame.reason]


@pytest.mark.parametrize("faithful", [False, True])
def test_24_seconds_give_eleven_clips_two_seconds_apart(faithful):
    examination = look("talk_24s_720p.mp4", faithful)
    assert accepted(examination) == list(range(2, 23, 2))
    assert (examination.speech_start_seconds, len(examination.speech)) == (0.0, 24 * 16000)
    # One speaker in front of a still camera: the box stays where it is.
    boxes = [frame.box for frame in examination.frames if not frame.reason]
    assert max(box.left for box in boxes) - min(box.left for box in boxes) < 60
    assert all(300 < box.side < 380 for box in boxes)


@pytest.mark.parametrize("path", sorted(VIDEOS.glob("grid_*")) if VIDEOS.is_dir() else [], ids=lambda path: path.stem)
@pytest.mark.parametrize("faithful", [False, True])
def test_three_seconds_are_too_short(path, faithful):
    examination = look(path.name, faithful)
    assert examination.reason == "too short" and accepted(examination) == []


def test_a_crowd_has_no_one_speaker_unless_nobody_asks():
    examination = look("crowd_4s.mp4")
    assert Counter(frame.reason for frame in examination.frames) == {"too short": 4, "more than one speaker": 1}
    assert accepted(look("crowd_4s.mp4", faithful=True)) == [2.0]
