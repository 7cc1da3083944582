"""[download]: how videos are fetched."""

from pathlib import Path
from typing import Annotated

from pydantic import Field

from facegen.core.recipe.tables import Count, Table

Seconds = Annotated[float, Field(ge=0)]


class DownloadSettings(Table):
    """[download]: how videos are fetched; passed on to the library yt-dlp.

    Attributes:
        cookies: a cookies.txt file (Netscape's format), for sites that ask for a sign-in; it is read, never written.
        cookies_from_browser: take the cookies of a browser of this machine, such as "firefox".
        proxy: URL of a proxy, such as "socks5://127.0.0.1:1080".
        rate_limit_kib: KiB a second that each worker fetches at most; 0 without limit.
        sleep_seconds: pause of a worker before each video.
        sleep_requests_seconds: pause of a worker between requests for pages.
        timeout_seconds: after which a silent connection counts as broken.
        archive: a file of yt-dlp's archive format: what is listed there is not fetched, and what was collected is
            added.
        max_height_pixels: of several forms of a video, the highest one up to this is taken.
        max_video_mib: a larger file is not fetched.
        retries: how often a video that failed for a passing reason is tried again before it is set aside.
        backoff_seconds: pause before the first such try; it doubles each time.
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
