"""The work of a collection: who is due, who does it, what came of it."""

import time
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from facegen import __version__
from facegen.collect.folder import CollectionFolder
from facegen.collect.manifest import people as manifest_sources
from facegen.collect.manifest import work_queue as manifest_work
from facegen.collect.manifest.manifest import MADE_WITH, CollectionManifest
from facegen.collect.settings import CollectSettings, changed_settings
from facegen.collect.sources.source_list import SourceList
from facegen.collect.task import ChannelTask, VideoAnswer, VideoTask, archived, collect_videos, list_videos
from facegen.collect.video.failures import CollectError, DiskError
from facegen.collect.video.result_file import read_result
from facegen.core.errors import DataError
from facegen.core.interruption import Interruption
from facegen.core.progress import Observer

if TYPE_CHECKING:
    from facegen.core.collection_interfaces import Executor
VERSIONS = ", ".join([f"facegen {__version__}", *(f"{name} {version(name)}" for name in ("av", "numpy", "yt-dlp"))])
"""What examined a video, as its row says."""


@dataclass(frozen=True)
class CollectOptions:
    """What a call of `collect` asks for beside sources and settings.

    Attributes:
        keep_videos: what was fetched stays.
        keep_frames: the full frame of each accepted face stays, as a picture.
        require_consent: people without a recorded consent are refused.
        redo: examine all videos again, where settings have changed.
        retry: try again what was set aside.
    """

    keep_videos: bool = False
    keep_frames: bool = False
    require_consent: bool = False
    redo: bool = False
    retry: bool = False


@dataclass
class CollectionRun:
    """One call of `collect`, as far as it touches the manifest.

    Attributes:
        folder, manifest: of the collection.
        settings, options: how it works.
        observer: told how far it is.
        interruption: asked whether to stop.
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
        """Bring the manifest up to date with what is asked for now."""
        self.folder.tidy()
        manifest_work.recover(self.manifest)
        self._check_settings()
        sources = manifest_sources.spelled_as_stored(self.manifest, sources)
        for name in manifest_sources.add(self.manifest, [*sources.people.values()], [*sources.sources.values()]):
            self.observer.warn(f"'{name}' was forgotten here and is left out; take them out of {sources.path}, too")
        if unlisted := manifest_sources.unlisted(self.manifest, sources.sources):
            self.observer.say(
                f"{unlisted} videos were collected that {sources.path} no longer names; they stay. "
                f"`facegen forget PERSON {self.folder.out}` removes a person"
            )
        self._check_consent()
        lost = manifest_work.repeat_lost(self.manifest, lambda video: self.folder.result(video).is_file())
        if lost:
            self.observer.warn(f"the results of {lost} videos are gone; they are collected again")
        if self.options.retry:
            manifest_work.retry(self.manifest)

    def _check_settings(self) -> None:
        """Clips of two kinds never stand in one corpus."""
        before, now = self.manifest.fact(MADE_WITH), self.settings.made_with
        counts = manifest_work.count_videos(self.manifest)
        examined = counts.get("done", 0) + counts.get("nothing", 0)
        changes = changed_settings(before, now) if before is not None and examined else []
        if changes and not self.options.redo:
            raise DataError(
                f"{self.folder.out}: {examined} videos were examined under other settings: {'; '.join(changes)}; set "
                f"them back, collect into another folder, or give --redo to examine all of them again"
            )
        if changes:
            manifest_work.redo(self.manifest)
            self.observer.say(f"{examined} videos are examined again under the new settings: {'; '.join(changes)}")
        if before != now:
            self.manifest.note(MADE_WITH, now)

    def _check_consent(self) -> None:
        if not self.options.require_consent:
            return
        query = "SELECT name FROM people WHERE consent = '' ORDER BY name"
        names = [name for (name,) in self.manifest.ask(query)]
        if names:
            raise DataError(
                *(f"{self.folder.out}: no consent of '{name}' is recorded, which --require-consent asks for; record it "
                  f"in the list of sources, or call `facegen forget`" for name in names)
            )  # fmt: skip

    def work(self) -> None:
        """Do all that is due, and what failed for a passing reason once its pause is over."""
        executor: Executor = self.settings.executor.build()
        while (when := manifest_work.next_try(self.manifest)) is not None:
            pause = when - time.time()
            if pause > 0:
                self.observer.say(f"what failed for a passing reason is tried again in {pause:.0f} s")
                with self.interruption.may_stop():
                    time.sleep(pause)
            now = time.time()
            self._list_channels(executor, now)
            self._collect(executor, now)

    def _list_channels(self, executor: "Executor", now: float) -> None:
        channels = manifest_work.waiting_channels(self.manifest, now)
        if not channels:
            return
        self.observer.start("list channels", len(channels))
        tasks = [ChannelTask(channel, self.settings.download) for channel in channels]
        with closing(self._answers(executor, list_videos, iter(tasks))) as answers:
            for done, (task, answer) in enumerate(answers, start=1):
                if isinstance(answer, Exception):
                    self._fail("channels", task.channel.address, [task.channel.id], answer)
                else:
                    listed = [(video.address, video.title) for video in answer]
                    manifest_sources.add_listed(self.manifest, task.channel.id, listed)
                self.observer.advance(done)
        self.observer.finish()

    def _collect(self, executor: "Executor", now: float) -> None:
        counts = manifest_work.count_videos(self.manifest)
        if not counts.get("waiting"):
            return
        self.observer.start("collect videos", sum(counts.values()), sum(counts.values()) - counts["waiting"])
        with closing(self._answers(executor, collect_videos, self._tasks(now))) as answers:
            for task, answer in answers:
                if isinstance(answer, Exception):
                    self._fail("videos", task.videos[0].source, [video.id for video in task.videos], answer)
                else:
                    self._finish(task, answer)
                counts = manifest_work.count_videos(self.manifest)
                over = sum(counts.values()) - counts.get("waiting", 0) - counts.get("working", 0)
                self.observer.advance(over, {"clips": self._clips, "set aside": self._set_aside, **self._seconds})
        self.observer.finish()

    def _tasks(self, now: float) -> Iterator[VideoTask]:
        """Asked for one at a time: no more is in work, or on the disk, than there are workers."""
        settings = self.settings
        while videos := manifest_work.next_videos(self.manifest, now):
            manifest_work.begin(self.manifest, [video.id for video in videos])
            yield VideoTask(
                tuple(videos), self.folder.out.absolute(), settings.download, settings.examine, settings.detector,
                settings.digest, self.options.keep_videos, self.options.keep_frames,
            )  # fmt: skip

    def _answers(self, executor: "Executor", work: Any, tasks: Iterator[Any]) -> Generator[tuple[Any, Any], None, None]:
        """What the executor answers; a request to stop is heard while it is waited for, never while it is noted."""
        with closing(executor.run(work, tasks)) as running:  # type: ignore[type-var]
            while True:
                with self.interruption.may_stop():
                    task, answer = next(running, (None, None))
                if task is None:
                    return
                if isinstance(answer, DiskError):
                    raise answer
                yield task, answer

    def _finish(self, task: VideoTask, answer: VideoAnswer) -> None:
        self._seconds["fetch s"] += answer.download_seconds
        for video, seconds in zip(task.videos, answer.examine_seconds, strict=True):
            path = self.folder.result(video.id)
            result = read_result(path)
            state = manifest_work.finish(
                self.manifest, result, self.settings.examine.speech.window_seconds, title=answer.title,
                versions=VERSIONS, seconds=(answer.download_seconds, seconds),
            )  # fmt: skip
            self._seconds["examine s"] += seconds
            for warning in result.warnings:
                self.observer.warn(f"{video.source}: {warning}")
            if state == "done":
                self._clips += sum(not frame.reason for frame in result.frames)
            else:
                path.unlink()
        archive = self.settings.download.archive
        if archive is not None and answer.archive_id and answer.archive_id not in archived(archive):
            try:
                with archive.open("a", encoding="utf-8") as file:
                    file.write(f"{answer.archive_id}\n")
            except OSError as error:
                raise DiskError(f"{archive}: {error.strerror}") from None

    def _fail(self, table: str, name: str, ids: Sequence[str], answer: Exception) -> None:
        if isinstance(answer, CollectError):
            error = answer
        elif isinstance(answer, ChildProcessError):
            error = CollectError("its process died", "", str(answer), passing=True)
        elif isinstance(answer, TimeoutError):
            error = CollectError("takes too long", "set [executor] task_minutes higher", str(answer))
        else:
            said = f"{type(answer).__name__}: {answer}"
            error = CollectError("an unexpected error", "please report it, with what `facegen doctor` says", said)
        download = self.settings.download
        again = manifest_work.fail(self.manifest, table, ids, error, download.retries, download.backoff_seconds)
        if not again:
            self._set_aside += len(ids)
            advice = f"; {error.advice}" if error.advice else ""
            self.observer.warn(f"{name}: {error.reason}{advice}")
