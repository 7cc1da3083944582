import gc
import io
import itertools
import json
import shutil
import tarfile
import wave
from pathlib import Path

import av
import numpy as np
import pytest
import torch
from corpus_files import draw_face, make_speech
from faults import Killed, failing
from PIL import Image

from facegen.core.errors import DataError
from facegen.core.progress import Observer
from facegen.data.corpus.file_swap import STAGING
from facegen.data.corpus.header import Provenance
from facegen.data.corpus.reader import Corpus
from facegen.data.corpus.residue_scan import Fingerprints, find_traces
from facegen.data.corpus.writer import ClipRecord, CorpusWriter
from facegen.data.importers.export_shards import export_shards
from facegen.data.importers.import_source import read_source
from facegen.data.importers.pack import pack
from facegen.data.media.audio_encoding import encode_wav

FRAMES = [1, 3, 12, 1, 2]


def write_corpus(folder: Path, rate: int = 16000, speech: bool = True, extras: bool = True) -> Path:
    """Five clips of three people; two clips share a track, and one has more than ten faces."""
    provenance = Provenance(importer="test", source="nothing", facegen="0", settings={})
    with CorpusWriter(
        folder,
        image_pixels=24,
        sample_rate_hz=rate,
        attribute_classes={"sex": 2, "accent": 3},
        provenance=provenance,
        shard_bytes=20000,
    ) as writer:
        tracks = [writer.add_track(make_speech(seed, 20000 * seed + 999)) for seed in range(4)] if speech else [-1] * 4
        for clip, num_frames in enumerate(FRAMES):
            record = ClipRecord(
                ('Bö "x"', "Al", "Ana")[clip % 3],
                f"video {clip // 2}",
                f"in/{clip}.wav",
                tracks[min(clip, 3)],
                {"sex": clip % 2, "accent": 1} if clip < 3 else {},
                caption=f" clip, {clip}\nä" if extras else "",
                consent="yes" if clip == 1 else "",
                source="https://x" if clip else "",
                text=np.float32([clip, 1 / 3]) if extras else None,
                licence="CC BY" if clip == 2 else "",
                language="es" if clip == 3 else "",
            )
            faces = np.stack([draw_face(100 * clip + frame, 24) for frame in range(num_frames)])
            times = [-1 if frame % 3 == 2 or not speech else 7 * frame + 1 for frame in range(num_frames)]
            boxes = np.arange(3 * num_frames).reshape(-1, 3) + 1
            writer.add_clip(record, faces, times, boxes if clip == 2 else None)
        writer.finish()
    return folder


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    return write_corpus(tmp_path / "corpus")


def members(folder: Path) -> dict[str, bytes]:
    files = {}
    for path in sorted(folder.glob("*.tar")):
        with tarfile.open(path) as tar:
            for entry in tar:
                assert entry.name not in files
                files[entry.name] = tar.extractfile(entry).read()
    return files


def same(first: Path, second: Path) -> None:
    """Check that all columns, faces and speech are equal bit for bit."""
    one, other = Corpus.open(first), Corpus.open(second)
    other.verify(Observer())
    for name in ("identity", "utterance", "frame_offsets", "frame_time_samples", "track", "track_offsets"):
        assert torch.equal(getattr(one.index, name), getattr(other.index, name)), name
    assert one.header.identities == other.header.identities
    for name in ("text", "frame_boxes"):
        values = getattr(one.index, name), getattr(other.index, name)
        assert (values[0] is None) == (values[1] is None)
        assert values[0] is None or torch.equal(*values)
    assert torch.equal(one.index.attributes["sex"], other.index.attributes["sex"])
    rows = torch.arange(one.header.num_clips)
    strings = [{name: column.at(rows) for name, column in corpus.index.strings.items()} for corpus in (one, other)]
    assert strings[0] == strings[1]
    contents = []
    for corpus in (one, other):
        content = []
        for kind in ("faces", "speech"):
            shards = [corpus.folder / shard.file for shard in getattr(corpus.header, kind)]
            content.append(b"".join(path.read_bytes()[256:] for path in shards))
        contents.append(content)
    assert contents[0] == contents[1]


@pytest.mark.parametrize("speech", ["flac", "wav"])
@pytest.mark.parametrize("shard_bytes", [20000, 2**29])
def test_an_export_is_packed_again_bit_for_bit(corpus, tmp_path, speech, shard_bytes):
    done = export_shards(corpus, tmp_path / "shards", speech=speech, shard_bytes=shard_bytes)
    assert (done.num_clips, done.num_faces) == (5, 19)
    assert len(done.shards) == (5 if shard_bytes == 20000 else 1)
    report = pack(read_source([tmp_path / "shards"]), tmp_path / "again")
    assert list(report.rejects) == []
    assert list(report.ignored_columns) == ["attributes"]
    same(corpus, tmp_path / "again")


@pytest.mark.parametrize("rate", [4000, 11025, 44100, 70001, 96000])
def test_every_sample_rate_is_preserved(tmp_path, rate):
    write_corpus(tmp_path / "corpus", rate=rate)
    export_shards(tmp_path / "corpus", tmp_path / "shards")
    pack(read_source([tmp_path / "shards"]), tmp_path / "again")
    same(tmp_path / "corpus", tmp_path / "again")


def test_without_speech_and_columns(tmp_path):
    write_corpus(tmp_path / "corpus", speech=False, extras=False)
    export_shards(tmp_path / "corpus", tmp_path / "shards")
    pack(read_source([tmp_path / "shards"]), tmp_path / "again")
    same(tmp_path / "corpus", tmp_path / "again")
    assert all(name.endswith(("png", "json")) for name in members(tmp_path / "shards"))


def test_other_programs_can_read_an_export(corpus, tmp_path):
    export_shards(corpus, tmp_path / "shards")
    files = members(tmp_path / "shards")
    expected = ["png", "1.png", "2.png", "flac", "npy", "json"]
    assert [name for name in files if name.startswith("000000001.")] == [
        f"000000001.{extension}" for extension in expected
    ]
    assert np.array_equal(np.asarray(Image.open(io.BytesIO(files["000000001.2.png"]))), draw_face(102, 24))
    with av.open(io.BytesIO(files["000000001.flac"])) as container:
        stream = container.streams.audio[0]
        assert (stream.codec.name, stream.rate, stream.layout.name) == ("flac", 16000, "mono")
        pieces = [frame.to_ndarray()[0] for frame in container.decode(stream)]
    assert np.array_equal(np.concatenate(pieces), make_speech(1, 20999))
    assert np.array_equal(np.load(io.BytesIO(files["000000001.npy"])), np.float32([1, 1 / 3]))
    utterance = str(int(Corpus.open(corpus).index.utterance[1]))
    assert json.loads(files["000000001.json"]) == {
        "identity": "Al",
        "sex": "m",
        "name": "in/1.wav",
        "caption": " clip, 1\nä",
        "consent": "yes",
        "source": "https://x",
        "times": [1 / 16000, 8 / 16000, None],
        "attributes": {"accent": 1},
        "utterance": utterance,
        "image_pixels": 24,
        "sample_rate_hz": 16000,
    }
    metadata = json.loads(files["000000002.json"])
    assert metadata["boxes"] == (np.arange(36).reshape(-1, 3) + 1).tolist()
    assert (metadata["licence"], json.loads(files["000000003.json"])["language"]) == ("CC BY", "es")


# The library leaves its files open until they are garbage-collected.
@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_the_webdataset_library_reads_it(corpus, tmp_path):
    webdataset = pytest.importorskip("webdataset", reason="the package webdataset is not installed")
    export_shards(corpus, tmp_path / "shards", shard_bytes=20000)
    urls = [str(path) for path in sorted((tmp_path / "shards").glob("*.tar"))]
    samples = list(webdataset.WebDataset(urls, shardshuffle=False).decode("rgb8"))
    assert [sample["__key__"] for sample in samples] == [f"{clip:09d}" for clip in range(5)]
    for clip, sample in enumerate(samples):
        assert np.array_equal(sample["png"], draw_face(100 * clip, 24))
        assert sample["json"]["name"] == f"in/{clip}.wav"
        assert np.array_equal(sample["npy"], np.float32([clip, 1 / 3]))
        assert sample["flac"].startswith(b"fLaC")
    assert np.array_equal(samples[1]["2.png"], draw_face(102, 24))
    gc.collect()


def test_the_same_corpus_gives_the_same_bytes(corpus, tmp_path, monkeypatch):
    first = export_shards(corpus, tmp_path / "a", shard_bytes=50000)
    monkeypatch.setattr("os.cpu_count", lambda: 7)
    monkeypatch.setattr("time.time", lambda: 0.0)
    second = export_shards(shutil.copytree(corpus, tmp_path / "moved"), tmp_path / "b", shard_bytes=50000)
    assert first.shards == second.shards
    assert (tmp_path / "a" / "shards.json").read_bytes() == (tmp_path / "b" / "shards.json").read_bytes()
    for shard in first.shards:
        assert (tmp_path / "a" / shard.file).stat().st_size == shard.num_bytes


@pytest.mark.parametrize("shard_bytes", [40000, 60000, 100000])
def test_no_shard_exceeds_its_size_limit(corpus, tmp_path, shard_bytes):
    export_shards(corpus, tmp_path / "all", speech="wav")
    single = max(len(content) for content in members(tmp_path / "all").values())
    done = export_shards(corpus, tmp_path / "a", speech="wav", shard_bytes=shard_bytes)
    assert all(shard.num_bytes <= shard_bytes or shard.num_clips == 1 for shard in done.shards)
    assert sum(shard.num_clips for shard in done.shards) == 5
    assert single > 100000
    assert members(tmp_path / "a") == members(tmp_path / "all")


class TestFaults:
    def test_an_export_is_not_replaced_without_overwrite(self, corpus, tmp_path):
        export_shards(corpus, tmp_path / "a", shard_bytes=20000)
        (tmp_path / "a" / "mine.txt").touch()
        with pytest.raises(DataError, match="holds tar shards already; give another folder, or --overwrite"):
            export_shards(corpus, tmp_path / "a")
        export_shards(corpus, tmp_path / "a", overwrite=True)
        assert {path.name for path in (tmp_path / "a").iterdir()} == {"shard-00000.tar", "shards.json", "mine.txt"}

    def test_a_full_disk(self, corpus, tmp_path, monkeypatch):
        calls = itertools.count()

        def full(self, *args):
            if next(calls) == 2:
                raise OSError(28, "No space left on device")
            return write(self, *args)

        write = tarfile.TarFile.addfile
        monkeypatch.setattr(tarfile.TarFile, "addfile", full)
        with pytest.raises(DataError, match=r"cannot be written \(No space left on device\); free disk space"):
            export_shards(corpus, tmp_path / "a")
        assert not (tmp_path / "a").exists()

    def test_a_missing_shard_is_reported(self, corpus, tmp_path):
        export_shards(corpus, tmp_path / "a", shard_bytes=20000)
        (tmp_path / "a" / "shard-00001.tar").unlink()
        cut = tmp_path / "a" / "shard-00002.tar"
        cut.write_bytes(cut.read_bytes()[:-512])
        with pytest.raises(DataError) as raised:
            read_source([tmp_path / "a"])
        first, second = raised.value.problems
        assert first.endswith(
            "shard-00001.tar: is missing; copy it again, or delete shards.json to pack the existing shards"
        )
        assert "bytes instead of" in second
        (tmp_path / "a" / "shards.json").write_text("{")
        with pytest.raises(DataError, match=r"shards\.json: is damaged"):
            read_source([tmp_path / "a"])
        (tmp_path / "a" / "shards.json").unlink()
        assert len(read_source([tmp_path / "a"]).requests.clips) >= 3

    def test_a_killed_export_is_recognised(self, corpus, tmp_path, no_syncing):
        """When killed at any moment, an incomplete export is recognised as such; the next call completes it."""
        refused = 0
        for last in itertools.count():
            folder = tmp_path / str(last)
            with failing(last, Killed()):
                try:
                    export_shards(corpus, folder, shard_bytes=20000)
                    break
                except Killed:
                    pass
            if (folder / "shards.json").exists():
                assert len(read_source([folder]).requests.clips) == 5
                with pytest.raises(DataError, match="holds tar shards already; give another folder"):
                    export_shards(corpus, folder, shard_bytes=20000)
            elif (folder / STAGING).exists():
                refused += 1
                with pytest.raises(DataError, match="an export is writing here, or was interrupted"):
                    read_source([folder])
                export_shards(corpus, folder, shard_bytes=20000)
            else:
                export_shards(corpus, folder, shard_bytes=20000)
            assert len(read_source([folder]).requests.clips) == 5
            assert not (folder / STAGING).exists()
        assert refused > 10

    def test_of_an_export_that_was_being_replaced_only_the_listed_shards_are_read(self, corpus, tmp_path):
        export_shards(corpus, tmp_path / "a", shard_bytes=20000)
        shutil.copy(tmp_path / "a" / "shard-00000.tar", tmp_path / "a" / "shard-50000.tar")
        assert len(read_source([tmp_path / "a"]).requests.clips) == 5

    def test_foreign_tar_files_are_not_replaced_without_overwrite(self, corpus, tmp_path):
        (tmp_path / "a").mkdir()
        (tmp_path / "a" / "shard-00000.tar").write_bytes(b"of others")
        with pytest.raises(DataError, match="holds tar shards already"):
            export_shards(corpus, tmp_path / "a")
        assert (tmp_path / "a" / "shard-00000.tar").read_bytes() == b"of others"


def test_traces_are_found_in_exports(corpus, tmp_path):
    export_shards(corpus, tmp_path / "shards")
    assert find_traces(tmp_path / "shards", Fingerprints("Ana")) == ["shard-00000.tar: the name"]


def test_wav_by_the_standard_library():
    with wave.open(io.BytesIO(encode_wav(make_speech(3, 4321), 22050))) as file:
        assert (file.getframerate(), file.getnchannels(), file.getsampwidth()) == (22050, 1, 2)
        assert file.readframes(9999) == make_speech(3, 4321).tobytes()
