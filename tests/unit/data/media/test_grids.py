import numpy as np
import pytest
from corpus_files import draw_face
from PIL import Image, ImageDraw

from facegen.data.media import grids as pictures
from facegen.data.media.grids import Label, contact_sheet, grid, save_png, wrap_text

LONG = "a very long label with Donaudampfschifffahrtsgesellschaftskapitaen in it"


@pytest.fixture
def boxes(monkeypatch):
    """Collect (left, top, right, bottom) of every drawn text."""
    text_boxes = []
    write = ImageDraw.ImageDraw.text

    def note(self, place, text, *rest):
        text_boxes.append(self.textbbox(place, text, font=rest[-1]))
        write(self, place, text, *rest)

    monkeypatch.setattr(ImageDraw.ImageDraw, "text", note)
    return text_boxes


def overlap(first, second):
    return first[0] < second[2] and second[0] < first[2] and first[1] < second[3] and second[1] < first[3]


def faces(num, pixels=32):
    return np.stack([draw_face(number, pixels) for number in range(num)])


def places_of(sheet: Image.Image, images: np.ndarray) -> list[tuple[int, int, int, int]]:
    """Locate the images in a sheet by their content."""
    canvas = np.asarray(sheet)
    height, width = images.shape[1:3]
    places = []
    for image in images:
        corners = np.argwhere((canvas[: -height + 1, : -width + 1] == image[0, 0]).all(axis=2))
        exact = [(y, x) for y, x in corners if np.array_equal(canvas[y : y + height, x : x + width], image)]
        assert len(exact) == 1
        y, x = exact[0]
        places.append((x, y, x + width, y + height))
    return places


def check_layout(sheet, boxes, images):
    things = boxes + places_of(sheet, images)
    assert all(
        left >= 0 and top >= 0 and right <= sheet.width and bottom <= sheet.height
        for left, top, right, bottom in things
    )
    assert not any(overlap(first, second) for number, first in enumerate(things) for second in things[:number])


def test_grid_labels_are_complete_and_separate(boxes):
    images = faces(6)
    sheet = grid(
        images.reshape(2, 3, 32, 32, 3), row_labels=[LONG * 2, "b"], column_labels=["real", LONG, ""], title=LONG
    )
    check_layout(sheet, boxes, images)
    assert len(boxes) > 10


def test_contact_sheet_labels_are_complete_and_separate(boxes):
    images = faces(7)
    sheet = contact_sheet(
        images, [LONG if number % 3 == 0 else str(number) for number in range(7)], num_columns=3, title=LONG
    )
    check_layout(sheet, boxes, images)


def test_grid_keeps_the_order_of_rows_and_columns():
    images = faces(6)
    places = places_of(grid(images.reshape(2, 3, 32, 32, 3)), images)
    assert [place[:2] for place in places] == [(14 + 38 * (n % 3), 14 + 38 * (n // 3)) for n in range(6)]


def test_scale_repeats_pixels():
    face = draw_face(0)
    sheet = np.asarray(grid(face[None, None], scale=3))
    assert np.array_equal(sheet[14:110, 14:110], face.repeat(3, axis=0).repeat(3, axis=1))


@pytest.mark.parametrize("width", [30, 60, 400])
def test_wrapping_loses_no_text(width):
    label = wrap_text(LONG, width)
    assert "".join(label.lines).replace(" ", "") == LONG.replace(" ", "")
    assert label.width <= width


def test_wrapping_an_empty_text_gives_no_lines():
    assert wrap_text("  ", 50) == Label((), pictures.LABEL_PIXELS)


def test_a_letter_wider_than_the_image_is_drawn():
    assert wrap_text("WW", 2).lines == ("W", "W")


def test_one_image_without_label():
    assert contact_sheet(faces(1), [""]).size == (60, 62)


def test_saving_replaces_the_image_and_leaves_no_other_file(tmp_path):
    path = tmp_path / "new" / "sheet.png"
    for seed in (0, 1):
        save_png(Image.fromarray(draw_face(seed)), path)
        assert np.array_equal(np.asarray(Image.open(path)), draw_face(seed))
    assert list(path.parent.iterdir()) == [path]


def test_a_failed_save_keeps_the_old_image(tmp_path, monkeypatch):
    path = tmp_path / "sheet.png"
    save_png(Image.fromarray(draw_face(0)), path)

    def fail(*args, **kwargs):
        raise OSError("no space left")

    monkeypatch.setattr(Image.Image, "save", fail)
    with pytest.raises(OSError, match="no space left"):
        save_png(Image.fromarray(draw_face(1)), path)
    assert np.array_equal(np.asarray(Image.open(path)), draw_face(0))
    assert list(tmp_path.iterdir()) == [path]
