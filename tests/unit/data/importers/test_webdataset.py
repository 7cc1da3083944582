import io
import json
import tarfile
from pathlib import Path

import numpy as np
import pytest
import torch
from corpus_files import draw_face, make_speech, write_png, write_wav

from facegen.core.errors import DataError
from facegen.data.corpus.reader import Corpus
from facegen.data.importers import archive, webdataset
from facegen.data.importers.archive import DamagedArchiveError, Member, UnusableMember, list_members
from facegen.data.importers.import_source import read_source
from facegen.data.importers.pack import pack
from facegen.data.importers.webdataset import read_shards
from facegen.data.loading.splits import utterance_number


def write_tar(path: Path, members: dict[str, bytes | tarfile.TarInfo], tar_format: int = tarfile.USTAR_FORMAT) -> Path:
    """Write members by name; a TarInfo is written unchanged, without content."""
    with tarfile.open(path, "w", format=tar_format) as tar:
        for name, content in members.items():
            if isinstance(content, tarfile.TarInfo):
                tar.fileobj.write(content.tobuf(tar_format))
                continue
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))
    return path


@pytest.fixture
def files(tmp_path):
    """Encode an image, audio and a vector from a seed."""

    def make(kind: str, seed: int = 0) -> bytes:
        if kind == "png":
            return write_png(tmp_path / "made.png", draw_face(seed)).read_bytes()
        if kind == "wav":
            return write_wav(tmp_path / "made.wav", make_speech(seed, 1600 + seed)).read_bytes()
        np.save(tmp_path / "made.npy", np.arange(4, dtype=np.float32) + seed)
        return (tmp_path / "made.npy").read_bytes()

    return make


def sample(files, key: str, seed: int, **values: object) -> dict[str, bytes]:
    described = json.dumps({"identity": f"P{seed % 2}", **values}).encode()
    return {f"{key}.png": files("png", seed), f"{key}.wav": files("wav", seed), f"{key}.json": described}


def test_samples_become_clips(files, tmp_path):
    first = {**sample(files, "a/1", 0, sex="f", caption="ä", consent="yes", source="here", video="v", time=0.05)}
    first["a/1.npy"] = files("npy", 0)
    second = {**sample(files, "a/2", 1, caption=" b", times=[None, 0.1], note="x")}
    second |= {"a/2.1.png": files("png", 5), "a/2.npy": files("npy", 1), "a/2.cls": b"7"}
    (tmp_path / "in").mkdir()
    write_tar(tmp_path / "in" / "b.tar", second)
    write_tar(tmp_path / "in" / "a.tar", first)
    report = pack(read_source([tmp_path / "in"]), tmp_path / "out", image_pixels=32)
    corpus = Corpus.open(tmp_path / "out")
    index = corpus.index
    assert (report.num_rows, list(report.rejects), list(report.duplicates)) == (3, [], [])
    assert list(report.ignored_columns) == ["note", ".cls"]
    assert corpus.header.identities == ("P0", "P1")
    assert index.frame_offsets.tolist() == [0, 1, 3]
    assert index.frame_time_samples.tolist() == [800, -1, 1600]
    assert index.attributes["sex"].tolist() == [0, -1]
    assert {name: column.at(torch.arange(2)) for name, column in index.strings.items()} == {
        "name": ["a/1", "a/2"],
        "caption": ["ä", " b"],
        "consent": ["yes", ""],
        "source": ["here", ""],
    }
    assert index.utterance.tolist() == [utterance_number("P0", "v"), utterance_number("P1", "a/2")]
    assert index.text is not None
    assert index.text.tolist() == [[0, 1, 2, 3], [1, 2, 3, 4]]
    faces = corpus.faces(torch.tensor([0, 1, 1]), torch.tensor([0, 0, 1])).numpy()
    assert np.array_equal(faces, np.stack([draw_face(0), draw_face(1), draw_face(5)]))
    for clip in range(2):
        speech = corpus.speech(torch.tensor([clip]), torch.tensor([0]), 1600 + clip)[0].numpy()
        assert np.array_equal(speech, make_speech(clip, 1600 + clip))


def test_one_shard_several_shards_and_the_same_key_in_two(files, tmp_path):
    shards = [write_tar(tmp_path / f"{n}.tar", sample(files, "0", n)) for n in range(2)]
    assert len(read_source([shards[0]]).requests.clips) == 1
    assert [clip.identity for clip in read_source(shards).requests.clips] == ["P0", "P1"]
    assert read_source(shards).importer == "webdataset"
    odd = shards[1].rename(tmp_path / "without_ending")
    assert read_source([odd]).importer == "webdataset"
    (tmp_path / "pairs.csv").touch()
    with pytest.raises(DataError, match=r"pairs.csv: is not a tar shard; several paths must all be tar shards"):
        read_source([shards[0], tmp_path / "pairs.csv"])


BAD_SAMPLES: dict[str, tuple[dict[str, object], str]] = {
    "no json": ({}, "has no identity"),
    "no json object": ({"json": b"[1]"}, "has a JSON file that is not an object"),
    "broken json": ({"json": b"{"}, "has a JSON file that cannot be read"),
    "nested json": ({"json": b"[" * 100_000}, "has a JSON file that cannot be read"),
    "no text": ({"json": b"\xff\xfe\x00"}, "has a JSON file that cannot be read"),
    "no identity": ({"json": b'{"identity": ""}'}, "has no identity"),
    "odd identity": ({"json": b'{"identity": ["a"]}'}, "has an unusable identity"),
    "control": ({"json": b'{"identity": "a\\nb"}'}, "has an unusable identity"),
    "sex": ({"json": b'{"identity": "a", "sex": "x"}'}, "has an unknown sex"),
    "time": ({"json": b'{"identity": "a", "time": -1}'}, "has an unusable time"),
    "no number": ({"json": b'{"identity": "a", "time": true}'}, "has an unusable time"),
    "nan": ({"json": b'{"identity": "a", "times": [NaN]}'}, "has an unusable time"),
    "times": ({"json": b'{"identity": "a", "times": [1, 2]}'}, "has an unusable time"),
    "late": ({"json": b'{"identity": "a", "time": 99}'}, "has a time after the end of its speech"),
    "two sounds": ({"json": b'{"identity": "a"}', "flac": b"x"}, "has two files of one kind"),
    "no face": ({"json": b'{"identity": "a"}', "png": None}, "has no face"),
    "no speech": ({"json": b'{"identity": "a"}', "wav": None}, "has no speech, which other rows have"),
    "bad face": ({"json": b'{"identity": "a"}', "png": b"GIF89a, or not"}, "face is not an image"),
    "empty face": ({"json": b'{"identity": "a"}', "png": b""}, "face is empty"),
    "bad speech": ({"json": b'{"identity": "a"}', "wav": b"RIFF"}, "speech cannot be decoded"),
}


@pytest.mark.parametrize("name", BAD_SAMPLES)
def test_a_bad_sample_is_rejected_with_its_reason(files, tmp_path, name):
    changes, reason = BAD_SAMPLES[name]
    bad = {"png": files("png", 7), "wav": files("wav", 7), **changes}
    bad_files = {f"bad.{kind}": content for kind, content in bad.items() if content is not None}
    members = {**sample(files, "good", 0), **bad_files}
    shard = write_tar(tmp_path / "a.tar", members)
    report = pack(read_source([shard]), tmp_path / "out", image_pixels=32)
    assert report.header.num_clips == 1
    assert report.reasons == {reason: 1}
    assert report.num_rows == 2
    assert "bad" in report.rejects[0].detail or "Infinity" in report.rejects[0].detail or reason.startswith("has no id")


@pytest.mark.parametrize(
    "content",
    [
        b"no numpy file",
        b"\x93NUMPY\x01\x00" + b"\xff\xff" + b"{" * 99,
        b"\x93NUMPY\x01\x00\x76\x00"
        + b"{'descr': '<f4', 'fortran_order': False, 'shape': (1099511627776,), }".ljust(118),
        b"\x93NUMPY\x09\x00",
    ],
)
def test_a_file_that_is_no_vector_is_rejected(files, tmp_path, content):
    good = {**sample(files, "good", 0), "good.npy": files("npy")}
    shard = write_tar(tmp_path / "a.tar", {**good, **sample(files, "bad", 1), "bad.npy": content})
    report = pack(read_source([shard]), tmp_path / "out", image_pixels=32)
    assert report.reasons == {"embedding is not a .npy file": 1}


def test_a_vector_of_objects_is_never_unpickled(files, tmp_path):
    np.save(tmp_path / "o.npy", np.array([print], dtype=object), allow_pickle=True)
    shard = write_tar(tmp_path / "a.tar", {**sample(files, "bad", 1), "bad.npy": (tmp_path / "o.npy").read_bytes()})
    with pytest.raises(DataError, match=r"1 embedding is not a \.npy file"):
        pack(read_source([shard]), tmp_path / "out", image_pixels=32)


def entry(name: str, kind: bytes, target: str = "", size: int = 0) -> tarfile.TarInfo:
    made = tarfile.TarInfo(name)
    made.type, made.linkname, made.size = kind, target, size
    return made


class TestHostileArchives:
    @pytest.mark.parametrize("name", ["../../x.png", "/etc/x.png", "a/../../x.png", "a\\..\\x.png", "a\nb.png", ".."])
    def test_unsafe_names(self, files, tmp_path, name):
        shard = write_tar(tmp_path / "a.tar", {name: files("png"), **sample(files, "good", 0)})
        report = pack(read_source([shard]), tmp_path / "deep" / "er" / "out", image_pixels=32)
        assert report.reasons == {"has an unsafe name in its archive": 1}
        assert report.header.num_clips == 1
        assert not list(tmp_path.rglob("x.png"))
        assert "is absolute, contains '..' or '\\', or is not printable" in report.rejects[0].detail
        assert report.rejects[0].detail.isprintable()

    @pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE])
    def test_links_and_devices(self, files, tmp_path, kind):
        members = {"bad": entry("bad.png", kind, "/etc/passwd"), **sample(files, "good", 0)}
        report = pack(read_source([write_tar(tmp_path / "a.tar", members)]), tmp_path / "out", image_pixels=32)
        assert report.reasons == {"is not a regular file in its archive": 1}

    def test_folders_are_ignored(self, files, tmp_path):
        members = {"d": entry("d", tarfile.DIRTYPE), **sample(files, "d/good", 0)}
        assert not read_shards([write_tar(tmp_path / "a.tar", members)]).rejects

    def test_a_member_larger_than_its_archive(self, files, tmp_path):
        members = {**sample(files, "good", 0), "bad": entry("bad.png", tarfile.REGTYPE, size=2**40)}
        shard = write_tar(tmp_path / "a.tar", members, tarfile.GNU_FORMAT)
        requests = read_shards([shard])
        assert [reject.reason for reject in requests.rejects] == ["is damaged, or is not a tar archive"]
        assert "'bad.png' claims 1099511627776 bytes, more than the archive has left" in requests.rejects[0].detail
        assert len(requests.clips) == 1

    def test_a_member_that_is_too_large_is_not_read(self, files, tmp_path, monkeypatch):
        monkeypatch.setitem(webdataset.MAX_BYTES, "json", 100)
        members = {**sample(files, "good", 0), **sample(files, "bad", 1, caption="x" * 100)}
        requests = read_shards([write_tar(tmp_path / "a.tar", members)])
        assert [reject.reason for reject in requests.rejects] == ["has a member that is too large", "has no identity"]

    def test_a_header_with_a_huge_name(self, files, tmp_path):
        shard = tmp_path / "a.tar"
        good = write_tar(tmp_path / "good.tar", sample(files, "good", 0)).read_bytes()
        giant = entry("././@LongLink", tarfile.GNUTYPE_LONGNAME, size=2**34).tobuf(tarfile.GNU_FORMAT)
        shard.write_bytes(good[: good.rindex(b"}") // 512 * 512 + 512] + giant + bytes(10240))
        requests = read_shards([shard])
        assert [reject.reason for reject in requests.rejects] == ["is damaged, or is not a tar archive"]
        assert "a header claims" in requests.rejects[0].detail
        assert len(requests.clips) == 1

    def test_headers_that_form_a_loop(self, tmp_path, monkeypatch):
        shard = write_tar(tmp_path / "a.tar", {"a.png": b"x"})

        def back(tar: tarfile.TarFile) -> tarfile.TarInfo:
            tar.fileobj.seek(0)
            return tarfile.TarInfo.frombuf(tar.fileobj.read(512), "utf-8", "strict")

        monkeypatch.setattr(tarfile.TarFile, "next", back)
        with pytest.raises(DamagedArchiveError, match="form a loop"):
            for _ in list_members(shard):
                pass

    @pytest.mark.parametrize("content", [b"", b"text" * 999, bytes(9999), b"\x1f\x8b" + bytes(2000)])
    def test_a_file_that_is_no_archive(self, files, tmp_path, content):
        (tmp_path / "bad.tar").write_bytes(content)
        good = write_tar(tmp_path / "good.tar", sample(files, "good", 0))
        requests = read_shards([tmp_path / "bad.tar", good])
        assert len(requests.clips) == 1
        assert [reject.reason for reject in requests.rejects] in ([], ["is damaged, or is not a tar archive"])
        with pytest.raises(DataError, match=r"has no rows|is damaged, or is not a tar archive"):
            pack(read_source([tmp_path / "bad.tar"]), tmp_path / "out")

    def test_a_truncated_archive(self, files, tmp_path):
        shard = write_tar(tmp_path / "a.tar", {**sample(files, "good", 0), **sample(files, "more", 1)})
        whole = shard.read_bytes()
        for length in range(0, len(whole), 700):
            shard.write_bytes(whole[:length])
            requests = read_shards([shard])
            assert len(requests.clips) <= 2
            assert requests.num_rows == len(requests.clips) + len(requests.rejects)

    def test_any_damage_is_survived(self, files, tmp_path):
        """Three hundred archives with randomly changed bytes give rejects or clips, never an exception."""
        members = {**sample(files, "good", 0), **sample(files, "more", 1)}
        whole = write_tar(tmp_path / "a.tar", members, tarfile.PAX_FORMAT).read_bytes()
        headers = [place for place in range(0, len(whole), 512) if whole[place + 257 : place + 262] == b"ustar"]
        random = np.random.default_rng(0)
        for _ in range(300):
            damaged = bytearray(whole)
            for _ in range(random.integers(1, 6)):
                damaged[random.choice(headers) + random.integers(0, 512)] = random.integers(0, 256)
            (tmp_path / "b.tar").write_bytes(damaged)
            requests = read_shards([tmp_path / "b.tar"])
            assert requests.num_rows == len(requests.clips) + len(requests.rejects)


class TestMemberFile:
    def test_reads_as_the_file_would(self, tmp_path):
        content = bytes(range(256)) * 8
        shard = write_tar(tmp_path / "a.tar", {"x.bin": b"before", "y.bin": content, "z.bin": b"after"})
        member = next(m for m in list_members(shard) if isinstance(m, Member) and m.name == "y.bin")
        assert (str(member), member.size) == (f"{shard}: y.bin", 2048)
        with member.open() as file:
            assert file.read() == content
            assert file.seek(-10, 2) == 2038
            assert file.read(99) == content[-10:]
            assert file.seek(300) == 300
            assert file.seek(5, 1) == 305
            assert (file.read(3), file.tell()) == (content[305:308], 308)
            assert file.seek(5000) == 5000
            assert file.read() == b""
            with pytest.raises(ValueError, match="before the beginning"):
                file.seek(-1)

    def test_what_it_lists(self, tmp_path):
        shard = write_tar(tmp_path / "a.tar", {"l": entry("l", tarfile.SYMTYPE, "x"), "a": b"1"})
        assert [type(member) for member in list_members(shard)] == [UnusableMember, Member]
        assert archive.MAX_HEADER_BYTES == 2**20
