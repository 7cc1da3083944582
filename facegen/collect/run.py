"""Run of a collection: hand the due videos to an executor, and record the results."""

import time
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from facegen import __version__
from facegen.collect.folder import CollectionFolder
from facegen.collect.manifest import people as manifest_people
from facegen.collect.manifest import work_queue
from facegen.collect.manifest.manifest import EXAMINATION_SETTINGS, CollectionManifest
from facegen.collect.settings import CollectSettings, changed_settings
from facegen.collect.sources.source_list import SourceList
from facegen.collect.task import ChannelTask, VideoTask, VideoTaskResult, collect_videos, list_videos, read_archive
from facegen.collect.video.failures import CollectError, DiskError
from facegen.collect.video.result_file import read_result
from facegen.core.errors import DataError
from facegen.core.interruption import Interruption
from facegen.core.progress import Observer

if TYPE_CHECKING:
    from facegen.core.collection_interfaces import Executor
VERSIONS = ", ".join([f"facegen {__version__}", *(f"{name} {version(name)}" for name in ("av", "numpy", "yt-dlp"))])
"""Versions of the software that examined a video, stored in its row."""


@dataclass(frozen=True)
class CollectOptions:
    """Options of a collection beside its sources and settings.

    Attributes:
        keep_videos: keep the downloaded files.
        keep_frames: keep the whole frame of each accepted face, as a JPEG file.
        require_consent: refuse people without a recorded consent.
        redo: examine all videos again if settings have changed.
        retry: try videos and channels again that were set aside.
    """

    keep_videos: bool = False
    keep_frames: bool = False
    require_consent: bool = False
    redo: bool = False
    retry: bool = False


@dataclass
class CollectionRun:
    """One run of a collection.

    Attributes:
        folder, manifest: folder and open manifest of the collection.
        settings, options: settings and options of the run.
        observer: receives progress and warnings.
        interruption: source of requests to stop.
    """

    folder: CollectionFolder
    manifest: CollectionManifest
    settings: CollectSettings
    options: CollectOptions
    observer: Observer
    interruption: Interruption
    _clips: int = 0
    _set_aside: int = 0
    _seconds: dict[str, float] = field(default_factory=lambda: {"fetch s": 0.0, "examine s": 0.0})

    def prepare(self, sources: SourceList) -> None:
        """Update the manifest with the list of sources, the settings and the options."""
        self.folder.remove_leftovers()
        work_queue.requeue_interrupted(self.manifest)
        self._check_settings()
        sources = manifest_people.match_stored_spellings(self.manifest, sources)
        for name in manifest_people.add_sources(self.manifest, [*sources.people.values()], [*sources.sources.values()]):
            self.observer.warn(f"'{name}' was forgotten here and is left out; remove the person from {sources.path}")
        if unlisted := manifest_people.count_unlisted(self.manifest, sources.sources):
            self.observer.say(
                f"{unlisted} collected videos are not listed in {sources.path}; they stay. "
                f"`facegen forget PERSON {self.folder.out}` removes a person"
            )
        self._check_consent()
        lost = work_queue.requeue_lost(self.manifest, lambda video: self.folder.result(video).is_file())
        if lost:
            self.observer.warn(f"the results of {lost} videos are missing; they are collected again")
        if self.options.retry:
            work_queue.requeue_set_aside(self.manifest)

    def _check_settings(self) -> None:
        """Refuse settings other than those of the collection, or reset its videos if --redo was given."""
        before, now = self.manifest.get_fact(EXAMINATION_SETTINGS), self.settings.examination_values
        counts = work_queue.count_videos(self.manifest)
        examined = counts.get("done", 0) + counts.get("nothing", 0)
        changes = changed_settings(before, now) if before is not None and examined else []
        if changes and not self.options.redo:
            raise DataError(
                f"{self.folder.out}: {examined} videos were examined under other settings: {'; '.join(changes)}; "
                f"restore the settings, collect into another folder, or give --redo to examine all videos again"
            )
        if changes:
            work_queue.requeue_examined(self.manifest)
            self.observer.say(f"{examined} videos are examined again under the new settings: {'; '.join(changes)}")
        if before != now:
            self.manifest.set_fact(EXAMINATION_SETTINGS, now)

    def _check_consent(self) -> None:
        if not self.options.require_consent:
            return
        query = "SELECT name FROM people WHERE consent = '' ORDER BY name"
        names = [name for (name,) in self.manifest.query(query)]
        if names:
            raise DataError(
                *(f"{self.folder.out}: '{name}' has no consent, which --require-consent requires; record it in the "
                  f"list of sources, or remove the person with `facegen forget`" for name in names)
            )  # fmt: skip

    def work(self) -> None:
        """Process all due channels and videos, including further tries after transient errors."""
        executor: Executor = self.settings.executor.build()
        while (due_time := work_queue.next_due_time(self.manifest)) is not None:
            pause = due_time - time.time()
            if pause > 0:
                self.observer.say(f"videos with transient errors are tried again in {pause:.0f} s")
                with self.interruption.may_stop():
                    time.sleep(pause)
            now = time.time()
            self._list_channels(executor, now)
            self._collect(executor, now)

    def _list_channels(self, executor: "Executor", now: float) -> None:
        channels = work_queue.due_channels(self.manifest, now)
        if not channels:
            return
        self.observer.start("list channels", len(channels))
        tasks = [ChannelTask(channel, self.settings.download) for channel in channels]
        with closing(self._results(executor, list_videos, iter(tasks))) as results:
            for done, (task, result) in enumerate(results, start=1):
                if isinstance(result, Exception):
                    self._record_failure("channels", task.channel.address, [task.channel.id], result)
                else:
                    listed = [(video.address, video.title) for video in result]
                    manifest_people.add_channel_videos(self.manifest, task.channel.id, listed)
                self.observer.advance(done)
        self.observer.finish()

    def _collect(self, executor: "Executor", now: float) -> None:
        counts = work_queue.count_videos(self.manifest)
        if not counts.get("waiting"):
            return
        self.observer.start("collect videos", sum(counts.values()), sum(counts.values()) - counts["waiting"])
        with closing(self._results(executor, collect_videos, self._tasks(now))) as results:
            for task, result in results:
                if isinstance(result, Exception):
                    self._record_failure("videos", task.videos[0].source, [video.id for video in task.videos], result)
                else:
                    self._record_result(task, result)
                counts = work_queue.count_videos(self.manifest)
                ended = sum(counts.values()) - counts.get("waiting", 0) - counts.get("working", 0)
                self.observer.advance(ended, {"clips": self._clips, "set aside": self._set_aside, **self._seconds})
        self.observer.finish()

    def _tasks(self, now: float) -> Iterator[VideoTask]:
        """Generate tasks on demand, so that no more videos are in work, or on the disk, than there are workers."""
        settings = self.settings
        while videos := work_queue.due_videos(self.manifest, now):
            work_queue.mark_working(self.manifest, [video.id for video in videos])
            yield VideoTask(
                tuple(videos), self.folder.out.absolute(), settings.download, settings.examine, settings.detector,
                settings.digest, self.options.keep_videos, self.options.keep_frames,
            )  # fmt: skip

    def _results(self, executor: "Executor", work: Any, tasks: Iterator[Any]) -> Generator[tuple[Any, Any], None, None]:
        """Run tasks, and yield each with its result.

        A request to stop takes effect while a result is awaited, never while one is recorded.
        """
        with closing(executor.run(work, tasks)) as running:  # type: ignore[type-var]
            while True:
                with self.interruption.may_stop():
                    task, result = next(running, (None, None))
                if task is None:
                    return
                if isinstance(result, DiskError):
                    raise result
                yield task, result

    def _record_result(self, task: VideoTask, task_result: VideoTaskResult) -> None:
        self._seconds["fetch s"] += task_result.download_seconds
        for video, seconds in zip(task.videos, task_result.examine_seconds, strict=True):
            path = self.folder.result(video.id)
            result = read_result(path)
            state = work_queue.record_result(
                self.manifest, result, self.settings.examine.speech.window_seconds, title=task_result.title,
                versions=VERSIONS, seconds=(task_result.download_seconds, seconds),
            )  # fmt: skip
            self._seconds["examine s"] += seconds
            for warning in result.warnings:
                self.observer.warn(f"{video.source}: {warning}")
            if state == "done":
                self._clips += sum(not frame.reason for frame in result.frames)
            else:
                path.unlink()
        archive = self.settings.download.archive
        if archive is not None and task_result.archive_id and task_result.archive_id not in read_archive(archive):
            try:
                with archive.open("a", encoding="utf-8") as file:
                    file.write(f"{task_result.archive_id}\n")
            except OSError as error:
                raise DiskError(f"{archive}: {error.strerror}") from None

    def _record_failure(self, table: str, name: str, ids: Sequence[str], failure: Exception) -> None:
        if isinstance(failure, CollectError):
            error = failure
        elif isinstance(failure, ChildProcessError):
            error = CollectError("its process died", "", str(failure), transient=True)
        elif isinstance(failure, TimeoutError):
            error = CollectError("takes too long", "set [executor] task_minutes higher", str(failure))
        else:
            detail = f"{type(failure).__name__}: {failure}"
            error = CollectError("an unexpected error", "report it with the output of `facegen doctor`", detail)
        download = self.settings.download
        will_retry = work_queue.record_failure(
            self.manifest, table, ids, error, download.retries, download.backoff_seconds
        )
        if not will_retry:
            self._set_aside += len(ids)
            advice = f"; {error.advice}" if error.advice else ""
            self.observer.warn(f"{name}: {error.reason}{advice}")
