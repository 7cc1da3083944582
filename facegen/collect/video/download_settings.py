"""Settings of the downloads: the table [download]."""

from pathlib import Path
from typing import Annotated

from pydantic import Field

from facegen.core.recipe.tables import Count, Table

Seconds = Annotated[float, Field(ge=0)]
JAVASCRIPT_RUNTIMES = {"deno": "deno", "node": "node", "bun": "bun", "quickjs": "qjs"}
"""{name for yt-dlp: its program}, in the order of yt-dlp's preference; it needs one for YouTube."""


class DownloadSettings(Table):
    """[download]: options of yt-dlp, which downloads the videos.

    Attributes:
        cookies: cookies.txt file in Netscape's format, for sites that require a sign-in; it is never written.
        cookies_from_browser: browser of this machine whose cookies are used, such as "firefox".
        proxy: URL of a proxy, such as "socks5://127.0.0.1:1080".
        rate_limit_kib: largest download rate of each worker, in KiB/s; 0 for no limit.
        sleep_seconds: pause of a worker before each video.
        sleep_requests_seconds: pause of a worker between page requests.
        timeout_seconds: time after which a silent connection counts as broken.
        archive: file in yt-dlp's archive format: listed videos are not downloaded, collected videos are added.
        max_height_pixels: the best format of a video up to this height is downloaded.
        max_video_mib: largest file to download, in MiB.
        retries: number of further tries after a transient error, before a video is set aside.
        backoff_seconds: pause before the first further try; it doubles with each.
    """

    cookies: Path | None = None
    cookies_from_browser: str = ""
    proxy: str = ""
    rate_limit_kib: Annotated[float, Field(ge=0)] = 0.0
    sleep_seconds: Seconds = 0.0
    sleep_requests_seconds: Seconds = 0.0
    timeout_seconds: Annotated[float, Field(gt=0)] = 30.0
    archive: Path | None = None
    max_height_pixels: Annotated[int, Field(ge=64, le=4320)] = 720
    max_video_mib: Count = 4096
    retries: Annotated[int, Field(ge=0, le=20)] = 3
    backoff_seconds: Seconds = 30.0
