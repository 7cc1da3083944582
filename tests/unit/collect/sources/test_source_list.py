import pytest

from facegen.collect.sources.source_list import read_sources
from facegen.collect.video.examination import Segment
from facegen.core.errors import DataError


@pytest.fixture
def read(tmp_path):
    def call(text, name="sources.toml", **options):
        (tmp_path / name).write_text(text, encoding="utf-8")
        problems = []
        sources = read_sources(tmp_path / name, problems, **options)
        return sources, [problem.replace(f"{tmp_path}/", "") for problem in problems]

    return call


def test_people_channels_and_videos(read, tmp_path):
    sources, problems = read("""
        [[person]]
        name = "ada"
        channel = "https://www.youtube.com/@ada"
        last = 3
        videos = ["https://example.org/1.mp4", "own/2.mp4"]
        consent = " signed "
        licence = "CC BY 4.0"
        sex = "F"
        language = "en"
        [[person]]
        name = "ben"
        channel = "https://www.youtube.com/playlist?list=PL1"
        [download]
        sleep_seconds = 2
    """)
    assert problems == [] and sources.tables == {"download": {"sleep_seconds": 2}}
    ada = sources.people["ada"]
    assert (ada.consent, ada.licence, ada.sex, ada.language) == ("signed", "CC BY 4.0", "female", "en")
    listed = [
        (source.person, source.kind, source.address, source.as_written, source.last)
        for source in sources.sources.values()
    ]
    playlist = "https://www.youtube.com/playlist?list=PL1"
    assert listed == [
        # YouTube's bare address would list tabs instead of videos.
        ("ada", "channel", "https://www.youtube.com/@ada/videos", "https://www.youtube.com/@ada", 3),
        ("ada", "url", "https://example.org/1.mp4", "https://example.org/1.mp4", 0),
        ("ada", "file", str(tmp_path / "own" / "2.mp4"), "own/2.mp4", 0),
        ("ben", "channel", playlist, playlist, 15),
    ]
    assert all(len(identifier) == 20 and identifier.isalnum() for identifier in sources.sources)


def test_a_csv_table_equals_toml(read):
    text = (
        '[[person]]\nname = "ada"\nvideos = ["1.mp4", "2.mp4"]\nsex = "male"\nconsent = "yes, in writing"\nlast = 4\n'
    )
    toml, _ = read(text)
    table, problems = read(
        '\ufeffName, videos ,sex,consent,last\nada,1.mp4; 2.mp4,m,"yes, in writing",4\n\n', "sources.csv"
    )
    assert problems == [] and table.people == toml.people and table.sources == toml.sources
    rows, problems = read("name,videos,sex\nada,1.mp4,m\nada,2.mp4,m\n", "sources.csv")
    assert problems == [] and [source.as_written for source in rows.sources.values()] == ["1.mp4", "2.mp4"]


TOML, TABLE = '[[person]]\nname = "ada"\nvideos = ["1.mp4"]\n', "name,videos\nada,1.mp4\n"


@pytest.mark.parametrize(("name", "text"), [("sources.toml", TOML), ("sources.csv", TABLE)])
def test_a_byte_order_mark_is_ignored_and_another_encoding_is_named(read, tmp_path, name, text):
    sources, problems = read("\ufeff" + text, name)
    assert problems == [] and list(sources.people) == ["ada"]
    (tmp_path / name).write_bytes(text.encode("utf-16"))
    with pytest.raises(DataError) as raised:
        read_sources(tmp_path / name, [])
    assert str(raised.value) == f"{tmp_path / name}: is encoded in UTF-16; save it in UTF-8"


@pytest.mark.parametrize("header", ["", "video,start,end,x,y\n", "YouTube ID,start,end,x,y\n"])
def test_segments(read, tmp_path, header):
    sources, problems = read(f"{header}E2LZA4bWVzI,90.00,96.2,0.5,0.25\na.mp4,1,7.5,0,1\n", "segments.csv")
    assert problems == []
    first, second = sources.sources.values()
    assert (first.address, first.person) == ("https://www.youtube.com/watch?v=E2LZA4bWVzI", "E2LZA4bWVzI_90-96.2")
    assert first.segment == Segment(90.0, 96.2, (0.5, 0.25))
    assert (second.kind, second.address, second.person) == ("file", str(tmp_path / "a.mp4"), "a_1-7.5")


def test_an_existing_file_precedes_a_youtube_id_of_the_same_name(read, tmp_path):
    (tmp_path / "abcdefg.mp4").touch()
    sources, _ = read("abcdefg.mp4,0,5,0.5,0.5\n", "segments.csv")
    assert [source.kind for source in sources.sources.values()] == ["file"]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "sources.toml: lists no person; add a [[person]] with name, and channel or videos"),
        ("person = 3", "sources.toml: person = 3: must be a list of tables, each written [[person]]"),
        ("[[person]]\nvideos = ['a']", "sources.toml:1: [[person]] 1 name is missing: it has no default"),
        ("\n[[person]]\nname = 'a'", "sources.toml:2: [[person]] 'a' has neither channel nor videos; add one of "
         "them"),
        ("[[person]]\nname = 'a'\nchannel = 'a.mp4'", "sources.toml:1: [[person]] 'a' channel = 'a.mp4': must be a URL "
         "with http:// or https://; list files in videos"),
        ("[[person]]\nname = 'a'\nvideos = ['file:///etc/passwd']", "sources.toml:1: [[person]] 'a' videos = "
         "'file:///etc/passwd': must be a URL with http:// or https://, or the path of a file"),
        ("[[person]]\nname = 'a'\nvideos = ['https://']", "sources.toml:1: [[person]] 'a' videos = 'https://': must be "
         "a URL with http:// or https://, or the path of a file"),
        ("[[person]]\nname = 'a'\nchannel = 'http://['", "sources.toml:1: [[person]] 'a' channel = 'http://[': must be "
         "a URL with http:// or https://; list files in videos"),
        ("[[person]]\nname = 'a'\nvideos = ['.']", "sources.toml:1: [[person]] 'a' videos = '.': is a folder; list the "
         "files in it"),
        ("[[person]]\nname = 'a'\nvideos = ['1']\n[[person]]\nname = 'b'\nvideos = ['1']", "sources.toml:4: [[person]] "
         "'b' '1' is listed for 'b' and for 'a'; a video belongs to one person"),
        ("[[person]]\nname = 'a'\nvideos = ['1']\n[[person]]\nname = 'a'\nvideos = ['2']\nsex = 'm'",
         "sources.toml:4: [[person]] 'a' sex = 'male': an earlier row of 'a' has ''"),
    ],
)  # fmt: skip
def test_mistakes_name_the_place_and_the_remedy(read, text, problem):
    assert problem in read(text)[1]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("name,vidoes\na,1", "sources.csv:1: column 'vidoes' is unknown; did you mean 'videos'? Available: "
         "channel, consent, language, last, licence, name, sex, videos"),
        ("name,videos\na", "sources.csv:2: has 1 cells, but the header has 2; put cells that hold a comma in quotes"),
        ("name,videos,last\na,1,many", "sources.csv:2: 'a' last = \"many\": must be a valid integer"),
        ("x.mp4,1,2,3", None),
        ("x.mp4,1,2,3,0.5", "sources.csv:1: x = 3, y = 0.5: must be shares of width and height, from 0 to 1"),
        ("x.mp4,5,2,0.5,0.5", "sources.csv:1: start = 5, end = 2: must be seconds, the end after the start"),
        ("x.mp4,1,2,0.5,0.5\ny.mp4,1,nan,0,0", "sources.csv:2: y.mp4,1,nan,0,0: must be a video and four numbers: "
         "start, end, x, y"),
    ],
)  # fmt: skip
def test_mistakes_in_tables(read, text, problem):
    if problem is None:
        with pytest.raises(DataError, match=r"must name the columns \(name, and channel or videos\), or be a row of"):
            read(text, "sources.csv")
    else:
        assert problem in read(text, "sources.csv")[1]


def test_what_cannot_be_read_at_all(tmp_path):
    (tmp_path / "bytes.csv").write_bytes(b"name\xff,videos\n")
    (tmp_path / "broken.toml").write_text("[[person]\n")
    (tmp_path / "empty.csv").touch()
    for name, message in {
        "bytes.csv": "is not UTF-8 text",
        "broken.toml": "cannot be read as TOML",
        "empty.csv": "is empty; its first line must name the columns",
        "absent.toml": "does not exist; give a list of sources in TOML or CSV",
        "absent.csv": "does not exist; give a list of sources in TOML or CSV",
    }.items():
        with pytest.raises(DataError, match=message):
            read_sources(tmp_path / name, [])


def test_names_of_either_unicode_form_are_one_person(tmp_path):
    composed, decomposed = "Jos\u00e9", "Jose\u0301"
    toml = "".join(
        f'[[person]]\nname = "{name}"\nvideos = ["https://x.org/{number}.mp4"]\n'
        for number, name in enumerate((composed, decomposed, "Ada\u200b", "\u200b"))
    )
    (tmp_path / "a.toml").write_text(toml, encoding="utf-8")
    problems: list[str] = []
    sources = read_sources(tmp_path / "a.toml", problems)
    assert list(sources.people) == [composed, "Ada"]
    assert [source.person for source in sources.sources.values()] == [composed, composed, "Ada"]
    assert len(problems) == 1 and "name" in problems[0]
    (tmp_path / "a.csv").write_text(f"name,videos\n{decomposed},https://x.org/0.mp4\n", encoding="utf-8")
    assert list(read_sources(tmp_path / "a.csv", problems).people) == [composed]
