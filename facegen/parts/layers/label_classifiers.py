"""Linear classifiers of identity and attributes."""

from collections.abc import Sequence

from torch import Tensor, nn
from torch.nn import functional

from facegen.core.batch import Batch, DataSpec, Terms
from facegen.core.errors import RecipeError
from facegen.core.recipe.schedule import Ramp, Schedule, require_weights
from facegen.parts.layers.precision import Float32Linear

IDENTITY = "identity"


class LabelClassifiers(nn.Module):
    """Cross-entropies of one linear classifier for the identity and one for each attribute.

    term_y = weight_y mean_i CE(W_y x_i + b_y, y_i) over the rows with a known label; 0 where there is none

    Args:
        part: name of the part, for errors.
        data: supplies the training identities and the attributes' classes.
        dim: width of x.
        attributes: attributes to classify; None takes all of the corpus.
        identity_weight, attribute_weight: weights of the cross-entropies, numbers or ramps; for the number 0 no
            classifier is built.
    Raises:
        RecipeError: the corpus lacks an attribute or has too few people, nothing is left to classify, or a ramp falls
            below 0.
    """

    def __init__(
        self,
        part: str,
        data: DataSpec,
        dim: int,
        *,
        attributes: Sequence[str] | None,
        identity_weight: float | Ramp,
        attribute_weight: float | Ramp,
    ) -> None:
        super().__init__()
        require_weights(part, {"identity_weight": identity_weight, "attribute_weight": attribute_weight})
        self.identity_weight, self.attribute_weight = Schedule(identity_weight), Schedule(attribute_weight)
        chosen = tuple(data.attributes) if attributes is None else tuple(attributes)
        has = ", ".join(sorted(data.attributes)) or "none"
        problems = [
            f"{part}: attributes = {name!r}: the corpus has no such labels; it has {has}"
            for name in chosen
            if name not in data.attributes
        ]
        if not self.identity_weight.is_zero and data.num_identities < 2:
            problems.append(
                f"{part}: the training split names {data.num_identities} people; there is nothing to tell apart "
                "below two: set identity_weight = 0, or take another corpus"
            )
        if self.identity_weight.is_zero and (self.attribute_weight.is_zero or not chosen):
            problems.append(f"{part}: nothing is left to classify: raise identity_weight, or name attributes ({has})")
        if problems:
            raise RecipeError(*problems)
        classes = {} if self.identity_weight.is_zero else {IDENTITY: data.num_identities}
        classes |= {} if self.attribute_weight.is_zero else {name: data.attributes[name] for name in chosen}
        self.labels = tuple(classes)
        self.classifiers = nn.ModuleList(Float32Linear(dim, num) for num in classes.values())

    def forward(self, values: Tensor, batch: Batch) -> Terms:
        """Return the weighted terms by label: (B, dim) -> scalars."""
        terms = {}
        for name, classifier in zip(self.labels, self.classifiers, strict=True):
            labels = batch.identity if name == IDENTITY else batch.attributes[name]
            weight = self.identity_weight if name == IDENTITY else self.attribute_weight
            summed = functional.cross_entropy(classifier(values), labels, ignore_index=-1, reduction="sum")
            terms[name] = weight.value * summed / (labels >= 0).sum().clamp(min=1)
        return terms
