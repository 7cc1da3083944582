"""One generated face a row, and whose features of it: under a noise of its own wherever there is such a face."""

from dataclasses import replace

import torch

from facegen.core.evidence import Recognised
from facegen.parts.metrics.identity import Identity
from facegen.parts.metrics.preference import Preference
from facegen.parts.metrics.views import face_views, one_per_row
from facegen.testing.samples import sample_evidence


def test_shared_noises_take_turns_where_no_row_has_one_of_its_own() -> None:
    fake = torch.arange(10).view(5, 2)
    assert one_per_row(fake, None).tolist() == [0, 3, 4, 7, 8]
    assert one_per_row(fake, torch.arange(5)).tolist() == [0, 1, 2, 3, 4]


def test_every_network_is_asked_about_the_faces_under_noises_of_their_own() -> None:
    sample = sample_evidence(20)
    fresh, theirs = torch.randn(20, 8), torch.randn(20, 3)
    theirs[4] = torch.nan
    outside = Recognised(real=torch.randn(20, 3), fake=torch.randn(20, 2, 3), fresh=theirs)
    judge, other = face_views(replace(sample, fresh=fresh, recognised={"outside": outside}))
    assert judge.fake is fresh
    assert other.fake is not None
    assert other.fake.equal(theirs[torch.arange(20) != 4])
    assert other.left_out == 1


def test_a_generator_that_ignores_the_voice_draws_many_people_under_many_noises() -> None:
    """Under two shared noises it draws two."""
    sample = sample_evidence(40, num_noises=2)
    people = torch.eye(40)
    deaf = replace(sample, real=people, real_other=people, fake=people[:2].expand(40, 2, 40), fresh=people.flip(0))
    found = {figure.key: figure.value for figure in Identity().measure(deaf)}
    assert found["identities.generated"] == 40
    assert found["score.generated"] == found["score.real"]
    alike = {figure.key: figure.value for figure in Identity().measure(replace(deaf, fresh=None))}
    assert alike["identities.generated"] == 2
    assert alike["score.generated"] == 1


def test_preference_draws_the_noise_anew_for_every_row() -> None:
    sample = sample_evidence(30)
    (figure,) = Preference().measure(replace(sample, fresh=10 * sample.encodings))
    assert figure.value == 1
    (figure,) = Preference().measure(replace(sample, fresh=sample.real))
    assert figure.value == 0.5
