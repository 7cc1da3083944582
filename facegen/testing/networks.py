"""Checks of networks: conditioners, transforms, generators, discriminators, augmentations."""

from dataclasses import replace

import torch
from torch import Tensor
from torch.nn.utils import parametrize

from facegen.core.batch import CLIP_NAME, IDENTITY_IMAGE, Batch, Condition, DataSpec
from facegen.core.describe.layers import all_heads, run_heads
from facegen.core.errors import FacegenError
from facegen.core.interfaces import Augmentation, Conditioner, ConditionTransform, Discriminator, Generator
from facegen.testing.expect import (
    any_loss,
    expect,
    expect_finite_gradients,
    expect_reached,
    expect_shape,
    expect_terms,
    repeatable,
    without_dropout,
    without_host_sync,
)
from facegen.testing.samples import CONDITION_DIM, ROWS, sample_batch, sample_condition, sample_critic

COLUMNS = frozenset({"faces", "clip", "identity", "speech", "caption", "text", CLIP_NAME, IDENTITY_IMAGE})
TOLERANCE = 1e-4


def check_conditioner(conditioner: Conditioner, data: DataSpec) -> None:
    """Check that it returns (B, condition_dim) from its columns, and in eval mode per row and repeatably."""
    unknown = sorted(set(conditioner.needs) - COLUMNS - set(data.attributes))
    expect(not unknown, f"needs {', '.join(unknown)}; a batch has {', '.join(sorted(COLUMNS))} and the attributes")
    full = sample_batch(data)
    unneeded = {name: None for name in ("speech", "caption", "text", IDENTITY_IMAGE) if name not in conditioner.needs}
    unneeded |= {} if CLIP_NAME in conditioner.needs else {"clip_names": None}
    batch = replace(full, **unneeded)  # type: ignore[arg-type]
    encoding = conditioner(batch)
    expect_shape(encoding, (ROWS, conditioner.condition_dim), "its result")
    expect_finite_gradients(conditioner, any_loss([encoding]))
    conditioner.eval()
    with torch.no_grad():
        alone, again = conditioner(batch), conditioner(batch)
        few = conditioner(_first_rows(batch, 2))
    expect(torch.equal(alone, again), "returns another result at the second call in eval mode; does it add noise?")
    expect(_close(few, alone[:2]), "a row's result depends on the other rows in eval mode")
    expect(not torch.allclose(alone[0], alone[1]), "returns the same condition for two different people")
    if "identity" in conditioner.needs and data.num_identities:
        _check_unseen_people(conditioner, batch, data.num_identities)


def _check_unseen_people(conditioner: Conditioner, batch: Batch, num_identities: int) -> None:
    """Expect a refusal, NaN or another encoding than that of the last person for identity -1."""
    last = torch.full_like(batch.identity, num_identities - 1)
    with torch.no_grad():
        try:
            unseen = conditioner(replace(batch, identity=torch.full_like(last, -1)))
        except (LookupError, ValueError, RuntimeError, FacegenError):
            return
        known = conditioner(replace(batch, identity=last))
    expect(
        not torch.allclose(unseen, known),
        "gives people outside the training split (identity -1) the encoding of the last person, as the index -1 of a "
        "table does; return NaN for them, or raise an exception",
    )


def check_transform(transform: ConditionTransform, data: DataSpec) -> None:
    """Check the widths of the condition, and that terms are finite scalars, absent without a batch."""
    before = sample_condition()
    after = transform(before, sample_batch(data))
    expect(isinstance(after, Condition), f"returns {type(after).__name__}, not a Condition")
    expect_shape(after.generator, (ROWS, transform.condition_dim), "its condition for the generator")
    expect_shape(after.critic, (ROWS, transform.condition_dim), "its condition for the critic")
    expect(after.encoding is before.encoding, "changes `encoding`, which must remain the output of the conditioners")
    expect_terms(after.terms, "its condition's")
    expect_finite_gradients(transform, any_loss([after.generator, after.critic, *after.terms.values()]))
    expect(not transform(before, None).terms, "adds terms without a batch; sampling has no losses")
    with without_host_sync("forward"):
        transform(sample_condition(), sample_batch(data))


def check_generator(generator: Generator, data: DataSpec) -> None:
    """Check that faces lie in [-1, 1], depend on noise and condition, and in eval mode not on other rows."""
    drafted = replace(data, image_pixels=generator.draft_pixels or data.image_pixels)
    draft = sample_batch(drafted).faces if generator.uses_draft else None
    condition, noise = sample_condition().generator, generator.noise(ROWS, torch.device("cpu"))
    shape = (ROWS, 3, data.image_pixels, data.image_pixels)
    expect_shape(noise, (ROWS, generator.noise_dim), "its noise")
    faces = generator(noise, condition, draft)
    expect_shape(faces, shape, "its result")
    expect(faces.abs().max().item() <= 1, "returns values outside [-1, 1]")
    expect_finite_gradients(generator, any_loss([faces]))
    generator.eval()
    with torch.no_grad():
        faces = generator(noise, condition, draft)
        few = generator(noise[:2], condition[:2], None if draft is None else draft[:2])
        expect(_close(few, faces[:2]), "a face depends on the other rows in eval mode")
        other = generator(noise, condition.roll(1, 0), draft)
        expect(not torch.allclose(other, faces), "ignores the condition")
        if generator.noise_dim:
            other = generator(generator.noise(ROWS, noise.device), condition, draft)
            expect(not torch.allclose(other, faces), "ignores its noise; set noise_dim = 0 if that is intended")
    with without_host_sync("forward"):
        generator(generator.noise(ROWS, noise.device), condition, draft)


def check_discriminator(discriminator: Discriminator, data: DataSpec) -> None:
    """Check shape and gradients of every head, and that rows depend on each other only if `uses_batch_statistics`."""
    widths = all_heads(type(discriminator), data, CONDITION_DIM)
    faces, condition = sample_batch(data).faces, sample_condition().critic
    face = (ROWS, 3, data.image_pixels, data.image_pixels)
    outputs = run_heads(discriminator, faces, condition)
    for head, output in outputs.items():
        width: tuple[int, ...] = () if head.startswith("score") else (widths[head],)
        expect_shape(output, face if head == "reconstruct" else (ROWS, *width), f"head '{head}'")
    expect_finite_gradients(discriminator, any_loss(outputs.values()))
    without_dropout(discriminator)
    # Spectral norms take one step of their power iteration per call; cached, both calls see the same weights.
    with torch.no_grad(), parametrize.cached():
        mixes = not _close(discriminator.features(faces)[:2], discriminator.features(faces[:2]))
        if "score" in discriminator.supported_heads:
            changed = discriminator.score(discriminator.features(faces), condition.roll(1, 0))
            expect(not torch.allclose(changed, outputs["score"], atol=1e-7), "its score ignores the condition")
    expect(
        mixes == discriminator.uses_batch_statistics,
        f"uses_batch_statistics is {discriminator.uses_batch_statistics}, but a row's features "
        f"{'do' if mixes else 'do not'} depend on the other rows",
    )
    with without_host_sync("features and heads"):
        run_heads(discriminator, faces, condition)


def check_augmentation(augmentation: Augmentation, data: DataSpec) -> None:
    """Check that faces keep shape and type, gradients pass, and randomness is torch's own."""
    faces = sample_batch(data).faces.requires_grad_()
    changed = augmentation(faces)
    expect_shape(changed, tuple(faces.shape), "its result")
    expect(changed.dtype == faces.dtype, f"turns {faces.dtype} into {changed.dtype}")
    expect_reached(any_loss([changed]), faces, "the faces")
    critic = sample_critic("discriminator", data=data)
    diagnostics = augmentation.diagnostics(critic)
    expect_terms(diagnostics, "diagnostics")
    augmentation.update(diagnostics)
    with without_host_sync("forward"):
        augmentation(torch.zeros_like(faces))
    with without_host_sync("diagnostics and update"):
        augmentation.update(augmentation.diagnostics(sample_critic("discriminator", data=data)))
    with repeatable():
        first = augmentation(faces)
    with repeatable():
        same = torch.equal(first, augmentation(faces))
    expect(same, "uses its own random numbers; use torch's, which the run's seed determines")


def _first_rows(batch: Batch, num: int) -> Batch:
    def first_rows(column: Tensor | None) -> Tensor | None:
        return None if column is None else column[:num]

    return Batch(
        faces=batch.faces[:num],
        clip=batch.clip[:num],
        identity=batch.identity[:num],
        mismatched_rows=batch.mismatched_rows[:num] % num,
        speech=first_rows(batch.speech),
        caption=first_rows(batch.caption),
        text=first_rows(batch.text),
        attributes={name: labels[:num] for name, labels in batch.attributes.items()},
        clip_names=None if batch.clip_names is None else batch.clip_names[:num],
        identity_image=first_rows(batch.identity_image),
    )


def _close(first: Tensor, second: Tensor) -> bool:
    scale = second.abs().max().item()
    return torch.allclose(first, second, rtol=TOLERANCE, atol=TOLERANCE * scale)
