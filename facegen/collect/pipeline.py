"""The collection as a whole: bring the manifest up to date, do what is due, pack the corpus."""

from pathlib import Path

from facegen.collect.folder import CollectionFolder
from facegen.collect.manifest import work_queue as manifest_work
from facegen.collect.manifest.manifest import CollectionManifest
from facegen.collect.packing import PackedClips, pack_corpus
from facegen.collect.run import CollectionRun, CollectOptions
from facegen.collect.settings import CollectSettings
from facegen.collect.sources.source_list import SourceList
from facegen.collect.video.failures import DiskError
from facegen.core.errors import DataError
from facegen.core.interruption import Interruption, Stop
from facegen.core.progress import Observer


class Stopped(Exception):  # noqa: N818 (nothing went wrong)
    """The collection was stopped on request, and can go on.

    Attributes:
        signal_number: how it was asked.
        waiting: videos that are left to do.
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
) -> PackedClips:
    """Collect what a list of sources names, and pack it; called again, it goes on where it was.

    Args:
        sources: who and what.
        settings: how.
        out: folder of the corpus and of the collection.
        options: what else was asked for.
        observer: told how far it is.
        interruption: asked whether to stop.
    Returns:
        What the corpus holds now.
    Raises:
        DataError: settings have changed, somebody has not agreed, nothing could be used, or nothing can be written.
        Stopped: somebody asked; call it again to go on.
    """
    folder = CollectionFolder(out)
    options, observer = options or CollectOptions(), observer or Observer()
    interruption = interruption or Interruption()
    try:
        with folder.alone(), CollectionManifest(folder.manifest) as manifest:
            run = CollectionRun(folder, manifest, settings, options, observer, interruption)
            run.prepare(sources)
            try:
                run.work()
                with interruption.may_stop():
                    return pack_corpus(folder, manifest, settings, sources.path.name, observer)
            except Stop as stop:
                manifest_work.recover(manifest)
                waiting = manifest_work.count_videos(manifest).get("waiting", 0)
                raise Stopped(stop.signal_number, waiting) from None
    except DiskError as full:
        raise DataError(
            f"{out}: cannot be written any more ({full.detail}); what was collected before is whole; free some space, "
            f"or make it writable, and call the same command again to go on"
        ) from None
