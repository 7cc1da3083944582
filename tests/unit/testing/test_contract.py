"""Broken contracts are refused with a message that names the fault."""

import pytest
import torch
from torch import nn

from facegen.core.batch import Condition
from facegen.core.evidence import Figure
from facegen.core.interfaces import (
    Augmentation,
    Conditioner,
    ConditionTransform,
    Generator,
    Matcher,
    Metric,
    Objective,
    Penalty,
)
from facegen.testing import SMALL_DATA, SampleDiscriminator, check_part
from facegen.testing.losses import check_matcher, check_objective, check_penalty
from facegen.testing.networks import (
    check_augmentation,
    check_conditioner,
    check_discriminator,
    check_generator,
    check_transform,
)
from facegen.testing.outside import check_metric
from facegen.testing.samples import CONDITION_DIM


def test_sample_discriminator_passes():
    check_part("discriminator", SampleDiscriminator)


def test_message_begins_with_part_and_settings():
    with pytest.raises(AssertionError, match=r"^objective Relid\(\): is no subclass of facegen\.Objective"):
        check_part("objective", type("Relid", (Penalty,), {}))


# Objectives


class Loss(Objective):
    num_mismatched = 1

    def discriminator_terms(self, critic):
        return {"real": -critic.real.mean(), "fake": critic.fake.mean(), "mismatched": critic.mismatched.mean()}

    def generator_terms(self, critic):
        return {"fake": -critic.fake.mean()}


def objective(**methods) -> Objective:
    return type("Broken", (Loss,), methods)()


def vectors(self, critic):
    return {"real": -critic.real}


def nan(self, critic):
    return {"real": critic.real.mean() * float("nan")}


def host(self, critic):
    loss = critic.real.mean()
    return {"real": -loss if loss > 1 else loss * 2}


def masked(self, critic):
    return {"real": critic.real[critic.real > -9].mean()}


def fickle(self, critic):
    name = f"loss{critic.real_faces[0, 0, 0, 0].item() if type(critic.real_faces) is torch.Tensor else 0:.3f}"
    return {name: critic.real.mean()}


def unasked(self, critic):
    return {"class": critic.real_classes.mean()}


def detached(self, critic):
    return {"fake": -critic.fake.detach().mean() + torch.zeros((), requires_grad=True)}


def attached(self, critic):
    return {"balance": critic.real.mean()}


@pytest.mark.parametrize(
    ("broken", "message"),
    [
        (objective(discriminator_terms=vectors), r"discriminator_terms term 'real' has shape \(6,\), not \(\)"),
        (objective(discriminator_terms=nan), "term 'real' is not finite"),
        (objective(discriminator_terms=host), "discriminator_terms reads a tensor's value on the host"),
        (objective(discriminator_terms=masked), "reads a tensor's value on the host"),
        (objective(discriminator_terms=fickle), "changes its keys"),
        (objective(discriminator_terms=unasked), "the head 'classify' is used, but not in `heads`"),
        (objective(generator_terms=detached), "no gradient reaches the generated faces in generator_terms"),
        (objective(diagnostics=attached), "measure 'balance' is not detached"),
        (objective(heads={"scores": 1}), "needs the heads scores; a discriminator can have classify, embed"),
        (objective(discriminator_terms=lambda s, c: {}, generator_terms=lambda s, c: {}), "no terms in either phase"),
    ],
)
def test_broken_objectives_are_refused(broken, message):
    with pytest.raises(AssertionError, match=message):
        check_objective(broken, SMALL_DATA)


class Several(Objective):
    """Break three rules."""

    def __init__(self, data, *, weight: float):
        super().__init__()
        self.weight = weight

    def discriminator_terms(self, critic):
        return {"real": critic.real}

    def generator_terms(self, critic):
        return {"fake": critic.fake.detach().mean()}


def test_all_faults_are_reported_and_those_of_results_first():
    with pytest.raises(AssertionError) as raised:
        check_part("objective", Several, weight=2.0)
    first, *others = str(raised.value).splitlines()
    assert first.startswith("objective Several(weight = 2.0): discriminator_terms term 'real' has shape (6,), not ()")
    assert any("no gradient reaches the generated faces" in fault for fault in others)
    assert "Settings" in others[-1] or "Engine" in others[-1] or "Source" in others[-1]


def test_objective_without_num_mismatched_is_refused():
    with pytest.raises(RuntimeError, match="mismatched pairs are read, but num_mismatched is 0"):
        check_objective(objective(num_mismatched=0), SMALL_DATA)


def test_good_objective_passes():
    check_objective(Loss(), SMALL_DATA)


# Penalties


class R1(Penalty):
    grad_inputs = frozenset({"real"})

    def terms(self, critic):
        return {"r1": critic.image_gradient("real").square().sum((1, 2, 3)).mean()}


def test_broken_penalties_are_refused():
    check_penalty(R1(), SMALL_DATA)
    with pytest.raises(AssertionError, match="may hold 'real' and 'fake'"):
        check_penalty(type("Broken", (R1,), {"grad_inputs": frozenset({"reel"})})(), SMALL_DATA)
    with pytest.raises(AssertionError, match="terms does not reach the discriminator"):
        flat = {"terms": lambda self, critic: {"r1": critic.fake.mean() * 0}}
        check_penalty(type("Broken", (Penalty,), flat)(), SMALL_DATA)
    with pytest.raises(AssertionError, match=r"constrain makes 'trunk\.weight' non-finite"):
        wild = {"constrain": lambda self, judge: judge.trunk.weight.div_(0)}
        check_penalty(type("Broken", (Penalty,), wild)(), SMALL_DATA)


# Matchers


class Inner(Matcher):
    def terms(self, encoding, embedding, batch):
        return {"match": nn.functional.cross_entropy(encoding @ embedding.T, batch.clip)}

    def logits(self, query, candidates, *, direction):
        return torch.einsum("bd,bkd->bk", query, candidates)


def matcher(**methods) -> Matcher:
    return type("Broken", (Inner,), methods)()


@pytest.mark.parametrize(
    ("broken", "message"),
    [
        (matcher(terms=lambda s, e, f, b: {"match": e.mean()}), "no gradient reaches the embeddings of the faces"),
        (matcher(terms=lambda s, e, f, b: {"match": (e * f).sum(1)}), r"has shape \(6,\), not \(\)"),
        (matcher(terms=lambda s, e, f, b: {}), "has no terms"),
        (matcher(logits=lambda s, q, c, *, direction: c.sum(2).T), r"logits in direction v2f has shape \(3, 6\)"),
        (matcher(logits=lambda s, q, c, *, direction: c.sum(2) / c.sum()), "depend on the other rows"),
    ],
)
def test_broken_matchers_are_refused(broken, message):
    check_matcher(Inner(), SMALL_DATA)
    with pytest.raises(AssertionError, match=message):
        check_matcher(broken, SMALL_DATA)


# Conditioners


class Text(Conditioner):
    needs = frozenset({"text"})
    condition_dim = 8

    def __init__(self):
        super().__init__()
        self.encode = nn.Linear(SMALL_DATA.text_dim, 8)

    def forward(self, batch):
        return self.encode(batch.text)


def conditioner(forward=Text.forward, needs=Text.needs) -> Conditioner:
    return type("Broken", (Text,), {"forward": forward, "needs": needs})()


@pytest.mark.parametrize(
    ("broken", "message"),
    [
        (conditioner(needs=frozenset({"sound"})), "needs sound; a batch has"),
        (conditioner(lambda s, b: s.encode(b.text)[:, :4]), r"its result has shape \(6, 4\), not \(6, 8\)"),
        (conditioner(lambda s, b: s.encode(b.text) + torch.randn(8)), "another result at the second call"),
        (conditioner(lambda s, b: s.encode(b.text - b.text.mean(0))), "depends on the other rows in eval mode"),
        (conditioner(lambda s, b: s.encode(b.text) * 0 + 1), "the same condition for two different people"),
        (conditioner(lambda s, b: b.text[:, :8]), r"'encode\.weight' does not affect the result"),
    ],
)
def test_broken_conditioners_are_refused(broken, message):
    check_conditioner(Text(), SMALL_DATA)
    with pytest.raises(AssertionError, match=message):
        check_conditioner(broken, SMALL_DATA)


class Table(Conditioner):
    needs = frozenset({"identity"})
    condition_dim = 8

    def __init__(self, unseen):
        super().__init__()
        self.unseen = unseen
        self.table = nn.Parameter(torch.randn(SMALL_DATA.num_identities, 8))

    def forward(self, batch):
        return self.unseen(self.table[batch.identity], batch.identity[:, None] < 0)


def refuse(encoding, is_unseen):
    if is_unseen.any():
        raise ValueError("unseen")
    return encoding


def test_last_person_of_a_table_stands_for_nobody_else():
    with pytest.raises(
        AssertionError, match=r"people outside the training split \(identity -1\) the encoding of the last"
    ):
        check_conditioner(Table(lambda encoding, is_unseen: encoding), SMALL_DATA)
    for right in (refuse, lambda encoding, is_unseen: torch.where(is_unseen, torch.nan, encoding)):
        check_conditioner(Table(right), SMALL_DATA)


def test_conditioner_gets_only_the_columns_it_names():
    with pytest.raises(TypeError):
        check_conditioner(conditioner(needs=frozenset()), SMALL_DATA)


# Transforms


class Scale(ConditionTransform):
    condition_dim = CONDITION_DIM

    def forward(self, condition, batch):
        terms = {} if batch is None else {"size": condition.generator.square().mean()}
        return condition._replace(generator=condition.generator * 2, terms=terms)


def test_broken_transforms_are_refused():
    check_transform(Scale(), SMALL_DATA)
    always = {"forward": lambda self, c, b: c._replace(terms={"size": c.generator.mean()})}
    with pytest.raises(AssertionError, match="adds terms without a batch"):
        check_transform(type("Broken", (Scale,), always)(), SMALL_DATA)
    bare = {"forward": lambda self, c, b: c.generator}
    with pytest.raises(AssertionError, match="returns Tensor, not a Condition"):
        check_transform(type("Broken", (Scale,), bare)(), SMALL_DATA)
    renamed = {"forward": lambda self, c, b: Condition(c.generator, c.critic, c.generator + 1, {})}
    with pytest.raises(AssertionError, match="changes `encoding`"):
        check_transform(type("Broken", (Scale,), renamed)(), SMALL_DATA)


# Generators


class Paint(Generator):
    noise_dim = 4

    def __init__(self):
        super().__init__()
        self.paint = nn.Linear(4 + CONDITION_DIM, 3 * 16)

    def forward(self, noise, condition, draft=None):
        small = self.paint(torch.cat([noise, condition], 1)).view(-1, 3, 4, 4)
        return nn.functional.interpolate(torch.tanh(small), size=SMALL_DATA.image_pixels)


def altered(change) -> Generator:
    return type("Broken", (Paint,), {"forward": lambda self, *inputs: change(self, *inputs)})()


@pytest.mark.parametrize(
    ("broken", "message"),
    [
        (altered(lambda s, n, c, d: Paint.forward(s, n, c) * 9), r"outside \[-1, 1\]"),
        (altered(lambda s, n, c, d: Paint.forward(s, n, c)[:, :1]), r"has shape \(6, 1, 64, 64\)"),
        (altered(lambda s, n, c, d: Paint.forward(s, n * 0, c)), "ignores its noise; set noise_dim = 0 if"),
        (altered(lambda s, n, c, d: Paint.forward(s, n, c * 0)), "ignores the condition"),
        (altered(lambda s, n, c, d: Paint.forward(s, n - n.mean(0), c)), "depends on the other rows"),
    ],
)
def test_broken_generators_are_refused(broken, message):
    check_generator(Paint(), SMALL_DATA)
    with pytest.raises(AssertionError, match=message):
        check_generator(broken, SMALL_DATA)


# Discriminators


def discriminator(**methods) -> SampleDiscriminator:
    kind = type("Broken", (SampleDiscriminator,), methods)
    widths = {"score": 1, "score_unconditional": 1, "embed": 16, "classify": 7, "reconstruct": 1}
    return kind(SMALL_DATA, CONDITION_DIM, widths)


def column(self, features, condition):
    return SampleDiscriminator.score(self, features, condition)[:, None]


def mixing(self, faces):
    features = SampleDiscriminator.features(self, faces)
    return features - features.mean(0)


@pytest.mark.parametrize(
    ("methods", "message"),
    [
        ({"score": column}, r"head 'score' has shape \(6, 1\), not \(6,\)"),
        ({"features": mixing}, "uses_batch_statistics is False, but a row's features do depend"),
        ({"uses_batch_statistics": True}, "uses_batch_statistics is True, but a row's features do not depend"),
        ({"embed": lambda s, f: f}, r"head 'embed' has shape \(6, 12\), not \(6, 16\)"),
        ({"classify": lambda s, f: f[:, :7]}, "'heads.classify.weight' does not affect the result"),
        ({"score": lambda s, f, c: s.heads["score" if c is not None else "score_unconditional"](f)[:, 0]}, "condition"),
    ],
)
def test_broken_discriminators_are_refused(methods, message):
    with pytest.raises(AssertionError, match=message):
        check_discriminator(discriminator(**methods), SMALL_DATA)


# Augmentations


class Brightness(Augmentation):
    def forward(self, faces):
        return faces + torch.rand(faces.shape[0], 1, 1, 1)


NUMBERS = [0.1, 0.2, 0.3, 0.4, 0.5]


@pytest.mark.parametrize(
    ("forward", "message"),
    [
        (lambda s, x: x[:, :, 1:], r"its result has shape \(6, 3, 63, 64\)"),
        (lambda s, x: x.detach() + torch.zeros((), requires_grad=True), "no gradient reaches the faces"),
        (lambda s, x: x.double(), "turns torch.float32 into torch.float64"),
        (lambda s, x: x.flip(3) if torch.rand(()) < 0.5 else x, "forward reads a tensor's value on the host"),
        (lambda s, x: x + NUMBERS.pop(), "uses its own random numbers; use torch's"),
    ],
)
def test_broken_augmentations_are_refused(forward, message):
    check_augmentation(Brightness(), SMALL_DATA)
    with pytest.raises(AssertionError, match=message):
        check_augmentation(type("Broken", (Augmentation,), {"forward": forward})(), SMALL_DATA)


# Metrics


def metric(*figures: Figure) -> Metric:
    return type("Given", (Metric,), {"measure": lambda self, evidence: list(figures)})()


def test_broken_metrics_are_refused():
    missing = Figure.missing("b.c_1", "b", "needs weights")
    check_metric(metric(Figure("a", "a", 0.5, 0.4, 0.6), missing), SMALL_DATA)
    with pytest.raises(AssertionError, match="returns two figures with one key"):
        check_metric(metric(Figure("a", "a", 1), Figure("a", "a", 2)), SMALL_DATA)
    with pytest.raises(AssertionError, match="returns two figures with one label"):
        check_metric(metric(Figure("a", "a", 1), Figure("b", "a", 2)), SMALL_DATA)
    for key in ("V-F 2-way", "a..b", ".a", "a b"):
        with pytest.raises(AssertionError, match="must consist of a-z"):
            check_metric(metric(Figure(key, "a", 1)), SMALL_DATA)
    with pytest.raises(AssertionError, match="without a note that gives the reason"):
        check_metric(metric(Figure("a", "a", float("nan"))), SMALL_DATA)
    with pytest.raises(AssertionError, match="outside its interval"):
        check_metric(metric(Figure("a", "a", 0.5, 0.6, 0.7)), SMALL_DATA)
    with pytest.raises(AssertionError, match="returns no figures"):
        check_metric(metric(), SMALL_DATA)
