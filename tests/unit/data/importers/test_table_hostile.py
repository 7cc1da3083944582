"""Tables of pairs and folders of people that are not what they seem."""

import csv
import io

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from facegen.core.errors import DataError
from facegen.data.importers.folder import read_folder
from facegen.data.importers.table import MAX_COLUMNS, MAX_SECONDS, OPTIONAL, parse_seconds, read_pairs

CELLS = st.text(max_size=20) | st.sampled_from(["1e308", "-1", "nan", "inf", "a.png", "..", "", "9" * 5000, "\ud800"])


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=st.lists(st.lists(CELLS, min_size=5, max_size=5), max_size=4), columns=st.permutations(OPTIONAL))
def test_any_cells_are_requests_or_rejects(tmp_path, rows, columns):
    text = io.StringIO(newline="")
    csv.writer(text).writerows([["identity", "face", *columns[:3]], *rows])
    path = tmp_path / "t.csv"
    path.write_bytes(text.getvalue().encode("utf-8", "surrogatepass"))
    try:
        requests = read_pairs(path)
    except DataError:
        return
    assert sum(len(clip.faces) for clip in requests.clips) + len(requests.rejects) == requests.num_rows


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.binary(max_size=200))
def test_any_bytes_are_a_table_or_refused(tmp_path, data):
    path = tmp_path / "t.csv"
    path.write_bytes(data)
    with pytest.raises(DataError):
        read_pairs(path)


def test_times_are_bounded():
    assert [parse_seconds(cell) for cell in ("0", "1.5", f"{MAX_SECONDS}")] == [0.0, 1.5, MAX_SECONDS]
    assert not any(parse_seconds(cell) for cell in ("1e308", "-1", "nan", "inf", "1e8", "x", "9" * 5000))


def test_known_columns_may_be_capitalised(tmp_path):
    (tmp_path / "t.csv").write_text("Identity,FACE, Time \nAda,1.png,2\n")
    (clip,) = read_pairs(tmp_path / "t.csv").clips
    assert clip.identity == "Ada" and clip.faces[0].time_seconds == 2.0


def test_two_spellings_of_a_column_are_refused(tmp_path):
    (tmp_path / "t.csv").write_text("Identity,identity,face\nAda,Ada,1.png\n")
    with pytest.raises(DataError, match="column 'identity' occurs 2 times"):
        read_pairs(tmp_path / "t.csv")


def test_too_many_columns_are_refused(tmp_path):
    (tmp_path / "t.csv").write_text("identity,face," + ",".join(f"c{n}" for n in range(100_000)) + "\n")
    with pytest.raises(DataError, match=f"100,002 columns; at most {MAX_COLUMNS:,}"):
        read_pairs(tmp_path / "t.csv")


def test_links_are_followed_inside_of_the_folder_only(tmp_path):
    people, outside = tmp_path / "people", tmp_path / "outside"
    for folder in (people / "Ada", people / "Ben", outside):
        folder.mkdir(parents=True)
        (folder / "1.png").touch()
    (people / "Ada" / "2.png").symlink_to(people / "Ben" / "1.png")
    (people / "Ada" / "3.png").symlink_to(outside / "1.png")
    (people / "Ada" / "4.png").symlink_to("4.png")
    (people / "Eve").symlink_to(outside)
    requests = read_folder(people)
    assert [face.path.name for clip in requests.clips if clip.identity == "Ada" for face in clip.faces] == [
        "1.png",
        "2.png",
        "4.png",
    ]
    assert {reject.detail.split(":")[0] for reject in requests.rejects} == {
        str(people / "Ada/3.png"),
        str(people / "Eve"),
    }
    assert {reject.reason for reject in requests.rejects} == {"is a link out of the folder of people"}


def test_the_folder_of_people_may_itself_be_a_link(tmp_path):
    (tmp_path / "people" / "Ada").mkdir(parents=True)
    (tmp_path / "people" / "Ada" / "1.png").touch()
    (tmp_path / "link").symlink_to("people")
    assert [clip.identity for clip in read_folder(tmp_path / "link").clips] == ["Ada"]
