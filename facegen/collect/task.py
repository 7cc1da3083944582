"""Tasks of a collection, for one address or one channel, which an executor runs in any process."""

import os
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
from facegen.core.readable_files import read_bytes
from facegen.core.recipe.part_config import PartConfig
from facegen.data.media.media_files import UnusableFileError

if TYPE_CHECKING:
    from facegen.collect.video.download import ListedVideo
    from facegen.core.collection_interfaces import Detector

SEPARATE_STEMS = ("pictures", "sound")
"""Names of the two files of a video whose frames and sound were downloaded separately."""


@dataclass(frozen=True)
class VideoTask:
    """Task to collect the videos of one address.

    Attributes:
        videos: the videos; several if the list has several segments of the address.
        out: folder of the collection.
        download, examine, detector: settings.
        settings_digest: digest of the last two; an existing result with this digest is kept.
        keep_videos: keep the downloaded files.
        keep_frames: keep the whole accepted frames.
    """

    videos: tuple[Video, ...]
    out: Path
    download: DownloadSettings
    examine: ExamineSettings
    detector: PartConfig
    settings_digest: str
    keep_videos: bool
    keep_frames: bool


@dataclass(frozen=True)
class VideoTaskResult:
    """Result of a `VideoTask`; the results of the videos are in files.

    Attributes:
        title: title of the address; empty if unknown.
        archive_id: id of the address in yt-dlp's archives; empty if unknown.
        download_seconds: duration of the download.
        examine_seconds: duration of the examination of each video.
    """

    title: str
    archive_id: str
    download_seconds: float
    examine_seconds: tuple[float, ...]


@dataclass(frozen=True)
class ChannelTask:
    """Task to list the videos of a channel."""

    channel: Channel
    download: DownloadSettings


def list_videos(task: ChannelTask) -> "list[ListedVideo]":
    """Run a `ChannelTask`.

    Raises:
        CollectError: the channel cannot be listed.
    """
    from facegen.collect.video.download import list_channel

    return list_channel(task.channel.address, task.channel.last, task.download)


def collect_videos(task: VideoTask) -> VideoTaskResult:
    """Run a `VideoTask`: download, examine, write the results, delete the downloaded files.

    Raises:
        CollectError: the address cannot be downloaded or read.
        DiskError: the disk is full, or cannot be written.
    """
    folder = CollectionFolder(task.out)
    missing = [video for video in task.videos if not _has_result(folder, video, task.settings_digest)]
    if not missing:
        # An interrupted process examined them, but did not record them in the manifest.
        return VideoTaskResult("", "", 0.0, (0.0,) * len(task.videos))
    try:
        with _media(task, folder) as (files, title, archive_id, download_seconds):
            seconds = {video.id: _examine(video, files, task, folder) for video in missing}
    except (OSError, SafetensorError) as error:
        write_error = disk_error(error)
        if write_error is not None:
            raise write_error from None
        raise
    examine_seconds = tuple(seconds.get(video.id, 0.0) for video in task.videos)
    return VideoTaskResult(title, archive_id, download_seconds, examine_seconds)


def _has_result(folder: CollectionFolder, video: Video, settings_digest: str) -> bool:
    try:
        result = read_result(folder.result(video.id))
    except DataError:
        return False
    return (result.id, result.settings_digest) == (video.id, settings_digest)


@contextmanager
def _media(task: VideoTask, folder: CollectionFolder) -> Iterator[tuple[MediaFiles, str, str, float]]:
    """Provide the files of an address, its title, its archive id, and the duration of its download in seconds."""
    address = task.videos[0].address
    if task.videos[0].kind == "file":
        if not Path(address).is_file():
            reason = "is a pipe or a device" if os.path.lexists(address) else "does not exist"
            raise CollectError(reason, "check the path, and run again with --retry", address)
        yield MediaFiles(Path(address)), "", "", 0.0
        return
    kept = folder.kept_video(address)
    if kept.is_dir():
        yield _files_in(kept), "", "", 0.0
        return
    from facegen.collect.video.download import download_video

    target = folder.download(address)
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True, exist_ok=True)
    try:
        start = time.monotonic()
        # With --redo, the archive lists videos of this collection, which must be downloaded again.
        is_redone = any(video.was_examined for video in task.videos)
        archived = frozenset() if is_redone else read_archive(task.download.archive)
        downloaded = download_video(address, target, task.download, archived)
        yield downloaded.files, downloaded.title, downloaded.archive_id, time.monotonic() - start
        if task.keep_videos:
            folder.videos.mkdir(exist_ok=True)
            move(target, kept)
    finally:
        shutil.rmtree(target, ignore_errors=True)


def _files_in(kept: Path) -> MediaFiles:
    paths = sorted(kept.iterdir())
    stems = tuple(path.stem for path in paths)
    return MediaFiles(*paths) if stems == SEPARATE_STEMS else MediaFiles(paths[0])


def read_archive(archive: Path | None) -> frozenset[str]:
    """Read the ids of an archive file; none if the file is missing."""
    if archive is None or not archive.is_file():
        return frozenset()
    return frozenset(line.strip() for line in read_bytes(archive).decode("utf-8-sig", "replace").splitlines())


def _examine(video: Video, files: MediaFiles, task: VideoTask, folder: CollectionFolder) -> float:
    from facegen.collect.video.examine import examine

    start = time.monotonic()
    frames = folder.kept_frames(video.id) if task.keep_frames else None
    if frames is not None:
        shutil.rmtree(frames, ignore_errors=True)
        frames.mkdir(parents=True)
    try:
        examined = examine(files, task.examine, video.segment, frames, _detector(task.detector))
    except UnusableFileError as error:
        raise CollectError(error.reason, "replace the file, or remove it from the list", str(error)) from None
    if frames is not None and not any(frames.iterdir()):
        frames.rmdir()
    write_result(folder.result(video.id), video.id, task.settings_digest, examined)
    return time.monotonic() - start


def _detector(config: PartConfig) -> "Detector":
    """Build the detector once per process, because loading its model takes time."""
    key = repr(config.values)
    if key not in _detectors:
        import cv2

        # The worker processes use all cores already.
        cv2.setNumThreads(1)
        _detectors.clear()
        _detectors[key] = config.build()
    return _detectors[key]


_detectors: "dict[str, Detector]" = {}
