"""Second real faces: another face of the same person for each evaluated row."""

import torch
from torch import Tensor

from facegen.core.clips import Clips


def find_other_faces(clips: Clips, chosen: Tensor, elsewhere: Clips | None) -> Tensor:
    """Find another face of the same person: in another clip, another split, or another frame of the clip.

    Args:
        clips: clips of the split.
        chosen: (N,) rows of the split.
        elsewhere: clips of another split to search where the person has no other clip in this one; None for no search.
    Returns:
        (2, N) clip of the corpus and frame; -1 if the person has one face only.
    """
    other_row = find_other_rows(clips, chosen)
    clip_and_frame = torch.stack([clips.clip[other_row], clips.num_frames[other_row] - 1])
    clip_and_frame[:, other_row < 0] = -1
    if elsewhere is None or not len(elsewhere):
        return clip_and_frame
    alone = torch.nonzero((other_row < 0) | (other_row == chosen))[:, 0]
    order = elsewhere.person.argsort(stable=True)
    wanted = clips.person[chosen[alone]]
    index = torch.searchsorted(elsewhere.person[order], wanted).clamp(max=len(order) - 1)
    row = order[index]
    known = elsewhere.person[row] == wanted
    clip_and_frame[:, alone[known]] = torch.stack([elsewhere.clip[row], elsewhere.num_frames[row] - 1])[:, known]
    return clip_and_frame


def find_other_rows(clips: Clips, chosen: Tensor) -> Tensor:
    """Find rows with another face of the same person: another clip, or the clip itself if it has several frames.

    Returns:
        (N,) rows of the split; -1 if the person has one face only.
    """
    order = clips.person.argsort(stable=True)
    person = clips.person[order]
    # The next row in this order is the person's next clip; after the last one, the first.
    first = torch.searchsorted(person, person)
    following = torch.arange(1, len(order) + 1)
    end = torch.searchsorted(person, person, right=True)
    following = torch.where(following < end, following, first)
    another = torch.empty_like(order)
    another[order] = order[following]
    another = another[chosen]
    return torch.where((another != chosen) | (clips.num_frames[chosen] > 1), another, -1)
