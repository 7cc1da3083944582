from pathlib import Path

import pytest
from corpus_files import draw_face, make_speech, write_png, write_wav

from facegen.core.errors import DataError
from facegen.data.corpus.reader import Corpus
from facegen.data.importers.clip_requests import ImportRequests
from facegen.data.importers.import_source import join_sources
from facegen.data.importers.pack import pack
from facegen.data.importers.voxceleb import read_voxceleb
from facegen.data.loading.splits import utterance_number

VOX1 = """VoxCeleb1 ID\tVGGFace1 ID\tGender\tNationality\tSet
id10001\tA.J._Buckley\tm\tIreland\tdev
id10002\tA.R._Rahman\tm\tIndia\tdev
id10003\tAamir_Khan\tm\tIndia\tdev
id10004\tAaron_Tveit\tm\tUSA\tdev
id10270\tEartha_Kitt\tf\tUSA\ttest
"""
VOX2 = """VoxCeleb2 ID ,VGGFace2 ID ,Gender ,Set
id10001 ,A.J._Buckley ,m ,dev
id10270 ,Eartha_Kitt ,f ,test
"""


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Two people with speech and images, one without images, one without speech, one with an empty speech folder."""
    for number, name in enumerate(
        (
            "dev/wav/id10001/vidA/00001",
            "dev/wav/id10001/vidA/00002",
            "dev/wav/id10001/vidB/00001",
            "test/wav/Eartha_Kitt/vidC/00001",
            "dev/wav/id10002/vidD/00001",
        )
    ):
        write_wav(tmp_path / "vox" / f"{name}.wav", make_speech(number))
    (tmp_path / "vox" / "dev" / "txt" / "id10001" / "vidA").mkdir(parents=True)
    (tmp_path / "vox" / "dev" / "txt" / "id10001" / "vidA" / "00001.txt").write_text("Identity : id10001")
    (tmp_path / "vox" / "dev" / "wav" / "id10004").mkdir()
    for number, name in enumerate(
        (
            "A.J._Buckley/1",
            "A.J._Buckley/2",
            "Eartha_Kitt/1",
            "Eartha_Kitt/2",
            "Eartha_Kitt/3",
            "Aamir_Khan/1",
            "Aaron_Tveit/1",
            "Nobody/1",
        )
    ):
        write_png(tmp_path / "vgg" / f"{name}.png", draw_face(number))
    (tmp_path / "vox1_meta.csv").write_text(VOX1)
    (tmp_path / "vox2_meta.csv").write_text(VOX2)
    return tmp_path


def test_people_are_joined_by_the_table(data):
    source = join_sources(data / "vox", data / "vgg", data / "vox1_meta.csv")
    report = pack(source, data / "out", image_pixels=32)
    corpus = Corpus.open(data / "out")
    index = corpus.index
    assert corpus.header.identities == ("A.J._Buckley", "Eartha_Kitt")
    assert index.identity.tolist() == [0, 0, 0, 1]
    assert index.attributes["sex"].tolist() == [1, 1, 1, 0]
    assert index.frame_offsets.tolist() == [0, 1, 2, 3, 6]
    assert index.frame_time_samples.tolist() == [-1] * 6
    names = ["id10001/vidA/00001.wav", "id10001/vidA/00002.wav", "id10001/vidB/00001.wav", "id10270/vidC/00001.wav"]
    assert index.strings["name"].at(index.identity.new_tensor(range(4))) == names
    videos = [("A.J._Buckley", "vidA")] * 2 + [("A.J._Buckley", "vidB"), ("Eartha_Kitt", "vidC")]
    assert index.utterance.tolist() == [utterance_number(*video) for video in videos]
    assert [(reject.identity, reject.reason) for reject in report.rejects] == [
        ("A.R._Rahman", "has no folder with faces"),
        ("Aamir_Khan", "has no folder with speech"),
        ("Aaron_Tveit", "has no folder with speech"),
    ]
    assert report.rejects[0].detail == "vox1_meta.csv: line 3, id10002"
    assert report.num_rows == 9
    assert list(report.duplicates) == []


def test_the_table_of_the_second_edition_has_commas(data):
    clips = read_voxceleb(data / "vox", data / "vgg", data / "vox2_meta.csv").clips
    assert [(clip.identity, clip.attributes) for clip in clips] == [
        *[("A.J._Buckley", (("sex", 1),))] * 3,
        ("Eartha_Kitt", (("sex", 0),)),
    ]
    assert clips[0].source == "VoxCeleb id10001/vidA/00001.wav; faces: VGGFace A.J._Buckley"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "header: missing columns: 'VoxCeleb... ID', 'VGGFace... ID'; it has nothing"),
        (
            "VoxCeleb1 ID\tGender\n",
            "header: missing columns: 'VGGFace... ID'; it has VoxCeleb1 ID, Gender; give vox1_meta.csv",
        ),
    ],
)
def test_a_table_without_the_columns_is_refused(data, text, expected):
    (data / "meta.csv").write_text(text)
    with pytest.raises(DataError) as raised:
        read_voxceleb(data / "vox", data / "vgg", data / "meta.csv")
    assert expected in str(raised.value)


def test_missing_folders_and_tables_are_refused(data):
    with pytest.raises(DataError, match=r"nowhere: is not a folder; give the folder that holds one folder per person"):
        read_voxceleb(data / "nowhere", data / "vgg", data / "vox1_meta.csv")
    with pytest.raises(DataError, match=r"nowhere: cannot be read \(No such file or directory\)"):
        read_voxceleb(data / "vox", data / "vgg", data / "nowhere")
    (data / "meta.csv").write_bytes(b"VoxCeleb1 ID\xff")
    with pytest.raises(DataError, match="is not UTF-8 text"):
        read_voxceleb(data / "vox", data / "vgg", data / "meta.csv")


def test_short_rows_and_unknown_sex(data):
    (data / "meta.csv").write_text("VoxCeleb1 ID\tVGGFace1 ID\tGender\nid10001\tA.J._Buckley\nid10002\n\n\t\t\n")
    requests = read_voxceleb(data / "vox", data / "vgg", data / "meta.csv")
    assert {clip.attributes for clip in requests.clips} == {()}
    assert [reject.reason for reject in requests.rejects] == ["has no identity"]


@pytest.fixture
def frames(data: Path) -> Path:
    """VoxCeleb's own images, in folders of videos: of two videos of one person, and of a video without speech."""
    for number, name in enumerate((
        "unzippedFaces/A.J._Buckley/1.6/vidA/0000025", "unzippedFaces/A.J._Buckley/1.6/vidA/0000050",
        "unzippedFaces/A.J._Buckley/1.6/vidA/0000075", "unzippedFaces/A.J._Buckley/1.6/vidB/0000025",
        "unzippedFaces/A.J._Buckley/1.6/vidX/0000025", "unzippedFaces/id10002/vidD/1",
    )):  # fmt: skip
        write_png(data / "frames" / f"{name}.png", draw_face(20 + number))
    return data / "frames"


def faces_by_clip(requests: ImportRequests) -> dict[str, list[str]]:
    """Return {clip: its faces}, as video and file name."""
    return {clip.name: ["/".join(Path(str(face.path)).parts[-2:]) for face in clip.faces] for clip in requests.clips}


def test_own_images_belong_to_the_clips_of_their_video(data: Path, frames: Path) -> None:
    """With both sources, as in the paper: the images of a video without speech are assigned in turn, like VGGFace's."""
    requests = read_voxceleb(data / "vox", data / "vgg", data / "vox1_meta.csv", frames)
    faces = faces_by_clip(requests)
    vgg = [f"A.J._Buckley/{number}.png" for number in (1, 2)]
    first, second, third = (faces[f"id10001/{name}.wav"] for name in ("vidA/00001", "vidA/00002", "vidB/00001"))
    assert first == ["vidA/0000025.png", "vidA/0000075.png", vgg[0]]
    assert second == ["vidA/0000050.png", vgg[1]]
    assert third == ["vidB/0000025.png", "vidX/0000025.png"]
    sources = {clip.name: clip.source for clip in requests.clips}
    assert sources["id10001/vidA/00001.wav"].endswith("; faces: VoxCeleb and VGGFace A.J._Buckley")
    assert sources["id10270/vidC/00001.wav"].endswith("; faces: VGGFace Eartha_Kitt")


def test_own_images_alone(data: Path, frames: Path) -> None:
    """A person without images of VGGFace has those of VoxCeleb; one without either is rejected."""
    requests = read_voxceleb(data / "vox", None, data / "vox1_meta.csv", frames)
    assert {clip.identity for clip in requests.clips} == {"A.J._Buckley", "A.R._Rahman"}
    assert {reject.identity: reject.reason for reject in requests.rejects}["Eartha_Kitt"] == "has no folder with faces"
    faces = faces_by_clip(requests)
    assert faces["id10001/vidB/00001.wav"] == ["vidB/0000025.png", "vidX/0000025.png"]
    assert faces["id10002/vidD/00001.wav"] == ["vidD/1.png"]
