"""Synthetic portraits: hidden factors of a person and of a moment become a picture."""

import torch
from torch import Tensor

from facegen.data.synthetic.anatomy import measure
from facegen.data.synthetic.body import backdrop, draw_clothes, draw_double_chin, draw_ears, draw_neck
from facegen.data.synthetic.counter import pixel_noise
from facegen.data.synthetic.eyes import draw_brows, draw_eyes, draw_glasses
from facegen.data.synthetic.hair import comb, draw_beard
from facegen.data.synthetic.head import draw_head, draw_wrinkles, outline
from facegen.data.synthetic.mouth import draw_mouth, draw_nose
from facegen.data.synthetic.palette import HAIR, IRIS, pick, skin
from facegen.data.synthetic.people import grey_share
from facegen.data.synthetic.shapes import fill, paint, shade, smoothstep
from facegen.data.synthetic.view import look

_CHUNK_PIXELS = 32768  # a chunk's maps stay in a core's cache
