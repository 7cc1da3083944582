import pytest

from facegen.collect.request import read_request
from facegen.core.errors import DataError


def test_all_mistakes_of_people_and_settings_are_reported_at_once(tmp_path):
    (tmp_path / "s.toml").write_text(
        "[[person]]\nname = 'a'\nvideos = ['1']\n[face]\nmargin = -1\n[fase]\n[executor]\ntype = 'proceses'\n"
        "[frames]\nevery_seconds = 0.1\n[download]\ncookies = 'none.txt'\narchive = 'none/a.txt'\n"
    )
    with pytest.raises(DataError) as caught:
        read_request(tmp_path / "s.toml", ["speech.window=3", "nonsense"], require_consent=True)
    message = "\n".join(caught.value.problems).replace(f"{tmp_path}/", "")
    for part in (
        "s.toml: 'a' has no consent, which --require-consent requires",
        "s.toml: [face] margin = -1: must be greater than or equal to 0",
        "s.toml: [fase] is not a table of a list of sources; did you mean 'face'?",
        "[executor] type = 'proceses': executor 'proceses' is not installed; did you mean 'processes'?",
        "must be at most half of every_seconds = 0.1",
        "[speech] window is not a key here; did you mean 'window_seconds'?",
        "s.toml: [download] cookies = 'none.txt': is not a file; export one from a browser, or omit the key",
        "s.toml: [download] archive = 'none/a.txt': must be a file in an existing folder",
        "nonsense",
    ):
        assert part in message, message


def test_a_list_of_no_detector_is_refused(tmp_path):
    (tmp_path / "s.toml").write_text("detector = []\n[[person]]\nname = 'a'\nvideos = ['1']\n")
    with pytest.raises(DataError, match=r"s.toml: detector = \[\]: must be a table, written \[detector\]"):
        read_request(tmp_path / "s.toml")


def test_settings_of_a_list(tmp_path):
    path = tmp_path / "lists" / "s.toml"
    path.parent.mkdir()
    (path.parent / "c.txt").touch()
    path.write_text(
        "[[person]]\nname = 'a'\nvideos = ['1']\n[download]\ncookies = 'c.txt'\narchive = '../a.txt'\n"
        "[face]\nmargin = 0.4\nmin_sharpness = 0.5\n[speech]\nwindow_seconds = 3.0\n[executor]\nnum_workers = 3\n"
    )
    _, settings = read_request(path, ["face.max_pixels=200"])
    assert settings.download.cookies == path.parent / "c.txt"
    assert settings.download.archive == path.parent / "../a.txt"
    assert (settings.examine.face.margin, settings.examine.face.max_pixels) == (0.4, 200)
    assert settings.executor.values == {"type": "processes", "num_workers": 3, "task_minutes": 0.0}
    # The thesis's rule: 40 pixels, the surest face, 4 s, whatever else the list says.
    _, faithful = read_request(path, faithful=True)
    face, speech = faithful.examine.face, faithful.examine.speech
    assert (face.min_face_pixels, face.one_speaker, face.min_sharpness, face.margin) == (40, False, 0.0, 0.4)
    assert (speech.window_seconds, speech.spacing_seconds, speech.min_sounding_share) == (4.0, 2.0, 0.0)
    assert faithful.digest != settings.digest
    # How a video is fetched, and by how many, decides about no clip.
    _, other = read_request(path, ["face.max_pixels=200", "download.proxy=http://x", "executor.num_workers=1"])
    assert other.digest == settings.digest
