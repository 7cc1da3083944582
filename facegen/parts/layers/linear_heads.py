"""The heads of a discriminator that are linear in its features."""

from collections.abc import Mapping

from torch import Tensor, nn

from facegen.parts.layers.precision import Float32Linear


class LinearHeads(nn.Module):
    """Of the asked heads, those that see no condition: a linear layer each, of all pixels where there are pixels.

    On pixels this is a convolution as large as its map.

    Args:
        num_features: channels times pixels.
        heads: those that the discriminator was asked for, and their widths.
        bias: of each layer.
    Shape:
        score: (B, ...) -> (B,),   embed, classify: (B, ...) -> (B, width)
    """

    def __init__(self, num_features: int, heads: Mapping[str, int], *, bias: bool = True) -> None:
        super().__init__()
        if "score_unconditional" in heads:
            self.unconditional = Float32Linear(num_features, 1, bias=bias)
        if "embed" in heads:
            self.embedding = Float32Linear(num_features, heads["embed"], bias=bias)
        if "classify" in heads:
            self.classes = Float32Linear(num_features, heads["classify"], bias=bias)

    def score(self, features: Tensor) -> Tensor:
        """Of a face alone."""
        return self.unconditional(features.flatten(1))[:, 0]

    def embed(self, features: Tensor) -> Tensor:
        """Of a face."""
        return self.embedding(features.flatten(1))

    def classify(self, features: Tensor) -> Tensor:
        """Logits of the classes."""
        return self.classes(features.flatten(1))
