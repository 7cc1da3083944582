"""Folder of a collection: its paths and its lock."""

import errno
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from facegen.collect.manifest import manifest
from facegen.collect.sources.source_list import source_id
from facegen.collect.video import result_file
from facegen.collect.video.failures import DISK_ERRORS, DiskError
from facegen.core.errors import DataError
from facegen.core.files import LOCK, PART, file_lock
from facegen.data.corpus.file_swap import recover
from facegen.data.corpus.header import HEADER_FILE, read_header

NAME = "collection"
IMPORTER = "collect"


class CollectionFolder:
    """Paths of a collection.

    Attributes:
        out: folder of the corpus.
        root: subfolder with everything but the corpus.
        manifest: SQLite file with the state of every video.
        results: folder with one result file per video, named by its id.
        downloads: folder of the videos in work.
        videos, frames: folders that --keep-videos and --keep-frames fill, with one subfolder per address or video.
    """

    def __init__(self, out: Path) -> None:
        self.out = out
        self.root = out / NAME
        self.manifest = self.root / manifest.FILE_NAME
        self.results, self.downloads = self.root / "results", self.root / "downloads"
        self.videos, self.frames = self.root / "videos", self.root / "frames"

    def result(self, video: str) -> Path:
        """Return the path of a video's result file."""
        return self.results / f"{video}{result_file.SUFFIX}"

    def download(self, address: str) -> Path:
        """Return the folder that an address is downloaded to."""
        return self.downloads / source_id("", address, None)

    def kept_video(self, address: str) -> Path:
        """Return the folder that keeps the files of an address."""
        return self.videos / source_id("", address, None)

    def kept_frames(self, video: str) -> Path:
        """Return the folder that keeps the frames of a video."""
        return self.frames / video

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Create the folders, and hold the lock of the collection.

        Raises:
            DataError: another process holds the lock, or the folder holds a corpus that was not collected.
            DiskError: the folder cannot be written.
        """
        self._refuse_foreign_corpus()
        with ExitStack() as work:
            try:
                for folder in (self.root, self.results, self.downloads):
                    folder.mkdir(parents=True, exist_ok=True)
                work.enter_context(file_lock(self.root / LOCK))
            except (FileExistsError, NotADirectoryError):
                raise DataError(f"{self.out}: is a file, or is inside one; give a folder") from None
            except BlockingIOError:
                raise DataError(
                    f"{self.out}: another `facegen collect`, `forget` or `drop` is running here; wait until it ends"
                ) from None
            except OSError as error:
                raise DiskError(f"{self.root}: {error.strerror}") from None
            yield

    def remove_leftovers(self) -> None:
        """Remove the partial files of interrupted processes."""
        try:
            for download in self.downloads.iterdir():
                shutil.rmtree(download)
            for partial in self.results.glob(f".*{PART}"):
                partial.unlink(missing_ok=True)
            recover(self.out)
        except OSError as error:
            if error.errno in {*DISK_ERRORS, errno.EACCES, errno.EPERM}:
                raise DiskError(f"{error.filename}: {error.strerror}") from None
            # A process that is being killed may still write there; the next call removes the rest.
            if error.errno not in {errno.ENOENT, errno.ENOTEMPTY}:
                raise

    def _refuse_foreign_corpus(self) -> None:
        path = self.out / HEADER_FILE
        if path.is_file() and read_header(self.out).provenance.importer != IMPORTER:
            raise DataError(f"{self.out}: holds a corpus that was not collected here; give another folder")


def size_of(folder: Path) -> int:
    """Return the total size of the files below a folder, in bytes; files may vanish meanwhile."""
    total = 0
    for path in folder.rglob("*"):
        with suppress(FileNotFoundError):
            total += path.stat().st_size if path.is_file() else 0
    return total
