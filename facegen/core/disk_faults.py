"""Faults of disks and paths in words: the place, the reason, what stays, and what to do."""

import errno
import os
import re

from facegen.core.text.printable import printable

KEPT = "files that were complete before are unchanged"
"""Holds because every file and folder is written under a temporary name."""
_ANOTHER_PLACE = "give another place"
_FREE_SPACE = "free some space, or give another place, and call it again"
_PERMISSION = "change the permissions, or give another place"
_REASONS = {
    errno.ENOSPC: ("cannot be written: no space is left on the disk", _FREE_SPACE),
    errno.EDQUOT: ("cannot be written: the quota of the disk is used up", _FREE_SPACE),
    errno.EFBIG: ("cannot be written: the file system or `ulimit -f` allows no larger file", _FREE_SPACE),
    errno.EROFS: ("cannot be written: the file system is read-only", _ANOTHER_PLACE),
    errno.EACCES: ("is not accessible: permission denied", _PERMISSION),
    errno.EPERM: ("is not accessible: operation not permitted", _PERMISSION),
    errno.ENOENT: ("does not exist", "check the path"),
    errno.ENOTDIR: ("cannot be used: a part of the path is a file, not a folder", _ANOTHER_PLACE),
    errno.EISDIR: ("is a folder", "give the name of a file"),
    errno.EEXIST: ("exists already", "give another name, or move it away"),
    errno.ENOTEMPTY: ("is a folder that is not empty", _ANOTHER_PLACE),
    errno.ENAMETOOLONG: ("has too long a name (most file systems allow 255 bytes)", "give a shorter name"),
    errno.ELOOP: ("is a link that leads back to itself", "remove the link, or give another place"),
    errno.ENXIO: ("is a pipe or a device that nothing reads", "start its reader first, or give the name of a file"),
    errno.EXDEV: ("lies on another file system", _ANOTHER_PLACE),
    errno.EMFILE: ("cannot be opened: this process has too many open files", "raise the limit with `ulimit -n 4096`"),
    errno.ENFILE: ("cannot be opened: the system has too many open files", "close other programs"),
    errno.EIO: ("cannot be read or written: the disk reports an error", "check the disk, or give another place"),
    errno.EPIPE: ("was closed by its reader", "read it to the end, or write to a file"),
    errno.EBADF: ("is closed", "give a file"),
    errno.EINVAL: ("cannot be used like this", _ANOTHER_PLACE),
}
"""{number of the error: (reason, what to do)}"""
_OF_WRITING = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EIO}
TEMPORARY = re.compile(r"\.(?P<name>[^/]+)\.[0-9a-f]{12}\.part(?=/|$)")
"""Temporary name of a file or folder that is being written."""
_NUMBER = re.compile(r"os error (\d+)", re.IGNORECASE)


def explain_disk_fault(error: BaseException, place: str = "", kept: str = KEPT) -> str:
    """Return one message about an error of the system.

    Args:
        error: an OSError, or another error with the number of one in its text, as safetensors raises.
        place: what was being written; by default the file that the error names.
        kept: what is unchanged.
    """
    number = _number(error)
    name = place or _file_name(error) or "a file"
    text = getattr(error, "strerror", None) or str(error) or type(error).__name__
    reason, advice = _REASONS.get(number, (f"cannot be used: {text}", _ANOTHER_PLACE))
    parts = [f"{name}: {reason}", *([kept] if number in _OF_WRITING else []), advice]
    return printable("; ".join(parts))


def write_fault(error: BaseException) -> int | None:
    """Return the number of an error of a disk that cannot be written, under any library's class; None for others."""
    number = _number(error)
    return number if number in _OF_WRITING else None


def _number(error: BaseException) -> int:
    number = getattr(error, "errno", None)
    if isinstance(number, int):
        return number
    match = _NUMBER.search(str(error))
    return int(match[1]) if match else 0


def _file_name(error: BaseException) -> str:
    """Return the file that an error names; for a temporary one, the name that the user knows."""
    name = getattr(error, "filename2", None) or getattr(error, "filename", None)
    if isinstance(name, int):  # a descriptor
        return ""
    return TEMPORARY.sub(lambda match: match["name"], os.fsdecode(name)) if name else ""
