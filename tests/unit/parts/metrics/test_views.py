"""Views with one generated face per row, from its own noise where there is one."""

from dataclasses import replace

import torch

from facegen.core.evidence import Recognised
from facegen.parts.metrics.identity import Identity
from facegen.parts.metrics.preference import Preference
from facegen.parts.metrics.views import face_views, one_per_row
from facegen.testing.samples import sample_evidence


def test_shared_noises_alternate_without_own_noises() -> None:
    fake = torch.arange(10).view(5, 2)
    assert one_per_row(fake, None).tolist() == [0, 3, 4, 7, 8]
    assert one_per_row(fake, torch.arange(5)).tolist() == [0, 1, 2, 3, 4]


def test_every_view_uses_faces_of_own_noises() -> None:
    sample = sample_evidence(20)
    fresh, theirs = torch.randn(20, 8), torch.randn(20, 3)
    theirs[4] = torch.nan
    outside = Recognised(real=torch.randn(20, 3), fake=torch.randn(20, 2, 3), fresh=theirs)
    judge, other = face_views(replace(sample, fresh=fresh, recognised={"outside": outside}))
    assert judge.fake is fresh
    assert other.fake is not None
    assert other.fake.equal(theirs[torch.arange(20) != 4])
    assert other.left_out == 1


def test_ignored_voice_covers_people_through_noise() -> None:
    """Two shared noises give two faces."""
    sample = sample_evidence(40, num_noises=2)
    people = torch.eye(40)
    deaf = replace(sample, real=people, real_other=people, fake=people[:2].expand(40, 2, 40), fresh=people.flip(0))
    figures = {figure.key: figure.value for figure in Identity().measure(deaf)}
    assert figures["identities.generated"] == 40
    assert figures["score.generated"] == figures["score.real"]
    alike = {figure.key: figure.value for figure in Identity().measure(replace(deaf, fresh=None))}
    assert alike["identities.generated"] == 2
    assert alike["score.generated"] == 1


def test_preference_uses_a_new_noise_per_row() -> None:
    sample = sample_evidence(30)
    (figure,) = Preference().measure(replace(sample, fresh=10 * sample.encodings))
    assert figure.value == 1
    (figure,) = Preference().measure(replace(sample, fresh=sample.real))
    assert figure.value == 0.5
