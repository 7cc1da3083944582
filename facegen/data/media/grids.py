"""Images of many faces: labelled grids and contact sheets."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from facegen.core.files import replacing

GAP = 6
MARGIN = 14
LABEL_PIXELS = 12
TITLE_PIXELS = 16
LABEL_GREY = (96, 96, 96)
TITLE_GREY = (40, 40, 40)
MIN_TITLE_WIDTH = 280
"""Width that a title has at least, in pixels."""
ROW_LABEL_WIDTH = 160
"""Width at which row labels are wrapped, in pixels."""


@dataclass(frozen=True)
class Label:
    """A text wrapped to a width."""

    lines: tuple[str, ...]
    size: int

    @property
    def width(self) -> int:
        """Width in pixels."""
        return max((_width(line, self.size) for line in self.lines), default=0)

    @property
    def height(self) -> int:
        """Height in pixels."""
        return len(self.lines) * _line_height(self.size)

    def draw(self, canvas: ImageDraw.ImageDraw, centre: float, top: float, colour: tuple[int, int, int]) -> None:
        """Draw the lines, each centred horizontally."""
        for number, line in enumerate(self.lines):
            left = round(centre - _width(line, self.size) / 2)
            canvas.text((left, round(top) + number * _line_height(self.size)), line, colour, _font(self.size))


def wrap_text(text: str, width: int, size: int = LABEL_PIXELS) -> Label:
    """Wrap a text to a width in pixels, between words, or within a word that is too wide by itself."""
    lines: list[str] = []
    for word in " ".join(text.split()).split(" "):
        joined = f"{lines[-1]} {word}" if lines else word
        if lines and _width(joined, size) <= width:
            lines[-1] = joined
            continue
        pieces = _break(word, width, size)
        lines.extend(pieces)
    return Label(tuple(line for line in lines if line), size)


def grid(
    images: NDArray[np.uint8],
    *,
    row_labels: Sequence[str] = (),
    column_labels: Sequence[str] = (),
    title: str = "",
    scale: int = 1,
) -> Image.Image:
    """Draw images in rows and columns; labels are wrapped, never truncated.

    Args:
        images: (R, C, H, W, 3) uint8.
        row_labels: R texts to the left of the rows, or none.
        column_labels: C texts above the columns, or none.
        title: text at the top.
        scale: integer magnification.
    """
    rows, columns = images.shape[:2]
    height, width = images.shape[2] * scale, images.shape[3] * scale
    left_labels = [wrap_text(text, ROW_LABEL_WIDTH) for text in row_labels]
    top_labels = [wrap_text(text, width) for text in column_labels]
    left = MARGIN + (max((label.width for label in left_labels), default=-GAP) + GAP)
    row_height = max(height, *(label.height for label in left_labels)) if left_labels else height
    page = left + columns * (width + GAP) - GAP + MARGIN
    page = max(page, MIN_TITLE_WIDTH + 2 * MARGIN) if title else page
    heading = wrap_text(title, page - 2 * MARGIN, TITLE_PIXELS)
    top = MARGIN + (heading.height + GAP if heading.lines else 0)
    label_height = max((label.height for label in top_labels), default=-GAP) + GAP
    sheet = Image.new("RGB", (page, top + label_height + rows * (row_height + GAP) - GAP + MARGIN), "white")
    draw = ImageDraw.Draw(sheet)
    heading.draw(draw, page / 2, MARGIN, TITLE_GREY)
    for column, label in enumerate(top_labels):
        # Labels are aligned at their bottom, next to their column.
        place = top + label_height - GAP - label.height
        label.draw(draw, left + column * (width + GAP) + width / 2, place, LABEL_GREY)
    for row in range(rows):
        row_top = top + label_height + row * (row_height + GAP)
        if left_labels:
            label = left_labels[row]
            centre = (MARGIN + left - GAP) / 2
            label.draw(draw, centre, row_top + (row_height - label.height) / 2, LABEL_GREY)
        for column in range(columns):
            place_left, place_top = left + column * (width + GAP), row_top + (row_height - height) // 2
            sheet.paste(_enlarged(images[row, column], scale), (place_left, place_top))
    return sheet


def contact_sheet(
    images: NDArray[np.uint8], labels: Sequence[str], *, num_columns: int = 8, title: str = "", scale: int = 1
) -> Image.Image:
    """Draw images row by row, each with its label below; labels are wrapped, never truncated.

    Args:
        images: (N, H, W, 3) uint8.
        labels: N texts.
        num_columns: number of images per row.
        title: text at the top.
        scale: integer magnification.
    """
    height, width = images.shape[1] * scale, images.shape[2] * scale
    num_columns = min(num_columns, max(len(images), 1))
    wrapped = [wrap_text(text, width) for text in labels]
    page = 2 * MARGIN + num_columns * (width + GAP) - GAP
    heading = wrap_text(title, page - 2 * MARGIN, TITLE_PIXELS)
    top = MARGIN + (heading.height + GAP if heading.lines else 0)
    rows = [range(start, min(start + num_columns, len(images))) for start in range(0, len(images), num_columns)]
    row_heights = [height + 2 + max(wrapped[number].height for number in row) + GAP for row in rows]
    sheet = Image.new("RGB", (page, top + sum(row_heights) - GAP + MARGIN), "white")
    draw = ImageDraw.Draw(sheet)
    heading.draw(draw, page / 2, MARGIN, TITLE_GREY)
    for row, row_height in zip(rows, row_heights, strict=True):
        for column, number in enumerate(row):
            left = MARGIN + column * (width + GAP)
            sheet.paste(_enlarged(images[number], scale), (left, top))
            wrapped[number].draw(draw, left + width / 2, top + height + 2, LABEL_GREY)
        top += row_height
    return sheet


def save_png(image: Image.Image, path: Path) -> None:
    """Write an image of real faces as a PNG file, atomically; generated faces need `generated_media.save_picture`."""
    with replacing(path) as part:
        image.save(part, format="PNG")


def _break(word: str, width: int, size: int) -> list[str]:
    pieces = [""]
    for character in word:
        if pieces[-1] and _width(pieces[-1] + character, size) > width:
            pieces.append("")
        pieces[-1] += character
    return pieces


def _enlarged(image: NDArray[np.uint8], scale: int) -> Image.Image:
    return Image.fromarray(image.repeat(scale, axis=0).repeat(scale, axis=1))


@cache
def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size)


def _width(line: str, size: int) -> int:
    return int(np.ceil(_font(size).getlength(line)))


def _line_height(size: int) -> int:
    return round(size * 1.3)
