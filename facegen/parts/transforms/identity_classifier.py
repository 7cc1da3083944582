"""Transform: an identity loss on the condition."""

from typing import Annotated

from pydantic import Field
from torch import nn
from torch.nn import functional

from facegen.core.batch import Batch, Condition, DataSpec
from facegen.core.errors import RecipeError
from facegen.core.interfaces import ConditionTransform
from facegen.core.recipe.schedule import Ramp, Schedule, require_weights
from facegen.parts.layers.precision import Float32Linear


class IdentityClassifier(ConditionTransform):
    """Cross-entropy of a classifier that names the person from the condition; the condition is not changed.

    identity = weight mean_i CE(W h(c_i) + b, y_i) over the rows of people of the training split,
    h = LeakyReLU_0.2(BN(linear)),   or BN(W h(c_i) + b) in place of the logits

    Its gradient reaches only the conditioners that are trained with the generator.

    Engine:
        data: supplies the number of training identities.
        condition_dim: width of the condition.
    Settings:
        identity_weight: weight of the cross-entropy, a number or a ramp.
        widths: widths of the hidden layers; an empty list makes the classifier linear.
        normalise_logits: batch norm on the logits, too.
    Shape:
        (B, condition_dim) -> (B, condition_dim), and the scalar term identity
    Raises:
        RecipeError: the training split names fewer than two people, or a ramp falls below 0.
    Source:
        Duarte et al. 2019 (Wav2Pix): one hidden layer of 200, weight 20, as in their code, which has
        normalise_logits, too. The slope of 0.2 is our choice.
    """

    def __init__(
        self,
        data: DataSpec,
        condition_dim: int,
        *,
        identity_weight: Annotated[float, Field(ge=0)] | Ramp = 20.0,
        widths: tuple[Annotated[int, Field(ge=1)], ...] = (200,),
        normalise_logits: bool = False,
    ) -> None:
        super().__init__()
        if data.num_identities < 2:
            raise RecipeError(
                f"identity_classifier: the training split names {data.num_identities} people; "
                "there is nothing to tell apart below two"
            )
        self.condition_dim = condition_dim
        require_weights("identity_classifier", {"identity_weight": identity_weight})
        self.weight = Schedule(identity_weight)
        layers: list[nn.Module] = []
        for width_in, width in zip((condition_dim, *widths), widths, strict=False):
            layers += [nn.Linear(width_in, width, bias=False), nn.BatchNorm1d(width), nn.LeakyReLU(0.2)]
        norms = [nn.BatchNorm1d(data.num_identities)] if normalise_logits else []
        self.classifier = nn.Sequential(
            *layers, Float32Linear((condition_dim, *widths)[-1], data.num_identities), *norms
        )

    def forward(self, condition: Condition, batch: Batch | None) -> Condition:
        if batch is None:
            return condition
        logits = self.classifier(condition.generator)
        # Mean over the rows with a known person; 0 instead of NaN where a batch has none.
        summed = functional.cross_entropy(logits, batch.identity, ignore_index=-1, reduction="sum")
        loss = summed / (batch.identity >= 0).sum().clamp(min=1)
        return condition._replace(terms={**condition.terms, "identity": self.weight.value * loss})
