"""Review of a corpus with planted mistakes: the list, the page, and the corpus without them."""

import base64
import csv
import hashlib
import html
import json
import re
import unicodedata

import numpy as np
import pytest
import torch
from corpus_files import make_speech

from facegen.collect.review.drop import drop_marked, restore_dropped
from facegen.collect.review.hog_pitch import HOG_PITCH, HogPitch
from facegen.collect.review.page import to_html, write_page
from facegen.collect.review.review import review
from facegen.collect.review.review_list import COLUMNS, face_digest, read_marked_faces, review_table, write_list
from facegen.core.errors import DataError
from facegen.core.interfaces import Recogniser
from facegen.data.corpus.header import Provenance
from facegen.data.corpus.reader import Corpus
from facegen.data.corpus.writer import ClipRecord, CorpusWriter

PEOPLE = ["<b>Ana</b>", 'Bö, "the" second', "Çem"]
CLIPS, FACES = 6, 2
STRANGER, EXCHANGED, FACELESS, REPEATED = (3, 1), (8, 0), (13, 0), (17, 1)
"""(clip, face) of the planted mistakes."""
LIST = [STRANGER, EXCHANGED, FACELESS, REPEATED]


class Colours(Recogniser):
    """Recogniser by the mean colour of an image; a black image has no face."""

    embeds = frozenset({"faces"})

    def __init__(self) -> None:
        self.num_embedded = 0

    def fingerprint(self) -> str:
        return "colours"

    def embed_faces(self, faces: torch.Tensor) -> torch.Tensor:
        self.num_embedded += len(faces)
        mean = faces.float().mean(dim=(1, 2))
        return torch.where(mean.sum(dim=1, keepdim=True) > 9, mean - 128, torch.nan)


class Ages(Colours):
    """Recogniser whose columns are quantities."""

    readings = ("age", "male")


def paint(colour: tuple[int, int, int], seed: int) -> np.ndarray:
    noise = np.random.default_rng(seed).integers(-24, 25, (16, 16, 3)) + np.random.default_rng(seed).integers(-6, 7, 3)
    return np.clip(np.array(colour) + noise, 0, 255).astype(np.uint8)


@pytest.fixture
def folder(tmp_path):
    """Corpus of three people with six clips of two faces each; each clip is a video."""
    colours = [(220, 60, 60), (60, 220, 60), (60, 60, 220)]
    provenance = Provenance(importer="test", source="nothing", facegen="0", settings={})
    with CorpusWriter(
        tmp_path / "corpus",
        image_pixels=16,
        sample_rate_hz=16000,
        attribute_classes={},
        provenance=provenance,
        shard_bytes=5000,
    ) as writer:
        for clip in range(len(PEOPLE) * CLIPS):
            person = clip // CLIPS
            faces = [paint(colours[person], FACES * clip + face) for face in range(FACES)]
            for place, face in ((STRANGER, paint((230, 230, 40), 99)), (EXCHANGED, paint(colours[2], 98))):
                if place[0] == clip:
                    faces[place[1]] = face
            if FACELESS[0] == clip:
                faces[FACELESS[1]] = np.zeros((16, 16, 3), np.uint8)
            if REPEATED[0] == clip:
                faces[REPEATED[1]] = paint(colours[2], FACES * 12)  # the first one of clip 12
            track = writer.add_track(make_speech(clip, 1600))
            record = ClipRecord(
                PEOPLE[person], f"v{clip}", f"talk {clip} at 2 s", track, source="https://example.org/<i>"
            )
            writer.add_clip(record, np.stack(faces), [100, 900])
        writer.finish()
    return tmp_path / "corpus"


def review_colours(folder, **options):
    return review(Corpus.open(folder), {"colours": Colours()}, **options)


def places(reviewed) -> set[tuple[int, int]]:
    return {
        (int(reviewed.rows.clip[finding.row]), int(reviewed.rows.frame[finding.row])) for finding in reviewed.findings
    }


def read_rows(path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def mark(path, chosen, out) -> None:
    rows = read_rows(path)
    with out.open("w", newline="", encoding="utf-8") as file:
        table = csv.DictWriter(file, COLUMNS)
        table.writeheader()
        for row in rows:
            table.writerow({**row, "drop": "yes" if (int(row["clip"]), int(row["face"])) in chosen else ""})


def all_faces(folder) -> list:
    """Read (person, utterance, pixels, time, speech) of every face."""
    corpus = Corpus.open(folder)
    index, rows = corpus.index, []
    for clip in range(corpus.header.num_clips):
        for face in range(int(index.frame_offsets.diff()[clip])):
            picture = corpus.faces(torch.tensor([clip]), torch.tensor([face])).numpy().tobytes()
            speech = corpus.speech(torch.tensor([clip]), torch.tensor([0]), 1600).numpy().tobytes()
            moment = int(index.frame_time_samples[index.frame_offsets[clip] + face])
            rows.append((corpus.header.identities[int(index.identity[clip])], int(index.utterance[clip]), picture,
                         moment, speech))  # fmt: skip
    return rows


def test_exactly_the_planted_mistakes_are_listed(folder):
    reviewed = review_colours(folder)
    assert places(reviewed) == set(LIST)
    by_place = {
        (int(reviewed.rows.clip[finding.row]), int(reviewed.rows.frame[finding.row])): finding
        for finding in reviewed.findings
    }
    assert by_place[EXCHANGED].like == 2 and "looks more like Çem (colours)" in by_place[EXCHANGED].why
    assert by_place[STRANGER].like is None or by_place[STRANGER].like != 0
    assert any(why.startswith("face far from the rest: ") for why in by_place[STRANGER].why)
    assert by_place[FACELESS].why == ("no face is detected (colours)",)
    assert by_place[REPEATED].why == ("same picture as clip 12, face 0, of Çem",)
    assert reviewed.findings[-1] == by_place[REPEATED], "duplicates come last"
    scores = [finding.score for finding in reviewed.findings]
    assert scores == sorted(scores, reverse=True) and scores[-1] == 0
    assert reviewed.counts() == {0: (12, 1, 0), 1: (12, 1, 0), 2: (12, 1, 1)} and reviewed.unjudged == 0
    assert reviewed.method == "faces by colours features, listed above z = 3.5"


def test_a_higher_threshold_lists_less(folder):
    assert places(review_colours(folder, threshold=1e5)) <= {FACELESS, REPEATED}


def test_hog_pitch_compares_faces_and_voices(folder):
    reviewed = review(Corpus.open(folder), {HOG_PITCH: HogPitch()})
    scored = [(features.name, features.modality) for features in reviewed.feature_reviews]
    assert scored == [("hog_pitch", "face"), ("hog_pitch", "voice")]
    assert "hog_pitch features are weak" in reviewed.method


def test_features_are_cached(folder, tmp_path):
    first, again = Colours(), Colours()
    one = review(Corpus.open(folder), {"colours": first}, cache=tmp_path / "kept")
    other = review(Corpus.open(folder), {"colours": again}, cache=tmp_path / "kept")
    assert (first.num_embedded, again.num_embedded) == (36, 0)
    assert one.findings == other.findings


def test_speech_of_two_people(folder, tmp_path):
    provenance = Provenance(importer="test", source="nothing", facegen="0", settings={})
    with CorpusWriter(
        tmp_path / "other", image_pixels=16, sample_rate_hz=16000, attribute_classes={}, provenance=provenance
    ) as writer:
        tracks = [writer.add_track(make_speech(number, 1600)) for number in (1, 2, 1)]
        for clip, (who, track) in enumerate([("a", 0), ("a", 0), ("b", 0), ("b", 1), ("b", 2)]):
            record = ClipRecord(who, f"v{clip}", "", tracks[track])
            writer.add_clip(record, paint((9 * clip, 90, 90), clip)[None], [-1])
        writer.finish()
    reviewed = review_colours(tmp_path / "other")
    reasons = {finding.row: finding.why for finding in reviewed.findings}
    assert reasons == {
        2: ("same speech as clip 0, face 0, of a",),
        4: ("same speech as clip 0, face 0, of a",),
    }, "clips of one person that share a track are one recording"
    assert reviewed.unjudged == 2, "people with two faces are not compared"


def test_the_page_is_complete_and_escaped(folder, tmp_path):
    reviewed = review_colours(folder)
    write_page(reviewed, tmp_path / "page" / "review.html")
    page = (tmp_path / "page" / "review.html").read_text(encoding="utf-8")
    assert page == to_html(reviewed)
    assert "<b>Ana</b>" not in page.replace(html.escape("<b>Ana</b>"), "") and html.escape("<b>Ana</b>") in page
    assert "<i>" not in page
    assert not re.findall(r'(?:src|href)="(?!data:)', page), "nothing from outside"
    table = json.loads(re.search(r'<script type="application/json" id="table">(.*?)</script>', page)[1])
    assert table == [list(COLUMNS), *review_table(reviewed)]
    assert re.findall(r'<input type="checkbox" value="(\d+)">', page) == ["0", "1", "2", "3"]
    script = re.search(r"<script>(.*?)</script>", page, re.DOTALL)[1]
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}'" in page, "a browser runs the script of this hash alone"
    by_person = page.split("<section>")[1:]
    assert len(by_person) == 3 and all('img class="typical"' in section for section in by_person)


def test_the_list_identifies_each_face(folder, tmp_path):
    reviewed = review_colours(folder)
    write_list(reviewed, tmp_path / "review.csv")
    rows = read_rows(tmp_path / "review.csv")
    assert [tuple(row) for row in rows] == [COLUMNS] * 4 and {row["drop"] for row in rows} == {""}
    row = next(row for row in rows if (int(row["clip"]), int(row["face"])) == EXCHANGED)
    assert (row["person"], row["looks_like"], row["source"]) == (PEOPLE[1], "Çem", "talk 8 at 2 s")
    assert row["seconds"] == f"{100 / 16000:.2f}" and row["digest"] == face_digest(Corpus.open(folder), *EXCHANGED)
    assert read_marked_faces(tmp_path / "review.csv") == []


def test_a_list_that_a_spreadsheet_wrote(tmp_path):
    path, text = tmp_path / "review.csv", "drop,person,clip,face,digest\nyes,Çem,3,1,ab\n"
    path.write_bytes(text.encode("utf-8-sig"))
    assert [(face.person, face.clip, face.face) for face in read_marked_faces(path)] == [("Çem", 3, 1)]
    path.write_bytes(text.encode("utf-16"))
    with pytest.raises(DataError, match="is encoded in UTF-16; save it in UTF-8"):
        read_marked_faces(path)


@pytest.mark.parametrize("chosen", [[EXCHANGED], LIST, [(0, 0), (0, 1)], [(n // 2, n % 2) for n in range(12)]])
def test_remaining_data_is_unchanged(folder, tmp_path, chosen):
    before = all_faces(folder)
    corpus = Corpus.open(folder)
    rows = [{"drop": "yes", "person": PEOPLE[c // CLIPS], "clip": c, "face": f, "digest": face_digest(corpus, c, f)}
            for c, f in chosen]  # fmt: skip
    with (tmp_path / "marked.csv").open("w", newline="", encoding="utf-8") as file:
        table = csv.DictWriter(file, ["drop", "person", "clip", "face", "digest"])
        table.writeheader()
        table.writerows(rows)
    dropped = drop_marked(folder, tmp_path / "marked.csv", tmp_path / "left")
    numbers = {2 * clip + face for clip, face in chosen}
    expected = [row for number, row in enumerate(before) if number not in numbers]
    assert all_faces(tmp_path / "left") == expected and dropped.same
    assert all_faces(folder) == before, "with --out, the corpus stays"
    assert (dropped.faces, dropped.left_faces) == (len(chosen), 36 - len(chosen)) and not dropped.can_be_restored
    dropped_clips = {clip for clip, _ in chosen if {(clip, 0), (clip, 1)} <= set(chosen)}
    assert (dropped.clips, dropped.people) == (len(dropped_clips), int(len(dropped_clips) == 6))
    Corpus.open(tmp_path / "left").verify()
    assert Corpus.open(tmp_path / "left").header.num_tracks == 18 - len(dropped_clips)
    in_place = drop_marked(folder, tmp_path / "marked.csv")
    assert in_place.same and all_faces(folder) == expected


def test_a_list_of_another_state_is_refused(folder, tmp_path):
    write_list(review_colours(folder), tmp_path / "review.csv")
    mark(tmp_path / "review.csv", LIST, tmp_path / "marked.csv")
    drop_marked(folder, tmp_path / "marked.csv")
    assert places(review_colours(folder)) == set()
    before = all_faces(folder)
    with pytest.raises(DataError) as raised:
        drop_marked(folder, tmp_path / "marked.csv")
    assert "run `facegen inspect --review` again" in raised.value.problems[-1]
    assert all_faces(folder) == before


@pytest.mark.parametrize(("text", "message"), [
    ("a,b\n1,2\n", "has no column drop, person, clip, face, digest"),
    ("drop,person,clip,face,digest\nmaybe,x,0,0,0\n", "line 2: drop = 'maybe': must be yes, or empty"),
    ("drop,person,clip,face,digest\nyes,x,one,0,0\n", "line 2: clip and face must be whole numbers"),
    ("drop,person,clip,face,digest\nyes\n", "line 2: clip and face must be whole numbers"),
    ("drop,person,clip,face,digest\n,x,0,0,0\n", "no row has yes in the column drop"),
    ("drop,person,clip,face,digest\nyes,Çem,-1,0,0\n", "clip -1, face 0, of 'Çem' is not the face that was listed"),
    ("drop,person,clip,face,digest\nyes,Çem,99,0,0\n", "clip 99, face 0"),
    ("drop,person,clip,face,digest\nyes,Çem,0,7,0\n", "clip 0, face 7"),
    (b"\xff\xfe\x00", "is encoded in UTF-16; save it in UTF-8"),
    (b"\xff\xfd\x80", "is not a CSV table"),
])  # fmt: skip
def test_faults_of_a_list(folder, tmp_path, text, message):
    path = tmp_path / "list.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(DataError, match=re.escape(message)):
        drop_marked(folder, path)


def test_not_every_face_is_dropped_and_nothing_is_overwritten(folder, tmp_path):
    corpus = Corpus.open(folder)
    lines = [f'yes,"{PEOPLE[c // 6].replace(chr(34), chr(34) * 2)}",{c},{f},{face_digest(corpus, c, f)}'
             for c in range(18) for f in (0, 1)]  # fmt: skip
    path = tmp_path / "list.csv"
    path.write_text("\n".join(["drop,person,clip,face,digest", *lines]), encoding="utf-8")
    with pytest.raises(DataError, match="marks every face"):
        drop_marked(folder, path)
    path.write_text("\n".join(["drop,person,clip,face,digest", lines[0]]), encoding="utf-8")
    with pytest.raises(DataError, match="exists already"):
        drop_marked(folder, path, tmp_path)
    with pytest.raises(DataError, match="cannot be read"):
        drop_marked(folder, tmp_path / "missing.csv")


def test_only_a_collection_restores(folder):
    with pytest.raises(DataError, match="was not collected here"):
        restore_dropped(folder)


def test_a_list_whose_names_changed_their_unicode_form_still_fits(folder, tmp_path):
    clip = next(clip for clip in range(18) if PEOPLE[clip // CLIPS] == "Çem")
    digest = face_digest(Corpus.open(folder), clip, 1)
    name = unicodedata.normalize("NFD", "Çem")
    text = f"drop,person,clip,face,digest\nyes,{name},{clip},1,{digest}\n"
    (tmp_path / "marked.csv").write_text(text, encoding="utf-8")
    assert drop_marked(folder, tmp_path / "marked.csv", tmp_path / "left").faces == 1


def test_readings_are_not_compared(folder):
    ages = Ages()
    message = r"recogniser 'ages' reads age and male, and has no features that can be compared; choose one that has"
    with pytest.raises(DataError, match=message):
        review(Corpus.open(folder), {"colours": Colours(), "ages": ages})
    assert ages.num_embedded == 0
