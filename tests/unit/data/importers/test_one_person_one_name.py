"""A name in two Unicode forms is one person in every importer; older corpora are accessible by both forms."""

import hashlib
import json
from dataclasses import dataclass, field

import numpy as np
import pytest
from corpus_files import draw_face, make_speech, write_csv, write_png, write_wav
from media_files import write_riff

from facegen.collect.forget import forget_person
from facegen.core.progress import Observer
from facegen.data.corpus.header import Provenance
from facegen.data.corpus.reader import Corpus
from facegen.data.corpus.removal import remove_person
from facegen.data.corpus.writer import ClipRecord, CorpusWriter
from facegen.data.importers.export_shards import export_shards
from facegen.data.importers.import_source import join_sources, read_source
from facegen.data.importers.pack import pack, pack_pairs
from facegen.data.loading.splits import held_out_person, utterance_number

COMPOSED, DECOMPOSED = "Jos\u00e9", "Jose\u0301"


@dataclass
class Listener(Observer):
    messages: list[str] = field(default_factory=list)

    def warn(self, message: str) -> None:
        self.messages.append(message)


def people_of(folder):
    corpus = Corpus.open(folder)
    return corpus.header.identities, corpus.index.identity.tolist()


def write_files(tmp_path, names):
    rows = []
    for number, name in enumerate(names):
        write_png(tmp_path / f"{number}.png", draw_face(number))
        write_wav(tmp_path / f"{number}.wav", make_speech(number))
        rows.append({"identity": name, "face": f"{number}.png", "speech": f"{number}.wav"})
    return write_csv(tmp_path / "pairs.csv", rows)


def test_rows_of_a_table(tmp_path):
    names = [COMPOSED, DECOMPOSED, "Ada", "Ada\u200b", "\ufeffAda", "Ada\u00a0B", "Ada B", "\u200b"]
    report = pack_pairs(write_files(tmp_path, names), tmp_path / "out", image_pixels=32)
    assert people_of(tmp_path / "out") == (("Ada", "Ada B", COMPOSED), [2, 2, 0, 0, 0, 1, 1])
    assert [(reject.line, reject.reason) for reject in report.rejects] == [(9, "has no identity")]


def test_different_case_is_two_people_with_a_warning(tmp_path):
    listener = Listener()
    pack_pairs(write_files(tmp_path, ["Ada", "ada", "Ben"]), tmp_path / "out", image_pixels=32, observer=listener)
    assert people_of(tmp_path / "out")[0] == ("Ada", "Ben", "ada")
    assert listener.messages == [
        "'Ada' and 'ada' differ only in upper and lower case, and count as 2 people; use one name per person"
    ]


def test_folders_of_people(tmp_path):
    for number, name in enumerate((COMPOSED, DECOMPOSED, "Ada")):
        write_png(tmp_path / "people" / name / f"{number}.png", draw_face(number))
        write_wav(tmp_path / "people" / name / f"{number}.wav", make_speech(number))
    pack(read_source([tmp_path / "people"]), tmp_path / "out", image_pixels=32)
    names, identity = people_of(tmp_path / "out")
    assert names == ("Ada", COMPOSED) and sorted(identity) == [0, 1, 1]


def test_tar_shards_with_old_names_are_packed_under_one(tmp_path):
    write_old_corpus(tmp_path / "old", ["Ada", DECOMPOSED, COMPOSED])
    export_shards(tmp_path / "old", tmp_path / "shards")
    pack(read_source([tmp_path / "shards"]), tmp_path / "out")
    assert people_of(tmp_path / "out") == (("Ada", COMPOSED), [0, 1, 1])


def test_folders_and_table_of_voxceleb(tmp_path):
    write_wav(tmp_path / "vox" / "id1" / "v" / "1.wav", make_speech(0))
    write_png(tmp_path / "vgg" / DECOMPOSED / "1.png", draw_face(0))
    (tmp_path / "meta.csv").write_text(f"VoxCeleb1 ID,VGGFace1 ID,Gender\nid1,{COMPOSED},m\n", encoding="utf-8")
    source = join_sources(tmp_path / "vox", tmp_path / "vgg", tmp_path / "meta.csv")
    pack(source, tmp_path / "out", image_pixels=32)
    assert people_of(tmp_path / "out") == ((COMPOSED,), [0])


def test_both_forms_belong_to_one_split():
    for fold in range(7):
        assert held_out_person(DECOMPOSED, 7, fold) == held_out_person(COMPOSED, 7, fold)
    assert utterance_number(DECOMPOSED, f"{DECOMPOSED}/1.wav") == utterance_number(COMPOSED, f"{COMPOSED}/1.wav")


@pytest.mark.parametrize("name", ["Ada", "speaker-0", " spaces ", "A.J._Buckley", "tab\tname"])
def test_hashes_of_ascii_names_are_as_they_were(name):
    def number(text):
        return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") >> 1

    assert [held_out_person(name, 10, fold) for fold in range(10)].index(True) == number(name) % 10
    assert utterance_number(name, f"{name}/1.wav ") == number(f"{name}\0{name}/1.wav ")


def write_old_corpus(folder, names):
    """Write a corpus of the time before names were normalised, with one clip per name."""
    provenance = Provenance(importer="test", source="nothing", facegen="0", settings={})
    with CorpusWriter(
        folder, image_pixels=16, sample_rate_hz=16000, attribute_classes={}, provenance=provenance
    ) as writer:
        for number, name in enumerate(names):
            track = writer.add_track(make_speech(number))
            record = ClipRecord(f"#{number}", f"v{number}", f"{name}/{number}.wav", track)
            writer.add_clip(record, draw_face(number, 16)[None], [0])
        writer.finish()
    content = json.loads((folder / "corpus.json").read_text())
    content["identities"] = names
    (folder / "corpus.json").write_text(json.dumps(content))


@pytest.mark.parametrize("given_name", [COMPOSED, DECOMPOSED, f"{COMPOSED}\u200b"])
@pytest.mark.parametrize("stored", [(COMPOSED,), (DECOMPOSED,), (DECOMPOSED, COMPOSED)])
def test_forget_finds_old_corpora_by_either_form(tmp_path, given_name, stored):
    write_old_corpus(tmp_path / "out", ["Ada", *sorted(stored)])
    columns = "line,identity,reason,detail\n"
    rows = f"1,{COMPOSED},has no face,-\n2,{DECOMPOSED},has no face,-\n3,Ada,has no face,-\n"
    for name in ("rejects.csv", "warnings.csv"):
        (tmp_path / "out" / name).write_text(columns + rows, encoding="utf-8")
    forgotten = forget_person(tmp_path / "out", given_name)
    assert forgotten.is_complete and forgotten.removed == {"clips of the corpus": len(stored)}
    assert people_of(tmp_path / "out") == (("Ada",), [0])
    for name in ("rejects.csv", "warnings.csv"):
        assert (tmp_path / "out" / name).read_text(encoding="utf-8").splitlines()[1:] == ["3,Ada,has no face,-"]


def test_traces_in_the_other_form_are_found(tmp_path):
    write_old_corpus(tmp_path / "out", ["Ada", DECOMPOSED])
    (tmp_path / "out" / "notes.txt").write_text(f"about {COMPOSED}.", encoding="utf-8")
    forgotten = forget_person(tmp_path / "out", DECOMPOSED)
    assert forgotten.traces == ("notes.txt: the name",)


def test_a_person_is_removed_by_either_form(tmp_path):
    write_old_corpus(tmp_path / "out", ["Ada", DECOMPOSED])
    assert remove_person(tmp_path / "out", COMPOSED) == 1
    assert people_of(tmp_path / "out")[0] == ("Ada",)


def test_files_with_faults_are_listed_with_their_first_row(tmp_path):
    table = write_files(tmp_path, ["Ada", "Ben", "Cem"])
    samples = (make_speech(1) / 32768).astype("<f4")
    samples[100] = np.nan
    write_riff(tmp_path / "1.wav", samples)
    (tmp_path / "2.png").write_bytes(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic")
    deep = draw_face(0)[..., 0].astype(np.uint16) * 16
    write_png(tmp_path / "0.png", deep)
    report = pack_pairs(table, tmp_path / "out", image_pixels=32)
    assert report.warning_reasons == {
        "face uses only part of its value range, and is scaled by that part": 1,
        "speech has samples that are not finite, which are interpolated": 1,
    }
    assert (tmp_path / "out" / "warnings.csv").read_text(encoding="utf-8").splitlines() == [
        "line,identity,reason,detail",
        f'2,Ada,"face uses only part of its value range, and is scaled by that part",{tmp_path / "0.png"}: white is '
        "4095 instead of 65535",
        f'3,Ben,"speech has samples that are not finite, which are interpolated",{tmp_path / "1.wav"}: 1 of 1600',
    ]
    assert [(reject.identity, reject.reason) for reject in report.rejects] == [
        ("Cem", "face is HEIC, which cannot be read here")
    ]
    faces = Corpus.open(tmp_path / "out").faces(*2 * [Corpus.open(tmp_path / "out").index.identity.new_tensor([0])])
    assert np.array_equal(faces[0, ..., 0].numpy(), draw_face(0)[..., 0])
