"""The folder of a collection: what lies where in it."""

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
    """What `collect` keeps beside the corpus.

    Attributes:
        out: the folder that the corpus goes to.
        root: below it, all that is not the corpus.
        manifest: what became of every video.
        results: a file a video, named by its id.
        downloads: videos that are in work.
        videos, frames: what --keep-videos and --keep-frames keep, a folder a video.
    """

    def __init__(self, out: Path) -> None:
        self.out = out
        self.root = out / NAME
        self.manifest = self.root / manifest.FILE_NAME
        self.results, self.downloads = self.root / "results", self.root / "downloads"
        self.videos, self.frames = self.root / "videos", self.root / "frames"

    def result(self, video: str) -> Path:
        """The result of a video."""
        return self.results / f"{video}{result_file.SUFFIX}"

    def download(self, address: str) -> Path:
        """Where an address is fetched to."""
        return self.downloads / source_id("", address, None)

    def kept_video(self, address: str) -> Path:
        """Where what was fetched from an address is kept."""
        return self.videos / source_id("", address, None)

    def kept_frames(self, video: str) -> Path:
        """Where the frames of a video are kept."""
        return self.frames / video

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Make the folders, and keep others out while this is open.

        Raises:
            DataError: somebody else is at work here, or it holds a corpus that was made otherwise.
            DiskError: it cannot be written.
        """
        self._refuse_others_corpus()
        with ExitStack() as work:
            try:
                for folder in (self.root, self.results, self.downloads):
                    folder.mkdir(parents=True, exist_ok=True)
                work.enter_context(file_lock(self.root / LOCK))
            except (FileExistsError, NotADirectoryError):
                raise DataError(f"{self.out}: is a file, or lies in one; give a folder") from None
            except BlockingIOError:
                raise DataError(
                    f"{self.out}: another `facegen collect` or `forget` is at work here; wait for it"
                ) from None
            except OSError as error:
                raise DiskError(f"{self.root}: {error.strerror}") from None
            yield

    def tidy(self) -> None:
        """Remove what somebody who was killed left half done."""
        try:
            for left in self.downloads.iterdir():
                shutil.rmtree(left)
            for partial in self.results.glob(f".*{PART}"):
                partial.unlink(missing_ok=True)
            recover(self.out)
        except OSError as error:
            if error.errno in {*DISK_ERRORS, errno.EACCES, errno.EPERM}:
                raise DiskError(f"{error.filename}: {error.strerror}") from None
            # Somebody who is being killed still writes there; whoever comes next tidies up again.
            if error.errno not in {errno.ENOENT, errno.ENOTEMPTY}:
                raise

    def _refuse_others_corpus(self) -> None:
        path = self.out / HEADER_FILE
        if path.is_file() and read_header(self.out).provenance.importer != IMPORTER:
            raise DataError(f"{self.out}: holds a corpus that was not collected; give another folder")


def size_of(folder: Path) -> int:
    """Bytes of the files below a folder, which may change meanwhile."""
    total = 0
    for path in folder.rglob("*"):
        with suppress(FileNotFoundError):
            total += path.stat().st_size if path.is_file() else 0
    return total
