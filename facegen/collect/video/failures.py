"""Errors of a collection, with reasons in fixed words, so that a status can count them."""

import errno
import re
from typing import NamedTuple

DISK_ERRORS = {errno.ENOSPC, errno.EDQUOT, errno.EROFS}


class CollectError(Exception):
    """Failure of one video or channel.

    Attributes:
        reason: the fault, in fixed words.
        advice: the remedy; empty if there is none.
        detail: original message.
        transient: true if another try may succeed.
    """

    def __init__(self, reason: str, advice: str = "", detail: str = "", transient: bool = False) -> None:
        super().__init__(reason, advice, detail, transient)
        self.reason, self.advice, self.detail, self.transient = reason, advice, detail, transient


class DiskError(Exception):
    """Failure to write that stops the whole collection, such as a full disk.

    Attributes:
        detail: message of the operating system.
    """

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail


class _Rule(NamedTuple):
    pattern: str
    reason: str
    advice: str
    transient: bool


COOKIES_ADVICE = "give [download] cookies or cookies_from_browser, and run again with --retry"
RATE_ADVICE = "set [download] sleep_seconds or rate_limit_kib, and fewer num_workers, and run again with --retry"
_RULES = (
    _Rule(r"confirm you.{1,3}re not a bot|sign in to confirm that you", "asks for a sign-in, to tell people from bots",
          COOKIES_ADVICE, False),
    _Rule(r"confirm your age|age.restricted|inappropriate for some users", "is for adults only", COOKIES_ADVICE, False),
    _Rule(r"private video|video is private", "is private", COOKIES_ADVICE, False),
    _Rule(r"members.only|join this channel|requires payment|premium|subscribers? only", "is for members only",
          COOKIES_ADVICE, False),
    _Rule(r"login required|log in|use --cookies|account credentials", "asks for a sign-in", COOKIES_ADVICE, False),
    _Rule(r"your country|geo.?restrict|your location|not available from your", "is blocked in this country",
          "set [download] proxy, and run again with --retry", False),
    _Rule(r"HTTP Error 429|too many requests|rate.?limit", "too many requests (HTTP 429)", RATE_ADVICE, True),
    _Rule(r"HTTP Error 403", "is refused (HTTP 403)", f"{COOKIES_ADVICE}; or {RATE_ADVICE}", True),
    _Rule(r"HTTP Error 404|HTTP Error 410", "is not there (HTTP 404)", "check the address", False),
    _Rule(r"HTTP Error 40[01]", "is refused (HTTP 401)", COOKIES_ADVICE, False),
    _Rule(r"HTTP Error 5\d\d", "the server fails (HTTP 5xx)", "", True),
    _Rule(r"unsupported url|no video formats|no suitable|requested format|drm|unable to extract",
          "holds no video that can be fetched", "check the address; update yt-dlp with `pip install -U yt-dlp`", False),
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
    """Convert an error to a DiskError if it, or one of its causes, is a full or read-only disk; else None."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, DiskError):
            return cause
        if isinstance(cause, OSError) and cause.errno in DISK_ERRORS:
            return DiskError(f"{cause.strerror}{f': {cause.filename}' if cause.filename else ''}")
        cause = cause.__cause__ or cause.__context__
    match = re.search(r"No space left on device|Read-only file system|Disk quota exceeded", str(error))
    return DiskError(match.group()) if match else None


def classify_error(message: str) -> CollectError:
    """Convert a message of yt-dlp to an error with a fixed reason."""
    text = re.sub(r"\x1b\[[0-9;]*m", "", message).removeprefix("ERROR: ").strip()
    for rule in _RULES:
        if re.search(rule.pattern, text, re.IGNORECASE):
            return CollectError(rule.reason, rule.advice, text, rule.transient)
    return CollectError("cannot be fetched", "", text, True)
