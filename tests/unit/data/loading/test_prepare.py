import torch

from facegen.data.loading.prepare import fit_speech, mirror_faces, prepare_faces, prepare_speech, restore_faces


def test_faces_are_restored_exactly() -> None:
    stored = torch.arange(256, dtype=torch.uint8).view(1, 16, 16, 1).expand(1, 16, 16, 3)
    faces = prepare_faces(stored)
    assert faces.shape == (1, 3, 16, 16)
    assert (faces.min().item(), faces.max().item()) == (-1.0, 1.0)
    assert torch.equal(restore_faces(faces), stored)


def test_speech_is_scaled_by_the_largest_integer() -> None:
    stored = torch.tensor([[-32768, 0, 16384, 32767]], dtype=torch.int16)
    assert prepare_speech(stored).tolist() == [[-1.0, 0.0, 0.5, 32767 / 32768]]


def test_mirror_turns_the_chosen_rows_only() -> None:
    faces = torch.randn(2, 3, 4, 4)
    mirrored = mirror_faces(faces, torch.tensor([True, False]))
    assert torch.equal(mirrored[0], faces[0].flip(2))
    assert torch.equal(mirrored[1], faces[1])


def test_speech_is_repeated_or_cropped_to_fit() -> None:
    track = torch.arange(5)
    assert fit_speech(track, 12).tolist() == [0, 1, 2, 3, 4, 0, 1, 2, 3, 4, 0, 1]
    assert fit_speech(track, 3).tolist() == [1, 2, 3]
    assert fit_speech(track, 5).tolist() == [0, 1, 2, 3, 4]
