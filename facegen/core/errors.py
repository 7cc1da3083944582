"""Errors that the user can fix; the command line prints their messages without a traceback."""


class FacegenError(Exception):
    """Error that the user can fix; `problems` has one line per cause."""

    def __init__(self, *problems: str) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


class PluginError(FacegenError):
    """Broken plugin package, or a name that two packages register."""


class RecipeError(FacegenError):
    """Recipe with a missing, unknown or forbidden value, or with parts that do not fit together."""


class DataError(FacegenError):
    """Missing, damaged or unsuitable corpus or input file."""


class CheckpointError(FacegenError):
    """Run folder that cannot be read, resumed or used for the task."""


class TrainingError(FacegenError):
    """Training that diverged or cannot continue."""
