"""A phase of a step: passes through the networks, their number, and the flow of gradients."""

import pytest
import torch
from torch import nn

from facegen.core.batch import Batch, Condition
from facegen.core.critic import Critic
from facegen.core.interfaces import Augmentation, Discriminator

ROWS, DIM, PIXELS = 4, 3, 2
FACE = 3 * PIXELS * PIXELS


class Counting(Discriminator):
    """Quadratic in the faces, so that image gradients can be written down: f = (A x)^2, score = f . c + b . f."""

    supported_heads = frozenset({"score", "score_unconditional", "embed", "classify", "reconstruct"})

    def __init__(self, mixes: bool = False) -> None:
        nn.Module.__init__(self)
        self.weight = nn.Parameter(torch.randn(DIM, FACE))
        self.bias = nn.Parameter(torch.randn(DIM))
        self.mixes = mixes
        self.passes: list[tuple[int, bool]] = []

    @property
    def uses_batch_statistics(self):
        return self.mixes

    def features(self, faces):
        self.passes.append((len(faces), torch.is_grad_enabled()))
        return (faces.flatten(1) @ self.weight.T).square()

    def score(self, features, condition):
        linear = features @ self.bias
        return linear if condition is None else linear + (features * condition).sum(1)

    def embed(self, features):
        return features * 2

    def classify(self, features):
        return features * 3

    def reconstruct(self, features, condition):
        return features * 4


class Plus(Augmentation):
    calls = 0

    def forward(self, faces):
        self.calls += 1
        return faces + 1


@pytest.fixture(autouse=True)
def seeded():
    torch.manual_seed(0)


def critic(phase, discriminator=None, leaves=(), rows=((1, 2), (2, 3), (3, 0), (0, 1)), fakes=None, **options):
    batch = Batch(
        faces=torch.randn(ROWS, 3, PIXELS, PIXELS),
        clip=torch.arange(ROWS),
        identity=torch.arange(ROWS),
        mismatched_rows=torch.tensor(rows),
    )
    values = torch.randn(ROWS, DIM, requires_grad=True)
    fakes = torch.randn(ROWS, 3, PIXELS, PIXELS, requires_grad=True) if fakes is None else fakes
    condition = Condition(values, values, values, {})
    judge = discriminator or Counting()
    return Critic(phase, batch, condition, judge, fakes, grad_inputs=frozenset(leaves), **options)


def touch_everything(judged: Critic) -> None:
    for name in (
        *("real", "fake", "mismatched", "fake_mismatched", "mismatched_all", "fake_mismatched_all"),
        *("real_unconditional", "fake_unconditional", "real_classes", "fake_classes"),
        *("real_embedding", "fake_embedding", "real_reconstruction", "fake_reconstruction"),
    ):
        getattr(judged, name)
        getattr(judged, name)


@pytest.mark.parametrize(
    ("phase", "mixes", "leaves", "passes"),
    [
        ("discriminator", False, (), [(8, True)]),
        ("discriminator", True, (), [(4, True), (4, True)]),
        ("discriminator", False, ("real",), [(4, True), (4, True)]),
        ("discriminator", False, ("fake",), [(4, True), (4, True)]),
        ("discriminator", False, ("real", "fake"), [(8, True)]),
        ("generator", False, (), [(4, False), (4, True)]),
        ("generator", True, ("real",), [(4, False), (4, True)]),
    ],
)
def test_passes_of_the_backbone(phase, mixes, leaves, passes):
    judge = Counting(mixes)
    touch_everything(critic(phase, judge, leaves))
    assert judge.passes == passes


def test_quantities_that_are_not_read_are_not_computed():
    judge = Counting()
    generator_phase = critic("generator", judge)
    assert judge.passes == []
    assert generator_phase.fake.shape == (ROWS,)
    assert judge.passes == [(4, True)]


@pytest.mark.parametrize("leaves", [(), ("real",), ("real", "fake")])
def test_a_joint_pass_and_two_give_the_same_scores_and_gradients(leaves):
    judge = Counting()
    judged = critic("discriminator", judge, leaves)
    alone = {"real": judge.score(judge.features(judged.batch.faces), judged.condition.critic)}
    alone["fake"] = judge.score(judge.features(judged.fake_faces), judged.condition.critic)
    torch.testing.assert_close(judged.real, alone["real"])
    torch.testing.assert_close(judged.fake, alone["fake"])
    loss = (judged.real.exp() - judged.fake).sum() * 1e-3
    expected = (alone["real"].exp() - alone["fake"]).sum() * 1e-3
    weights = list(judge.parameters())
    for ours, theirs in zip(torch.autograd.grad(loss, weights), torch.autograd.grad(expected, weights), strict=True):
        torch.testing.assert_close(ours, theirs)


def test_mismatched_scores_take_the_conditions_of_the_named_rows():
    judged = critic("discriminator")
    for name, faces in (("mismatched", judged.batch.faces), ("fake_mismatched", judged.fake_faces)):
        judge = judged._discriminator
        expected = torch.empty(ROWS, 2)
        for row in range(ROWS):
            for column in range(2):
                other = judged.batch.mismatched_rows[row, column]
                condition = judged.condition.critic[other : other + 1]
                expected[row, column] = judge.score(judge.features(faces[row : row + 1]), condition)[0]
        torch.testing.assert_close(getattr(judged, f"{name}_all"), expected)
        torch.testing.assert_close(getattr(judged, name), expected[:, 0])


def test_mismatched_scores_without_mismatched_rows_are_refused():
    judged = critic("discriminator", rows=((), (), (), ()))
    with pytest.raises(RuntimeError, match="mismatched pairs are read, but num_mismatched is 0"):
        _ = judged.mismatched


@pytest.mark.parametrize("side", ["real", "fake"])
def test_heads_and_the_unconditional_score(side):
    judged = critic("discriminator")
    features = judged._discriminator.features(getattr(judged, f"{side}_faces"))
    torch.testing.assert_close(getattr(judged, f"{side}_unconditional"), features @ judged._discriminator.bias)
    for number, head in enumerate(("embedding", "classes", "reconstruction"), start=2):
        torch.testing.assert_close(getattr(judged, f"{side}_{head}"), features * number)


@pytest.mark.parametrize(("phase", "expected"), [("discriminator", ["draw", "change"]), ("generator", ["change"])])
def test_fakes_are_generated_once_when_first_scored_and_before_augmentation(phase, expected):
    done, faces = [], torch.randn(ROWS, 3, PIXELS, PIXELS)

    def draw():
        done.append("draw")
        return faces

    def change(faces):
        done.append("change")
        return faces

    judged = critic(phase, Counting(mixes=True), augmentation=change, fakes=draw)
    _ = judged.real_faces
    assert done == []
    _ = judged.real
    assert done == expected
    touch_everything(judged)
    assert done.count("draw") == 1 and torch.equal(judged.fake_faces, faces)


def test_in_the_discriminators_phase_nothing_reaches_the_generator():
    judged = critic("discriminator")
    assert not judged.fake_faces.requires_grad
    (gradient,) = torch.autograd.grad(judged.fake.sum(), [judged.condition.critic])
    assert gradient.abs().sum() > 0, "detaching the condition is the engine's affair"


def test_in_the_generators_phase_only_the_fakes_have_gradients():
    judge = Counting().requires_grad_(False)
    judged = critic("generator", judge)
    (gradient,) = torch.autograd.grad(judged.fake.sum(), [judged.fake_faces], retain_graph=True)
    assert gradient.abs().sum() > 0
    assert not judged.real_features.requires_grad
    assert not judged.real_unconditional.requires_grad


def test_grad_inputs_hold_in_the_discriminators_phase_only():
    assert critic("discriminator", leaves=("real",)).real_faces.requires_grad
    assert not critic("discriminator").real_faces.requires_grad
    assert not critic("generator", leaves=("real",)).real_faces.requires_grad


@pytest.mark.parametrize("leaves", [("real",), ("fake",), ("real", "fake")])
@pytest.mark.parametrize("augmentation", [None, Plus()])
def test_image_gradients_by_hand(leaves, augmentation):
    judged = critic("discriminator", leaves=leaves, augmentation=augmentation)
    weight, bias = judged._discriminator.weight, judged._discriminator.bias
    for side in leaves:
        faces = (judged.real_faces if side == "real" else judged.fake_faces).flatten(1)
        view = faces if augmentation is None else faces + 1
        # score = sum_k (c_k + b_k) (A x)_k^2, hence its gradient is 2 A^T [(c + b) * A x]
        expected = 2 * ((judged.condition.critic + bias) * (view @ weight.T)) @ weight
        torch.testing.assert_close(judged.image_gradient(side).flatten(1), expected)


def test_image_gradients_can_be_differentiated_again():
    judged = critic("discriminator", leaves=("real",))
    penalty = judged.image_gradient("real").square().sum()
    weight, bias = judged._discriminator.weight, judged._discriminator.bias
    scale = judged.condition.critic + bias
    expected = (2 * (scale * (judged.batch.faces.flatten(1) @ weight.T)) @ weight).square().sum()
    ours = torch.autograd.grad(penalty, [weight, bias], retain_graph=True)
    for mine, theirs in zip(ours, torch.autograd.grad(expected, [weight, bias]), strict=True):
        torch.testing.assert_close(mine, theirs)


def test_each_side_is_augmented_once_and_further_scores_on_request():
    plus, judge = Plus(), Counting()
    judged = critic("discriminator", judge, augmentation=plus)
    touch_everything(judged)
    assert plus.calls == 2
    torch.testing.assert_close(judged.real_augmented, judged.batch.faces + 1)
    faces = torch.randn(2, 3, PIXELS, PIXELS)
    torch.testing.assert_close(judged.score(faces, None), judge.score(judge.features(faces + 1), None))
    torch.testing.assert_close(judged.score(faces, None, augment=False), judge.score(judge.features(faces), None))


def test_scores_are_float32_whatever_the_discriminator_computes_in():
    judged = critic("discriminator", Counting().to(torch.float64).float().bfloat16())
    judged.batch.faces.data = judged.batch.faces.data.bfloat16()
    judged.fake_faces.data = judged.fake_faces.data.bfloat16()
    for name in ("real", "fake", "mismatched", "real_unconditional", "real_classes", "real_embedding"):
        assert getattr(judged, name).dtype == torch.float32


def test_drawing_needs_a_generator():
    assert critic("generator", draw=lambda condition: condition * 2).draw(torch.ones(1)).item() == 2
    with pytest.raises(RuntimeError, match="without a generator"):
        critic("generator").draw(torch.ones(1))
