"""Conditioner: captions through a character CNN-RNN."""

from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional

from facegen.core.batch import NUM_CHARACTERS, Batch, DataSpec
from facegen.core.errors import RecipeError
from facegen.core.interfaces import Conditioner
from facegen.parts.layers.precision import Float32Linear, to_float32, without_autocast
from facegen.parts.layers.recurrent import recurrent_states

Count = Annotated[int, Field(ge=1)]


class CharCnnRnn(Conditioner):
    """Character-level convolutions and a recurrent network, averaged over the caption.

    c = W mean_t g_t + b,   g = GRU(ReLU(conv_n(... pool(ReLU(conv_1(one_hot(characters)))))))

    Padding behind a caption has no influence: every convolution reads zeros there, and the mean covers the caption
    only.

    Engine:
        data: not read.
    Settings:
        condition_dim: width of the encoding.
        channels: channels of the convolutions; max pooling follows each but the last.
        kernel: width of each convolution, in characters or pooled steps.
        pool: width and stride of the max pooling, in steps.
        recurrent_width: hidden width of the recurrent network.
    Shape:
        caption (B, characters), codes from 0 to NUM_CHARACTERS -> (B, condition_dim)
    Source:
        Reed et al. 2016a (deep representations of fine-grained descriptions), the char-CNN-RNN. The sizes are those
        of the encoder of Reed et al. 2016b for birds, as in public code. A mask in place of a fixed length, and
        PyTorch's GRU, which has one more bias, are ours.
    """

    needs = frozenset({"caption"})
    alphabet: Tensor

    def __init__(
        self,
        data: DataSpec,
        *,
        condition_dim: Count = 1024,
        channels: Annotated[tuple[Count, ...], Field(min_length=1)] = (384, 512, 512),
        kernel: Count = 4,
        pool: Count = 3,
        recurrent_width: Count = 512,
    ) -> None:
        super().__init__()
        self.condition_dim = condition_dim
        self.kernel, self.pool = kernel, pool
        self.register_buffer("alphabet", torch.arange(1, NUM_CHARACTERS + 1), persistent=False)
        sizes = zip((NUM_CHARACTERS, *channels), channels, strict=False)
        self.convolutions = nn.ModuleList(nn.Conv1d(fewer, more, kernel) for fewer, more in sizes)
        self.recurrent = nn.GRU(channels[-1], recurrent_width, batch_first=True)
        self.head = Float32Linear(recurrent_width, condition_dim)

    def forward(self, batch: Batch) -> Tensor:
        codes = batch.caption
        if codes is None:
            raise RecipeError("char_cnn_rnn: the batch holds no captions")
        positions = torch.arange(1, codes.shape[1] + 1, device=codes.device)
        length = torch.where(codes > 0, positions, 0).amax(dim=1)
        hidden = (codes[:, None] == self.alphabet[:, None]).float()
        for number, convolution in enumerate(self.convolutions):
            if number:
                # Zeros beyond the end do not change the maximum: ReLU outputs are at least 0.
                hidden = functional.max_pool1d(hidden, self.pool, ceil_mode=True)
                length = (length + self.pool - 1) // self.pool
            hidden = functional.relu(convolution(functional.pad(hidden, (0, self.kernel - 1))))
            hidden = hidden * _within(length, hidden.shape[2])[:, None]
        with without_autocast(hidden.device):
            steps = recurrent_states(self.recurrent, to_float32(hidden).transpose(1, 2))
        read = steps * _within(length, steps.shape[1])[:, :, None]
        encoding: Tensor = self.head(read.sum(dim=1) / length.clamp(min=1)[:, None])
        return encoding


def _within(length: Tensor, num_steps: int) -> Tensor:
    """Return whether a step belongs to the caption: (B,) -> (B, num_steps)."""
    return torch.arange(num_steps, device=length.device) < length[:, None]
