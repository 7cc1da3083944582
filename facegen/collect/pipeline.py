"""Collection of a corpus: update the manifest, process the due videos, pack the corpus."""

from pathlib import Path

from facegen.collect.folder import CollectionFolder
from facegen.collect.manifest import work_queue
from facegen.collect.manifest.manifest import CollectionManifest
from facegen.collect.packing import PackResult, pack_corpus
from facegen.collect.run import CollectionRun, CollectOptions
from facegen.collect.settings import CollectSettings
from facegen.collect.sources.source_list import SourceList
from facegen.collect.video.failures import DiskError
from facegen.core.errors import DataError
from facegen.core.interruption import Interruption, Stop
from facegen.core.progress import Observer


class Stopped(Exception):  # noqa: N818 (nothing went wrong)
    """The collection was stopped on request, and can be continued.

    Attributes:
        signal_number: the signal that requested the stop.
        waiting: number of videos that still wait.
    """

    def __init__(self, signal_number: int, waiting: int) -> None:
        super().__init__(signal_number, waiting)
        self.signal_number, self.waiting = signal_number, waiting


def collect(
    sources: SourceList,
    settings: CollectSettings,
    out: Path,
    options: CollectOptions | None = None,
    observer: Observer | None = None,
    interruption: Interruption | None = None,
) -> PackResult:
    """Collect the videos of a list of sources, and pack the corpus; a second call continues an interrupted one.

    Args:
        sources: checked list of sources.
        settings: settings of the collection.
        out: folder of the corpus and of the collection.
        options: further options.
        observer: receives progress and warnings.
        interruption: source of requests to stop.
    Returns:
        The packed corpus.
    Raises:
        DataError: settings have changed, a required consent is missing, no video has a clip, or the folder cannot be
            written.
        Stopped: a stop was requested; call again to continue.
    """
    folder = CollectionFolder(out)
    options, observer = options or CollectOptions(), observer or Observer()
    interruption = interruption or Interruption()
    try:
        with folder.lock(), CollectionManifest(folder.manifest) as manifest:
            if not manifest.has_write_ahead_log:
                observer.warn(f"{folder.manifest}: its file system has no locks; never collect there from two machines")
            run = CollectionRun(folder, manifest, settings, options, observer, interruption)
            run.prepare(sources)
            try:
                run.work()
                with interruption.may_stop():
                    return pack_corpus(folder, manifest, settings, sources.path.name, observer)
            except Stop as stop:
                work_queue.requeue_interrupted(manifest)
                waiting = work_queue.count_videos(manifest).get("waiting", 0)
                raise Stopped(stop.signal_number, waiting) from None
    except DiskError as error:
        raise DataError(
            f"{out}: cannot be written any more ({error.detail}); the collected data is intact; free some space, or "
            f"make the folder writable, then run the same command again to continue"
        ) from None
