"""An interpolation as pictures: who stands where, and a film that goes there and back."""

import numpy as np
import torch

from facegen.inference.endpoints import Endpoints
from facegen.inference.montage import GAP, HOLD_FRAMES, draw_film, draw_montage


def ways(num: int, frames: int, pixels: int = 64) -> torch.Tensor:
    """Frame t of way r is of one colour, 10 t + r."""
    colour = 10 * torch.arange(frames)[None, :] + torch.arange(num)[:, None]
    return colour[:, :, None, None, None].expand(num, frames, pixels, pixels, 3).to(torch.uint8)


def test_a_strip_shows_ends_and_what_lies_evenly_between() -> None:
    two = Endpoints(["ada", "ben"], torch.zeros(2, 3), torch.full((2, 64, 64, 3), 200, dtype=torch.uint8))
    plain = np.asarray(draw_montage(ways(1, 13), two, 4).convert("RGB"))
    middle = plain[plain.shape[0] - 64]
    shown = [int(colour) for colour in middle[:, 0] if colour not in (255,)]
    runs = [colour for place, colour in enumerate(shown) if place == 0 or shown[place - 1] != colour]
    # Frames 0, 4, 8 and 12 of 13, between the true faces; other values are of labels.
    assert [colour for colour in runs if colour in (0, 40, 80, 120, 200)] == [200, 0, 40, 80, 120, 200]


def test_a_film_holds_at_its_ends_and_comes_back() -> None:
    film = draw_film(ways(2, 5, 128), Endpoints(["ada"], torch.zeros(1, 3), None))
    assert film.shape[1:] == (128 + 2 * GAP, 2 * (128 + 2 * GAP), 3)
    colours = film[:, 64, 64, 0].tolist()
    assert colours == [0] * HOLD_FRAMES + [0, 10, 20, 30, 40] + [40] * HOLD_FRAMES + [30, 20, 10]
    assert film[3, 64, 64 + 128 + 2 * GAP, 0] == 1


def test_true_faces_stand_still_at_the_ends_of_a_film() -> None:
    true = torch.stack([torch.full((128, 128, 3), value, dtype=torch.uint8) for value in (90, 91)])
    film = draw_film(ways(1, 3, 128), Endpoints(["ada", "ben"], torch.zeros(2, 3), true))
    width = 128 + 2 * GAP
    assert film.shape[2] == 3 * width
    assert (film[:, 64, 64, 0] == 90).all()
    assert (film[:, 64, 2 * width + 64, 0] == 91).all()
