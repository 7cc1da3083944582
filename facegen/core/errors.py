"""What can go wrong, in words for the person who can mend it."""


class FacegenError(Exception):
    """Something that the user can mend; `problems` holds every cause that was found, a line each."""

    def __init__(self, *problems: str) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


class PluginError(FacegenError):
    """A plugin package is broken, or two of them claim one name."""


class RecipeError(FacegenError):
    """A recipe asks for what is not there, not allowed, or does not fit together."""


class DataError(FacegenError):
    """A corpus, or a file that somebody gave, is missing, damaged or unfit."""


class CheckpointError(FacegenError):
    """A run folder cannot be read, resumed, or used for what was asked."""


class TrainingError(FacegenError):
    """Training diverged, or cannot go on."""
