"""Downloads with the extractors and downloaders of yt-dlp from a local server."""

import time

import av
import pytest
from speaking_videos import serving, write_speaker

from facegen.collect.video import download
from facegen.collect.video.download import download_video, list_channel
from facegen.collect.video.download_settings import DownloadSettings
from facegen.collect.video.failures import CollectError


@pytest.fixture(scope="module")
def videos(tmp_path_factory):
    """Write a video, and its frames and its sound as separate files."""
    folder = tmp_path_factory.mktemp("videos")
    write_speaker(folder / "whole.mp4", 0, 5)
    write_speaker(folder / "pictures.mp4", 0, 5, sound=False)
    write_speaker(folder / "sound.m4a", 0, 5, pictures=False)
    write_speaker(folder / "piece.ts", 0, 5)
    return folder


@pytest.fixture
def site(tmp_path, videos):
    with serving(tmp_path / "www") as site:
        for path in videos.iterdir():
            (site.root / path.name).symlink_to(path)
        yield site


@pytest.fixture
def get(tmp_path):
    def call(address, archived=frozenset(), **settings):
        target = tmp_path / f"target-{time.monotonic_ns()}"
        target.mkdir()
        return download_video(address, target, DownloadSettings(timeout_seconds=5, **settings), archived)

    return call


def test_a_direct_file_comes_as_it_is(site, get, videos):
    fetched = get(site.url("whole.mp4"))
    assert fetched.files.video.name == "whole.mp4" and fetched.files.audio is None
    assert fetched.files.video.read_bytes() == (videos / "whole.mp4").read_bytes()
    # File names are not unique, so a plain file has no archive id.
    assert (fetched.title, fetched.archive_id) == ("whole", "")


def test_hls_needs_no_other_program(site, get):
    lines = ["#EXTM3U", "#EXT-X-VERSION:3", "#EXT-X-TARGETDURATION:5", "#EXTINF:5.0,", "piece.ts", "#EXT-X-ENDLIST", ""]
    (site.root / "talk.m3u8").write_text("\n".join(lines))
    fetched = get(site.url("talk.m3u8"))
    with av.open(str(fetched.files.video)) as container:
        assert {stream.type for stream in container.streams} == {"video", "audio"}


def test_cookies_are_sent_and_their_file_is_left_alone(site, get, tmp_path):
    cookies = tmp_path / "cookies.txt"
    text = "# Netscape HTTP Cookie File\n127.0.0.1\tFALSE\t/\tFALSE\t0\ttoken\tsecret\n"
    cookies.write_text(text)
    get(site.url("whole.mp4"), cookies=cookies)
    assert site.headers["whole.mp4"]["Cookie"] == "token=secret"
    assert cookies.read_text() == text
    with pytest.raises(CollectError, match="the cookies file cannot be read"):
        get(site.url("whole.mp4"), cookies=tmp_path / "absent.txt")


def test_a_proxy_is_asked_instead(site, get, videos):
    behind = site.root / "http:" / "behind.example"
    behind.mkdir(parents=True)
    (behind / "a.mp4").symlink_to(videos / "whole.mp4")
    fetched = get("http://behind.example/a.mp4", proxy=site.address)
    assert fetched.files.video.stat().st_size == (videos / "whole.mp4").stat().st_size
    assert site.asked["http://behind.example/a.mp4"] > 0


def test_rate_and_pauses_are_kept(site, get, videos):
    def seconds(**settings):
        begun = time.monotonic()
        get(site.url("whole.mp4"), **settings)
        return time.monotonic() - begun

    kib = (videos / "whole.mp4").stat().st_size / 1024
    # yt-dlp limits its rate after each piece, so the first piece comes at any rate.
    assert seconds(rate_limit_kib=kib / 1.5) > 0.5
    assert seconds(sleep_seconds=0.4) > 0.4


def test_what_is_too_large_is_not_fetched(site, get, tmp_path):
    (site.root / "large.mp4").write_bytes(bytes(2 * 2**20))
    with pytest.raises(CollectError) as caught:
        get(site.url("large.mp4"), max_video_mib=1)
    assert caught.value.reason == "is larger than max_video_mib"
    assert caught.value.advice == "set [download] max_video_mib above 1" and not caught.value.transient


def test_a_page_with_several_videos_is_a_channel_and_no_video(site, get):
    (site.root / "two.html").write_text('<title>x</title><video src="whole.mp4"></video><video src="piece.ts"></video>')
    with pytest.raises(CollectError, match="holds several videos"):
        get(site.url("two.html"))
    assert len(list_channel(site.url("two.html"), 15, DownloadSettings())) == 2


def test_a_channel_lists_its_newest(site):
    feed = site.write_feed("feed.xml", [f"{number}.mp4" for number in range(5)])
    listed = list_channel(feed, 3, DownloadSettings())
    assert [video.address for video in listed] == [site.url(f"{number}.mp4") for number in range(3)]
    empty = site.write_feed("empty.xml", [])
    with pytest.raises(CollectError, match="lists no videos"):
        list_channel(empty, 3, DownloadSettings())


# The answers of the extractors of other sites are made up; everything after them is real.


@pytest.fixture
def known(monkeypatch):
    """Return a function that fakes a site whose video has an id and the given formats."""

    def become(*formats, **more):
        info = {"id": "abc", "title": "A talk", "extractor": "tube", "extractor_key": "Tube", "webpage_url": "http://x",
                "formats": [dict(form) for form in formats], **more}  # fmt: skip
        monkeypatch.setattr(download._ClosingDownloader, "extract_info", lambda self, address, download: dict(info))

    return become


def forms(site):
    pictures = {"url": site.url("pictures.mp4"), "ext": "mp4", "acodec": "none", "vcodec": "avc1", "protocol": "http"}
    sound = {"url": site.url("sound.m4a"), "ext": "m4a", "acodec": "aac", "vcodec": "none", "protocol": "http"}
    both = {"url": site.url("whole.mp4"), "ext": "mp4", "acodec": "aac", "vcodec": "avc1", "protocol": "http"}
    return pictures, sound, both


def test_pictures_and_sound_come_apart_where_that_is_better(site, get, known, videos):
    pictures, sound, both = forms(site)
    known(
        {**both, "format_id": "18", "height": 360},
        {**sound, "format_id": "140"},
        {**pictures, "format_id": "136", "height": 720},
        {**pictures, "format_id": "137", "height": 1080},
    )
    fetched = get("http://x")
    assert (fetched.files.video.name, fetched.files.audio.name) == ("pictures.mp4", "sound.m4a")
    assert fetched.files.audio.read_bytes() == (videos / "sound.m4a").read_bytes()
    assert (fetched.title, fetched.archive_id) == ("A talk", "tube abc")
    fetched = get("http://x", max_height_pixels=360)
    assert (fetched.files.video.name, fetched.files.audio) == ("whole.mp4", None)


def test_forms_that_need_another_program_or_a_key_are_left(site, get, known):
    _, _, both = forms(site)
    known(
        {**both, "format_id": "1", "height": 360},
        {**both, "format_id": "2", "height": 480, "protocol": "rtmp"},
        {**both, "format_id": "3", "height": 720, "has_drm": True},
    )
    assert get("http://x").files.video.name == "whole.mp4"
    known({**both, "format_id": "2", "height": 480, "protocol": "rtmp"})
    with pytest.raises(CollectError, match="holds no video that can be fetched"):
        get("http://x")


def test_what_an_archive_names_is_not_fetched(site, get, known):
    known({**forms(site)[2], "format_id": "1"})
    with pytest.raises(CollectError, match="is in the archive already"):
        get("http://x", archived=frozenset({"tube abc"}))
    assert site.asked["whole.mp4"] == 0
    assert get("http://x", archived=frozenset({"tube other"})).archive_id == "tube abc"


def test_the_archive_grows_by_what_was_collected(site, known, facegen, tmp_path):
    write_speaker(site.root / "talk.mp4", 0)
    known({**forms(site)[2], "format_id": "1", "url": site.url("talk.mp4")})
    (tmp_path / "s.toml").write_text(
        "[[person]]\nname = 'ada'\nvideos = ['http://x']\n[download]\narchive = 'archive.txt'\n"
        "[executor]\ntype = 'serial'\n"
    )
    assert facegen("collect", tmp_path / "s.toml", "--out", tmp_path / "out") == 0
    assert (tmp_path / "archive.txt").read_text() == "tube abc\n"
    asked = site.asked["talk.mp4"]
    assert facegen("collect", tmp_path / "s.toml", "--out", tmp_path / "other") == 1
    assert site.asked["talk.mp4"] == asked
    # --redo downloads videos that this collection added to the archive.
    words = ("--out", tmp_path / "out", "--redo", "--set", "speech.spacing_seconds=1")
    assert facegen("collect", tmp_path / "s.toml", *words) == 0
    assert site.asked["talk.mp4"] > asked and (tmp_path / "archive.txt").read_text() == "tube abc\n"


def test_a_live_stream_is_not_waited_for(site, get, known):
    known({**forms(site)[2], "format_id": "1"}, is_live=True)
    with pytest.raises(CollectError, match="is a live stream"):
        get("http://x")
