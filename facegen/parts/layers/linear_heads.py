"""Linear heads of discriminators."""

from collections.abc import Mapping

from torch import Tensor, nn

from facegen.parts.layers.precision import Float32Linear


class LinearHeads(nn.Module):
    """One linear layer on all features for each requested head that does not read the condition.

    On a feature map this is a convolution of the size of the map.

    Args:
        num_features: channels times pixels.
        heads: requested heads and their widths.
        bias: whether the layers have a bias.
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
        """Compute the unconditional score: (B, ...) -> (B,)."""
        return self.unconditional(features.flatten(1))[:, 0]

    def embed(self, features: Tensor) -> Tensor:
        """Compute the embedding: (B, ...) -> (B, width)."""
        return self.embedding(features.flatten(1))

    def classify(self, features: Tensor) -> Tensor:
        """Compute the logits of the classes: (B, ...) -> (B, width)."""
        return self.classes(features.flatten(1))
