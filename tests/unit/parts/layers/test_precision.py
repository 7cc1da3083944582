"""Computations that autocast must leave in float32."""

import torch

from facegen.parts.layers.precision import Float32Linear, to_float32, without_autocast


def test_to_float32_never_narrows():
    dtypes = [to_float32(torch.zeros(1, dtype=dtype)).dtype for dtype in (torch.bfloat16, torch.float32, torch.float64)]
    assert dtypes == [torch.float32, torch.float32, torch.float64]


def test_float32_linear_keeps_float32_under_autocast():
    torch.manual_seed(0)
    layer, plain = Float32Linear(64, 8), torch.nn.Linear(64, 8)
    plain.load_state_dict(layer.state_dict())
    values = torch.randn(4, 64)
    exact = layer(values)
    with torch.autocast("cpu", torch.bfloat16):
        wide, narrow = layer(values), plain(values)
    assert torch.equal(wide, exact)
    assert narrow.dtype == torch.bfloat16


def test_without_autocast_accepts_the_meta_device():
    with without_autocast(torch.device("meta")):
        assert Float32Linear(3, 2, device="meta")(torch.zeros(4, 3, device="meta")).shape == (4, 2)
