"""Why a video could not be had, in words that are the same for every such video, so that they can be counted."""

import errno
import re
from typing import NamedTuple

DISK_ERRORS = {errno.ENOSPC, errno.EDQUOT, errno.EROFS}


class CollectError(Exception):
    """One video, or channel, gives nothing.

    Attributes:
        reason: what is wrong, in words that can be counted.
        advice: what to do about it; empty where there is nothing to be done.
        detail: what the other side said.
        passing: it may be otherwise after a while, so that it is worth another try.
    """

    def __init__(self, reason: str, advice: str = "", detail: str = "", passing: bool = False) -> None:
        super().__init__(reason, advice, detail, passing)
        self.reason, self.advice, self.detail, self.passing = reason, advice, detail, passing


class DiskError(Exception):
    """Nothing can be written any more: the whole collection has to stop.

    Attributes:
        detail: what the system said.
    """

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail


class _Rule(NamedTuple):
    pattern: str
    reason: str
    advice: str
    passing: bool


COOKIES = "give [download] cookies or cookies_from_browser, and call again with --retry"
SLOWER = "set [download] sleep_seconds or rate_limit_kib, and fewer num_workers, and call again with --retry"
_RULES = (
    _Rule(r"confirm you.{1,3}re not a bot|sign in to confirm that you", "asks for a sign-in, to tell people from bots",
          COOKIES, False),
    _Rule(r"confirm your age|age.restricted|inappropriate for some users", "is for adults only", COOKIES, False),
    _Rule(r"private video|video is private", "is private", COOKIES, False),
    _Rule(r"members.only|join this channel|requires payment|premium|subscribers? only", "is for members only", COOKIES,
          False),
    _Rule(r"login required|log in|use --cookies|account credentials", "asks for a sign-in", COOKIES, False),
    _Rule(r"your country|geo.?restrict|your location|not available from your", "is blocked in this country",
          "set [download] proxy, and call again with --retry", False),
    _Rule(r"HTTP Error 429|too many requests|rate.?limit", "too many requests (HTTP 429)", SLOWER, True),
    _Rule(r"HTTP Error 403", "is refused (HTTP 403)", f"{COOKIES}; or {SLOWER}", True),
    _Rule(r"HTTP Error 404|HTTP Error 410", "is not there (HTTP 404)", "check the address", False),
    _Rule(r"HTTP Error 40[01]", "is refused (HTTP 401)", COOKIES, False),
    _Rule(r"HTTP Error 5\d\d", "the server fails (HTTP 5xx)", "", True),
    _Rule(r"unsupported url|no video formats|no suitable|requested format|drm|unable to extract",
          "holds no video that can be fetched", "check the address; `pip install -U yt-dlp` knows newer sites", False),
    _Rule(r"video unavailable|has been removed|no longer available|account.{1,40}terminated|been deleted"
          r"|does not exist|not available", "is no longer available", "", False),
    _Rule(r"live event|is_live|premieres? in|will begin", "is a live stream", "collect it when it is over", False),
    _Rule(r"certificate", "its certificate is not trusted", "check the address and the clock", False),
    _Rule(r"name or service not known|getaddrinfo|nodename nor servname|failed to resolve|temporary failure in name",
          "its server cannot be found", "check the address, the network and [download] proxy", True),
    _Rule(r"timed? ?out", "the server does not answer", "", True),
    _Rule(r"connection|incomplete|bytes read|more expected|expected \d+ bytes|content too short|unreachable"
          r"|reset by peer|remote end", "the connection broke", "", True),
)  # fmt: skip


def disk_error(error: BaseException) -> DiskError | None:
    """The same as a DiskError, where it, or what it came from, says that nothing can be written any more."""
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, DiskError):
            return seen
        if isinstance(seen, OSError) and seen.errno in DISK_ERRORS:
            return DiskError(f"{seen.strerror}{f': {seen.filename}' if seen.filename else ''}")
        seen = seen.__cause__ or seen.__context__
    said = re.search(r"No space left on device|Read-only file system|Disk quota exceeded", str(error))
    return DiskError(said.group()) if said else None


def explain(said: str) -> CollectError:
    """What a downloader's words come to."""
    text = re.sub(r"\x1b\[[0-9;]*m", "", said).removeprefix("ERROR: ").strip()
    for rule in _RULES:
        if re.search(rule.pattern, text, re.IGNORECASE):
            return CollectError(rule.reason, rule.advice, text, rule.passing)
    return CollectError("cannot be fetched", "", text, True)
