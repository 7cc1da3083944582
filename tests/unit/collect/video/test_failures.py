import errno

import pytest

from facegen.collect.video.failures import CollectError, DiskError, classify_error, disk_error

MESSAGES = {
    "ERROR: [youtube] x: Sign in to confirm you\u2019re not a bot. Use --cookies-from-browser": (
        "asks for a sign-in, to tell people from bots", False),
    "ERROR: [youtube] x: Sign in to confirm you're not a bot.": (
        "asks for a sign-in, to tell people from bots", False),
    "[youtube] x: Sign in to confirm your age. This video may be inappropriate for some users.": (
        "is for adults only", False),
    "[youtube] x: Private video. Sign in if you've been granted access to this video": ("is private", False),
    "[youtube] x: Join this channel to get access to members-only content": ("is for members only", False),
    "[youtube] x: Video unavailable. This video is not available in your country": (
        "is blocked in this country", False),
    "[youtube] x: Video unavailable. This video has been removed by the uploader": (
        "is no longer available", False),
    "[generic] x: Unable to download webpage: HTTP Error 429: Too Many Requests": (
        "too many requests (HTTP 429)", True),
    "unable to download video data: HTTP Error 403: Forbidden": ("is refused (HTTP 403)", True),
    "[generic] Unable to download webpage: HTTP Error 404: Not Found": ("is not there (HTTP 404)", False),
    "[generic] Unable to download webpage: HTTP Error 401: Unauthorized": ("is refused (HTTP 401)", False),
    "[generic] Unable to download webpage: HTTP Error 503: Service Unavailable": ("the server fails (HTTP 5xx)", True),
    "ERROR: Unsupported URL: http://x": ("holds no video that can be fetched", False),
    "Got error: Downloaded 34569 bytes, expected 69138 bytes. Giving up after 2 retries": (
        "the connection broke", True),
    "<urlopen error [Errno -2] Name or service not known>": ("its server cannot be found", True),
    "The read operation timed out": ("the server does not answer", True),
    "[youtube] x: This live event will begin in 3 hours": ("is a live stream", False),
    "\x1b[0;31mERROR:\x1b[0m something that nobody has seen before": ("cannot be fetched", True),
}  # fmt: skip


@pytest.mark.parametrize("message", MESSAGES)
def test_messages_of_yt_dlp_become_fixed_reasons(message):
    error = classify_error(message)
    assert (error.reason, error.transient) == MESSAGES[message]
    assert "\x1b" not in error.detail and not error.detail.startswith("ERROR")


def test_a_bot_check_has_a_remedy():
    advice = classify_error("Sign in to confirm you\u2019re not a bot").advice
    assert advice == "give [download] cookies or cookies_from_browser, and run again with --retry"


def test_a_full_disk_is_distinguished_from_a_bad_video():
    full = OSError(errno.ENOSPC, "No space left on device", "/x/a.part")
    assert disk_error(full).detail == "No space left on device: /x/a.part"
    wrapped = RuntimeError("unable to write data")
    wrapped.__cause__ = full
    assert disk_error(wrapped).detail == "No space left on device: /x/a.part"
    assert disk_error(RuntimeError("I/O error: Read-only file system (os error 30)")).detail == "Read-only file system"
    assert disk_error(OSError(errno.ENOENT, "No such file")) is None
    assert disk_error(CollectError("is not there")) is None
    disk = DiskError("full")
    assert disk_error(disk) is disk
