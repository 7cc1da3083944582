"""Renderer of synthetic portraits from hidden factors of a person and of a moment."""

import torch
from torch import Tensor

from facegen.data.synthetic.anatomy import measure_face
from facegen.data.synthetic.body import backdrop, draw_clothes, draw_double_chin, draw_ears, draw_neck, ear_rim
from facegen.data.synthetic.eyes import draw_brows, draw_eyes, draw_glasses
from facegen.data.synthetic.hair import draw_beard, shape_hair
from facegen.data.synthetic.head import draw_wrinkles, outline, shade_head
from facegen.data.synthetic.mouth import draw_mouth, draw_nose
from facegen.data.synthetic.palette import HAIR, IRIS, hsv, pick, skin
from facegen.data.synthetic.people import grey_share
from facegen.data.synthetic.shapes import fill, paint, shade, smoothstep
from facegen.data.synthetic.view import project_view

_CHUNK_PIXELS = 32768  # the maps of a chunk fit into the cache of a core
_ACCELERATOR_CHUNK_PIXELS = 1 << 21


def _grain(grain: Tensor, image_pixels: int) -> Tensor:
    """Compute sensor noise, (batch, height, width) in [-1, 1), by hashing the row's grain value and the pixel."""
    place = torch.arange(image_pixels * image_pixels, device=grain.device, dtype=torch.int64)
    state = (grain.double() * (1 << 24)).long()[:, None] * 0x9E3779B1 + place * 0x85EBCA77
    state = ((state ^ ((state >> 15) & 0x1FFFF)) * 0x2C1B3C6D) & 0x7FFFFFFF
    state = ((state ^ (state >> 12)) * 0x297A2D39) & 0x7FFFFFFF
    return ((state >> 7).float() / float(1 << 23) - 1.0).view(-1, image_pixels, image_pixels)


def _finish(image: Tensor, moments: dict[str, Tensor], image_pixels: int) -> Tensor:
    """Apply the colour of the light and sensor noise, and convert to 8 bits with channels last."""
    warmth = moments["light_warmth"]
    tint = torch.stack((1.0 + 0.05 * warmth, 1.0 + 0.008 * warmth, 1.0 - 0.06 * warmth), dim=1)[:, :, None, None]
    image = image * tint + 0.008 * _grain(moments["grain"], image_pixels)[:, None]
    return (image * 255.0 + 0.5).clamp(0.0, 255.0).to(torch.uint8).permute(0, 2, 3, 1).contiguous()


def _render(people: dict[str, Tensor], moments: dict[str, Tensor], image_pixels: int) -> Tensor:
    """Draw one chunk of rows, back to front."""
    view, a = project_view(moments, image_pixels), measure_face(people)
    maps = {name: value.to(torch.float32)[:, None, None] for name, value in moments.items()}
    base, hair_base = skin(people["skin"]), pick(HAIR, people["hair_colour"])
    grey = grey_share(people).float()[:, None, None] * 0.88
    contour = outline(view, a, maps["mouth_open"])
    rim = ear_rim(view, a)
    hair = shape_hair(view, a, people["hair_style"], hair_base, grey, maps, rim)
    flat_hair = hair_base + (0.75 * grey)[:, None] * (0.70 - hair_base)
    image = backdrop(moments, image_pixels)
    paint(image, hair.colour * 0.62, fill(hair.shell, view.pixel))
    draw_neck(image, view, a, base, contour, maps["light_x"])
    draw_clothes(image, view, a, moments)
    draw_double_chin(image, view, a, base, contour)
    draw_ears(image, view, a, base, rim)
    face = shade_head(view, a, base, contour, maps)
    draw_wrinkles(face, view, a, maps["smile"])
    draw_eyes(face, view, a, pick(IRIS, people["eye_colour"]), maps)
    draw_nose(face, view, a, maps["light_x"])
    draw_mouth(face, view, a, base, maps)
    paint(image, face, fill(contour, view.pixel))
    draw_beard(image, view, a, people["beard"][:, None, None], flat_hair, contour)
    draw_brows(image, view, a, flat_hair, maps["brow_raise"])
    dull = torch.full_like(moments["grain"], 0.45)
    frames = hsv(moments["clothing_hue"] + 0.4, dull, 0.12 + 0.25 * moments["clothing_value"])
    draw_glasses(image, view, a, (people["glasses"] > 1.5).float()[:, None, None], frames, contour)
    shade(image, 0.45 * smoothstep(hair.front, 0.07, 0.0) * smoothstep(contour, 0.0, -0.02), (0.62, 0.50, 0.48))
    paint(image, hair.colour, fill(hair.front, view.pixel + hair.softness * smoothstep(contour, 0.02, -0.04)))
    return _finish(image, moments, image_pixels)


def render_faces(people: dict[str, Tensor], moments: dict[str, Tensor], image_pixels: int) -> Tensor:
    """Render a portrait of every row.

    Args:
        people: hidden factors from `draw_people`, (batch,) each.
        moments: pose, expression, light and backdrop from `draw_moments`, (batch,) each.
        image_pixels: height and width, in pixels.
    Returns:
        (batch, image_pixels, image_pixels, 3) uint8 RGB, on the device of the factors. The image of a row does not
        depend on the rest of the batch.
    """
    some = people["sex"]
    budget = _CHUNK_PIXELS if some.device.type == "cpu" else _ACCELERATOR_CHUNK_PIXELS
    rows = max(1, budget // (image_pixels * image_pixels))
    faces = torch.empty((some.shape[0], image_pixels, image_pixels, 3), dtype=torch.uint8, device=some.device)
    for start in range(0, some.shape[0], rows):
        part = slice(start, start + rows)
        faces[part] = _render(
            {name: value[part] for name, value in people.items()},
            {name: value[part] for name, value in moments.items()},
            image_pixels,
        )
    return faces
