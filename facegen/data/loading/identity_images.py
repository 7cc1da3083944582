"""Identity images: another face of the person of each row."""

import torch
from torch import Tensor

from facegen.core.clips import Clips
from facegen.core.errors import DataError


class IdentityImages:
    """Choice of another face of the same person within a split, in the same clip or in another one.

    Args:
        clips: the split.
        split: its name, for errors.
    Raises:
        DataError: a person of the split has one face only.
    """

    def __init__(self, clips: Clips, split: str) -> None:
        problem = lone_faces(clips, split)
        if problem is not None:
            raise DataError(problem)
        # All faces of the split in one row, person by person.
        self._order = clips.person.argsort(stable=True)
        num_frames = clips.num_frames[self._order]
        self._ends = num_frames.cumsum(0)
        self._starts = self._ends - num_frames
        self._start_of_row = torch.empty_like(self._starts)
        self._start_of_row[self._order] = self._starts
        self._faces_of_row, self._first_of_row = _faces_per_person(clips)

    def choose(self, rows: Tensor, frame: Tensor, draw: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Choose a face for each row, never its own.

        Args:
            rows: (B,) positions in the split, on the CPU.
            frame: (B,) number of the face within the clip.
            draw: (B,) uniform in [0, 1); None for the person's next face.
        Returns:
            (B,) positions in the split, and (B,) numbers of the faces within their clips.
        """
        own = self._start_of_row[rows] - self._first_of_row[rows] + frame
        num_faces = self._faces_of_row[rows]
        skipped = torch.zeros_like(own) if draw is None else (draw * (num_faces - 1)).long()
        place = self._first_of_row[rows] + (own + 1 + skipped) % num_faces
        position = torch.searchsorted(self._ends, place, right=True)
        return self._order[position], place - self._starts[position]


def lone_faces(clips: Clips, split: str) -> str | None:
    """Explain that people of a split have one face only, so that they have no identity image; None if all have more."""
    faces_of_row, _ = _faces_per_person(clips)
    num_people = len(clips.person[faces_of_row < 2].unique())
    if num_people == 0:
        return None
    return (
        f"{num_people} of the {len(clips.person.unique())} people of '{split}' have one face only; an identity image "
        f"is another face of the same person: give each person a second face, or use a recipe without face_image"
    )


def _faces_per_person(clips: Clips) -> tuple[Tensor, Tensor]:
    """Return, for each row, the number of faces of its person, and how many faces the people before have."""
    people, person = clips.person.unique(return_inverse=True)
    num_faces = torch.zeros_like(people).index_add(0, person, clips.num_frames)
    return num_faces[person], (num_faces.cumsum(0) - num_faces)[person]
