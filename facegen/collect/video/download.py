"""Videos from elsewhere, by the library yt-dlp; nothing here starts a program."""

import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from yt_dlp import YoutubeDL
from yt_dlp.networking import Response
from yt_dlp.networking.exceptions import HTTPError
from yt_dlp.utils import DownloadCancelled, DownloadError, YoutubeDLError

from facegen.collect.video.download_settings import DownloadSettings
from facegen.collect.video.examination import MediaFiles
from facegen.collect.video.failures import CollectError, disk_error, explain

PROTOCOLS = ("http", "https", "m3u8_native", "http_dash_segments")
"""What yt-dlp fetches by itself; it would hand others to the program ffmpeg."""
REQUEST_RETRIES = 2
WHOLE, PICTURES, SOUND = "whole", "pictures", "sound"
NAMELESS = ("Generic", "HTML5MediaEmbed")
"""What yt-dlp falls back on; its names for videos are those of files, which are not unique."""
MIB = 2**20


@dataclass(frozen=True)
class Listed:
    """A video that a channel lists."""

    address: str
    title: str


@dataclass(frozen=True)
class Fetched:
    """A video on the disk.

    Attributes:
        files: where it is.
        title: as its site gives it.
        archive_id: what yt-dlp's archives call it; empty where it has no name there.
    """

    files: MediaFiles
    title: str
    archive_id: str


def list_channel(address: str, last: int, settings: DownloadSettings) -> list[Listed]:
    """The newest videos of a channel, a playlist or a feed, the newest first.

    Raises:
        CollectError: it cannot be had, or lists none.
    """
    options = {"extract_flat": "in_playlist", "playlistend": last, "noplaylist": False}
    with _downloader(settings, options) as downloader:
        found = _ask(lambda: downloader.extract_info(address, download=False))
        entries = [*_leaves(found, last)][:last]
    if not entries:
        raise CollectError("lists no videos", "give the address of a channel's videos, a playlist or a feed")
    return entries


def fetch(address: str, folder: Path, settings: DownloadSettings, archived: frozenset[str] = frozenset()) -> Fetched:
    """Fetch one video into a folder of its own, as one file or as a file each of pictures and sound.

    Args:
        address: its URL.
        folder: exists, and holds nothing.
        settings: how.
        archived: names, as of yt-dlp's archives, that are not fetched.
    Raises:
        CollectError: it cannot be had; the reason is in words.
        DiskError: the disk is full, or cannot be written.
    """
    most_bytes = settings.max_video_mib * MIB

    def watch(progress: dict[str, Any]) -> None:
        if (progress.get("downloaded_bytes") or 0) > most_bytes:
            raise DownloadCancelled("too large")

    options = {
        "format": lambda context: _choose(context["formats"], settings.max_height_pixels),
        # Names of our own: whatever a site calls its files, they stay in this folder.
        "outtmpl": {"default": f"{str(folder).replace('%', '%%')}/%(format_id)s.%(ext)s"},
        "progress_hooks": [watch],
        "max_filesize": most_bytes,
        "noplaylist": True,
        "playlistend": 2,
    }
    with _downloader(settings, options) as downloader:
        info = _single(_ask(lambda: downloader.extract_info(address, download=False)))
        archive_id = _archive_id(downloader, info)
        if archive_id in archived:
            raise CollectError("is in the archive already", "take it out of the file [download] archive to collect it")
        if info.get("is_live") or info.get("live_status") in ("is_live", "is_upcoming"):
            raise CollectError("is a live stream", "collect it when it is over")
        try:
            done = _ask(lambda: downloader.process_ie_result(info, download=True))
        except DownloadCancelled:
            _refuse_size(settings)
    paths = [Path(each["filepath"]) for each in done.get("requested_downloads", ()) if each.get("filepath")]
    there = [path for path in paths if path.is_file() and path.resolve().is_relative_to(folder.resolve())]
    if not there:
        _refuse_size(settings)
    return Fetched(MediaFiles(*there[:2]), str(info.get("title") or ""), archive_id)


def _refuse_size(settings: DownloadSettings) -> NoReturn:
    raise CollectError("is larger than max_video_mib", f"set [download] max_video_mib above {settings.max_video_mib}")


def _choose(formats: list[dict[str, Any]], max_height: int) -> Iterator[dict[str, Any]]:
    """One file with both where there is a good one, else pictures and sound apart; nothing that needs merging.

    yt-dlp sorts from worst to best. A direct file says nothing about what is in it, and counts as both.
    """
    usable = [each for each in formats if each.get("protocol", "http") in PROTOCOLS and not each.get("has_drm")]
    fitting = [each for each in usable if (each.get("height") or 0) <= max_height] or usable
    both = [each for each in fitting if each.get("vcodec") != "none" and each.get("acodec") != "none"]
    pictures = [each for each in fitting if each.get("acodec") == "none" and each.get("vcodec") != "none"]
    sounds = [each for each in usable if each.get("vcodec") == "none" and each.get("acodec") != "none"]
    best = max(both, key=_height_then_mp4, default=None)
    apart = max(pictures, key=_height_then_mp4, default=None)
    if apart is not None and sounds and (best is None or _height(apart) > _height(best)):
        yield {**apart, "format_id": PICTURES}
        # m4a where there is one, of the language that yt-dlp prefers; the last is the best of those.
        sound = max(enumerate(sounds), key=lambda each: (each[1].get("ext") == "m4a", each[0]))[1]
        yield {**sound, "format_id": SOUND}
    elif best is not None or apart is not None:
        yield {**(best or apart or {}), "format_id": WHOLE}


def _height(form: dict[str, Any]) -> int:
    return form.get("height") or 0


def _height_then_mp4(form: dict[str, Any]) -> tuple[int, bool]:
    return _height(form), form.get("ext") == "mp4"


def _single(info: dict[str, Any]) -> dict[str, Any]:
    """The one video of an address; a page may wrap it in a list."""
    if "entries" not in info:
        return info
    entries = [entry for entry in info["entries"] if entry]
    if len(entries) != 1:
        reason = "holds no video that can be fetched" if not entries else "holds several videos"
        raise CollectError(reason, "give it as a channel, or give the address of one of its videos")
    return _single(entries[0])


def _leaves(info: dict[str, Any], most: int) -> Iterator[Listed]:
    for entry in info.get("entries", [info]):
        if entry and "entries" in entry:
            yield from _leaves(entry, most)
        elif entry and (address := entry.get("webpage_url") or entry.get("url")):
            yield Listed(str(entry.get("url") or address), str(entry.get("title") or ""))


def _archive_id(downloader: YoutubeDL, info: dict[str, Any]) -> str:
    key, name = info.get("extractor_key"), info.get("id")
    return f"{str(key).lower()} {name}" if key and name and key not in NAMELESS else ""


def _ask(work: Any) -> dict[str, Any]:
    try:
        found = work()
    except DownloadCancelled:
        raise
    except (YoutubeDLError, OSError) as error:
        cause = error.exc_info[1] if isinstance(error, DownloadError) and error.exc_info else error
        full = disk_error(error) or (disk_error(cause) if cause is not None else None)
        raise (full or explain(str(error))) from None
    if not isinstance(found, dict):
        raise CollectError("holds no video that can be fetched", "check the address")
    return found


def _downloader(settings: DownloadSettings, options: dict[str, Any]) -> YoutubeDL:
    cookies: dict[str, Any] = {}
    if settings.cookies is not None:
        try:
            # As a stream: a file would be written back when the downloader is closed, by several workers at once.
            cookies["cookiefile"] = io.StringIO(settings.cookies.read_text(encoding="utf-8-sig"))
        except (OSError, UnicodeDecodeError) as error:
            raise CollectError("the file of cookies cannot be read", "check [download] cookies", str(error)) from None
    if settings.cookies_from_browser:
        cookies["cookiesfrombrowser"] = (settings.cookies_from_browser,)
    given: dict[str, Any] = {
        "proxy": settings.proxy or None,
        "ratelimit": settings.rate_limit_kib * 1024 or None,
        "sleep_interval": settings.sleep_seconds,
        "sleep_interval_requests": settings.sleep_requests_seconds,
        "socket_timeout": settings.timeout_seconds,
        "retries": REQUEST_RETRIES,
        "fragment_retries": REQUEST_RETRIES,
        "extractor_retries": REQUEST_RETRIES,
    }
    quiet = {"quiet": True, "no_warnings": True, "noprogress": True, "logger": _Silence(), "color": "no_color"}
    # No ffmpeg even where there is one: what is collected must not depend on it.
    alone = {"ffmpeg_location": "/nonexistent", "fixup": "never", "hls_prefer_native": True, "cachedir": False}
    return _Downloader({**quiet, **alone, **given, **cookies, **options, "enable_file_urls": False})


class _Downloader(YoutubeDL):
    """Hangs up in the end on every server that an extractor left on the line, as that for direct files does."""

    def __init__(self, parameters: dict[str, Any]) -> None:
        self._responses: list[Response] = []
        super().__init__(parameters)

    def urlopen(self, req: Any) -> Response:
        self._responses = [response for response in self._responses if not response.closed]
        try:
            response = super().urlopen(req)
        except HTTPError as error:
            self._responses.append(error.response)
            raise
        self._responses.append(response)
        return response

    def close(self) -> None:
        for response in self._responses:
            response.close()
        super().close()


class _Silence:
    """What yt-dlp has to say comes as exceptions; its chatter goes nowhere."""

    def debug(self, message: str) -> None: ...

    def info(self, message: str) -> None: ...

    def warning(self, message: str) -> None: ...

    def error(self, message: str) -> None: ...
