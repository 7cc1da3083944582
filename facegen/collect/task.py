"""What is done for one video or one channel, in whatever process an executor does it."""

import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from safetensors import SafetensorError

from facegen.collect.folder import CollectionFolder
from facegen.collect.manifest.work_queue import Channel, Video
from facegen.collect.video.download_settings import DownloadSettings
from facegen.collect.video.examination import MediaFiles
from facegen.collect.video.examine_settings import ExamineSettings
from facegen.collect.video.failures import CollectError, disk_error
from facegen.collect.video.result_file import read_result, write_result
from facegen.core.errors import DataError
from facegen.core.files import move
from facegen.core.recipe.part_config import PartConfig
from facegen.data.media.media_files import UnusableFileError

if TYPE_CHECKING:
    from facegen.collect.video.download import Listed
    from facegen.core.collection_interfaces import Detector

HALF_OF_A_PAIR = ("pictures", "sound")


@dataclass(frozen=True)
class VideoTask:
    """The videos of one address, and how they are collected.

    Attributes:
        videos: several where several segments of it are wanted.
        out: folder of the collection.
        download, examine, detector: settings.
        made_with: digest of the last two; a result that has it already is not made again.
        keep_videos, keep_frames: what stays beside the result.
    """

    videos: tuple[Video, ...]
    out: Path
    download: DownloadSettings
    examine: ExamineSettings
    detector: PartConfig
    made_with: str
    keep_videos: bool
    keep_frames: bool


@dataclass(frozen=True)
class VideoAnswer:
    """What became of the videos of an address; their results are files.

    Attributes:
        title: of the address.
        archive_id: what yt-dlp's archives call it.
        download_seconds: that fetching took.
        examine_seconds: a number a video.
    """

    title: str
    archive_id: str
    download_seconds: float
    examine_seconds: tuple[float, ...]


@dataclass(frozen=True)
class ChannelTask:
    """A channel, and how it is asked."""

    channel: Channel
    download: DownloadSettings


def list_videos(task: ChannelTask) -> "list[Listed]":
    """The work of a ChannelTask.

    Raises:
        CollectError: the channel cannot be had.
    """
    from facegen.collect.video.download import list_channel

    return list_channel(task.channel.address, task.channel.last, task.download)


def collect_videos(task: VideoTask) -> VideoAnswer:
    """The work of a VideoTask: fetch, examine, write the results, remove what was fetched.

    Raises:
        CollectError: the address cannot be had.
        DiskError: the disk is full, or cannot be written.
    """
    folder = CollectionFolder(task.out)
    missing = [video for video in task.videos if not _is_there(folder, video, task.made_with)]
    if not missing:
        # Examined before somebody was killed, and not noted yet.
        return VideoAnswer("", "", 0.0, (0.0,) * len(task.videos))
    try:
        with _media(task, folder) as (files, title, archive_id, download_seconds):
            took = {video.id: _examine(video, files, task, folder) for video in missing}
    except (OSError, SafetensorError) as error:
        full = disk_error(error)
        if full is not None:
            raise full from None
        raise
    return VideoAnswer(title, archive_id, download_seconds, tuple(took.get(video.id, 0.0) for video in task.videos))


def _is_there(folder: CollectionFolder, video: Video, made_with: str) -> bool:
    try:
        found = read_result(folder.result(video.id))
    except DataError:
        return False
    return (found.id, found.made_with) == (video.id, made_with)


@contextmanager
def _media(task: VideoTask, folder: CollectionFolder) -> Iterator[tuple[MediaFiles, str, str, float]]:
    """The files of an address, its title, its name in archives, and how long it took to fetch."""
    address = task.videos[0].address
    if task.videos[0].kind == "file":
        if not Path(address).is_file():
            raise CollectError("does not exist", "check the path, and call again with --retry", address)
        yield MediaFiles(Path(address)), "", "", 0.0
        return
    kept = folder.kept_video(address)
    if kept.is_dir():
        yield _files_in(kept), "", "", 0.0
        return
    from facegen.collect.video.download import fetch

    target = folder.download(address)
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True, exist_ok=True)
    try:
        begun = time.monotonic()
        # What this collection put into the archive itself may be fetched again, where it is to be examined anew.
        again = any(video.was_examined for video in task.videos)
        fetched = fetch(address, target, task.download, frozenset() if again else archived(task.download.archive))
        yield fetched.files, fetched.title, fetched.archive_id, time.monotonic() - begun
        if task.keep_videos:
            folder.videos.mkdir(exist_ok=True)
            move(target, kept)
    finally:
        shutil.rmtree(target, ignore_errors=True)


def _files_in(kept: Path) -> MediaFiles:
    paths = sorted(kept.iterdir())
    stems = tuple(path.stem for path in paths)
    return MediaFiles(*paths) if stems == HALF_OF_A_PAIR else MediaFiles(paths[0])


def archived(archive: Path | None) -> frozenset[str]:
    """The names in an archive file; none where there is no file."""
    if archive is None or not archive.is_file():
        return frozenset()
    return frozenset(line.strip() for line in archive.read_text(encoding="utf-8-sig", errors="replace").splitlines())


def _examine(video: Video, files: MediaFiles, task: VideoTask, folder: CollectionFolder) -> float:
    from facegen.collect.video.examine import examine

    begun = time.monotonic()
    frames = folder.kept_frames(video.id) if task.keep_frames else None
    if frames is not None:
        shutil.rmtree(frames, ignore_errors=True)
        frames.mkdir(parents=True)
    try:
        found = examine(files, task.examine, video.segment, frames, _detector(task.detector))
    except UnusableFileError as error:
        raise CollectError(error.reason, "get it again, or leave it out", str(error)) from None
    if frames is not None and not any(frames.iterdir()):
        frames.rmdir()
    write_result(folder.result(video.id), video.id, task.made_with, found)
    return time.monotonic() - begun


def _detector(config: PartConfig) -> "Detector":
    """One detector a process: its model is loaded once."""
    key = repr(config.values)
    if key not in _detectors:
        import cv2

        # Several processes share the cores already.
        cv2.setNumThreads(1)
        _detectors.clear()
        _detectors[key] = config.build()
    return _detectors[key]


_detectors: "dict[str, Detector]" = {}
