"""Downloads by the library yt-dlp; no other program is started."""

import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from yt_dlp import YoutubeDL
from yt_dlp.networking import Response
from yt_dlp.networking.exceptions import HTTPError
from yt_dlp.utils import DownloadCancelled, DownloadError, YoutubeDLError

from facegen.collect.video.download_settings import JAVASCRIPT_RUNTIMES, DownloadSettings
from facegen.collect.video.examination import MediaFiles
from facegen.collect.video.failures import CollectError, classify_error, disk_error
from facegen.core.readable_files import read_bytes, real_path

PROTOCOLS = ("http", "https", "m3u8_native", "http_dash_segments")
"""Protocols that yt-dlp downloads itself; it would pass others to the program ffmpeg."""
REQUEST_RETRIES = 2
WHOLE, PICTURES, SOUND = "whole", "pictures", "sound"
GENERIC_EXTRACTORS = ("Generic", "HTML5MediaEmbed")
"""Fallback extractors of yt-dlp; their video ids are file names, which are not unique."""
MIB = 2**20


@dataclass(frozen=True)
class ListedVideo:
    """Video in the listing of a channel."""

    address: str
    title: str


@dataclass(frozen=True)
class DownloadedVideo:
    """Downloaded video.

    Attributes:
        files: its files.
        title: its title on the site.
        archive_id: its id in yt-dlp's archives; empty if it has none.
    """

    files: MediaFiles
    title: str
    archive_id: str


def list_channel(address: str, last: int, settings: DownloadSettings) -> list[ListedVideo]:
    """List the `last` newest videos of a channel, a playlist or a feed, newest first.

    Raises:
        CollectError: the channel cannot be read, or lists no videos.
    """
    options = {"extract_flat": "in_playlist", "playlistend": last, "noplaylist": False}
    with _downloader(settings, options) as downloader:
        info = _run_yt_dlp(lambda: downloader.extract_info(address, download=False))
        entries = [*_listed_videos(info, last)][:last]
    if not entries:
        raise CollectError("lists no videos", "give the address of a channel's videos, a playlist or a feed")
    return entries


def download_video(
    address: str, folder: Path, settings: DownloadSettings, archived: frozenset[str] = frozenset()
) -> DownloadedVideo:
    """Download one video, as one file or as two files with frames and sound.

    Args:
        address: URL of the video.
        folder: existing empty folder for the files.
        settings: options of yt-dlp.
        archived: archive ids that are not downloaded.
    Raises:
        CollectError: the video cannot be downloaded.
        DiskError: the disk is full, or cannot be written.
    """
    most_bytes = settings.max_video_mib * MIB

    def check_size(progress: dict[str, Any]) -> None:
        if (progress.get("downloaded_bytes") or 0) > most_bytes:
            raise DownloadCancelled("too large")

    options = {
        "format": lambda context: _choose_formats(context["formats"], settings.max_height_pixels),
        # Own file names, so that a name from a site cannot form a path outside this folder.
        "outtmpl": {"default": f"{str(folder).replace('%', '%%')}/%(format_id)s.%(ext)s"},
        "progress_hooks": [check_size],
        "max_filesize": most_bytes,
        "noplaylist": True,
        "playlistend": 2,
    }
    with _downloader(settings, options) as downloader:
        info = _single_video(_run_yt_dlp(lambda: downloader.extract_info(address, download=False)))
        archive_id = _archive_id(downloader, info)
        if archive_id in archived:
            raise CollectError("is in the archive already", "remove it from the file [download] archive to collect it")
        if info.get("is_live") or info.get("live_status") in ("is_live", "is_upcoming"):
            raise CollectError("is a live stream", "collect it when it is over")
        try:
            downloaded = _run_yt_dlp(lambda: downloader.process_ie_result(info, download=True))
        except DownloadCancelled:
            _refuse_size(settings)
    requested = downloaded.get("requested_downloads", ())
    paths = [Path(download["filepath"]) for download in requested if download.get("filepath")]
    existing = [path for path in paths if path.is_file() and real_path(path).is_relative_to(real_path(folder))]
    if not existing:
        _refuse_size(settings)
    return DownloadedVideo(MediaFiles(*existing[:2]), str(info.get("title") or ""), archive_id)


def _refuse_size(settings: DownloadSettings) -> NoReturn:
    raise CollectError("is larger than max_video_mib", f"set [download] max_video_mib above {settings.max_video_mib}")


def _choose_formats(formats: list[dict[str, Any]], max_height: int) -> Iterator[dict[str, Any]]:
    """Choose one format with frames and sound, or one of each where that gives a greater height; nothing is merged.

    yt-dlp sorts formats from worst to best. A direct file does not name its codecs, and counts as having both streams.
    """
    usable = [form for form in formats if form.get("protocol", "http") in PROTOCOLS and not form.get("has_drm")]
    usable = [form for form in usable if form.get("dynamic_range") in (None, "SDR")] or usable  # HDR is refused
    fitting = [form for form in usable if _height(form) <= max_height] or usable
    combined = [form for form in fitting if _has_video(form) and _has_sound(form)]
    video_only = [form for form in fitting if _has_video(form) and not _has_sound(form)]
    sound_only = [form for form in usable if _has_sound(form) and not _has_video(form)]
    best = max(combined, key=_height_then_mp4, default=None)
    best_video = max(video_only, key=_height_then_mp4, default=None)
    if best_video is not None and sound_only and (best is None or _height(best_video) > _height(best)):
        yield {**best_video, "format_id": PICTURES}
        # m4a if there is one; of several, the last is the best in the language that yt-dlp prefers.
        best_sound = max(enumerate(sound_only), key=lambda ranked: (ranked[1].get("ext") == "m4a", ranked[0]))[1]
        yield {**best_sound, "format_id": SOUND}
    elif best is not None or best_video is not None:
        yield {**(best or best_video or {}), "format_id": WHOLE}


def _has_video(form: dict[str, Any]) -> bool:
    return form.get("vcodec") != "none"


def _has_sound(form: dict[str, Any]) -> bool:
    return form.get("acodec") != "none"


def _height(form: dict[str, Any]) -> int:
    return form.get("height") or 0


def _height_then_mp4(form: dict[str, Any]) -> tuple[int, bool]:
    return _height(form), form.get("ext") == "mp4"


def _single_video(info: dict[str, Any]) -> dict[str, Any]:
    """Return the only video of an address; a page may wrap it in a list."""
    if "entries" not in info:
        return info
    entries = [entry for entry in info["entries"] if entry]
    if len(entries) != 1:
        reason = "holds no video that can be fetched" if not entries else "holds several videos"
        raise CollectError(reason, "list the address as a channel, or give the address of one of its videos")
    return _single_video(entries[0])


def _listed_videos(info: dict[str, Any], limit: int) -> Iterator[ListedVideo]:
    for entry in info.get("entries", [info]):
        if entry and "entries" in entry:
            yield from _listed_videos(entry, limit)
        elif entry and (address := entry.get("webpage_url") or entry.get("url")):
            yield ListedVideo(str(entry.get("url") or address), str(entry.get("title") or ""))


def _archive_id(downloader: YoutubeDL, info: dict[str, Any]) -> str:
    key, name = info.get("extractor_key"), info.get("id")
    return f"{str(key).lower()} {name}" if key and name and key not in GENERIC_EXTRACTORS else ""


def _run_yt_dlp(call: Any) -> dict[str, Any]:
    """Run a call of yt-dlp, and convert its errors, other than a stop by our own hook."""
    try:
        info = call()
    except DownloadCancelled:
        raise
    except (YoutubeDLError, OSError) as error:
        cause = error.exc_info[1] if isinstance(error, DownloadError) and error.exc_info else error
        full = disk_error(error) or (disk_error(cause) if cause is not None else None)
        raise (full or classify_error(str(error))) from None
    if not isinstance(info, dict):
        raise CollectError("holds no video that can be fetched", "check the address")
    return info


def _downloader(settings: DownloadSettings, options: dict[str, Any]) -> YoutubeDL:
    cookies: dict[str, Any] = {}
    if settings.cookies is not None:
        try:
            # A stream, because yt-dlp writes a cookie file back on closing, and several workers share the file.
            cookies["cookiefile"] = io.StringIO(read_bytes(settings.cookies).decode("utf-8-sig"))
        except (OSError, UnicodeDecodeError) as error:
            raise CollectError("the cookies file cannot be read", "check [download] cookies", str(error)) from None
    if settings.cookies_from_browser:
        cookies["cookiesfrombrowser"] = (settings.cookies_from_browser,)
    network: dict[str, Any] = {
        "proxy": settings.proxy or None,
        "ratelimit": settings.rate_limit_kib * 1024 or None,
        "sleep_interval": settings.sleep_seconds,
        "sleep_interval_requests": settings.sleep_requests_seconds,
        "socket_timeout": settings.timeout_seconds,
        **dict.fromkeys(("retries", "fragment_retries", "extractor_retries"), REQUEST_RETRIES),
    }
    quiet = {"quiet": True, "no_warnings": True, "noprogress": True, "logger": _NullLogger(), "color": "no_color"}
    # ffmpeg is not used even if it is installed, so that the result does not depend on it.
    # The player code of some sites runs in a JavaScript runtime; yt-dlp alone would use Deno only.
    runtimes: dict[str, Any] = {"js_runtimes": {name: {} for name in JAVASCRIPT_RUNTIMES}}
    no_programs = {"ffmpeg_location": "/nonexistent", "fixup": "never", "hls_prefer_native": True, "cachedir": False}
    return _ClosingDownloader(
        {**quiet, **no_programs, **runtimes, **network, **cookies, **options, "enable_file_urls": False}
    )


class _ClosingDownloader(YoutubeDL):
    """yt-dlp downloader that closes connections that extractors leave open, such as that of direct files."""

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


class _NullLogger:
    """Logger that discards all messages; errors of yt-dlp arrive as exceptions."""

    def debug(self, message: str) -> None: ...

    def info(self, message: str) -> None: ...

    def warning(self, message: str) -> None: ...

    def error(self, message: str) -> None: ...
