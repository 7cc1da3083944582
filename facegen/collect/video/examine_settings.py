"""How a video is examined: the tables [frames], [face] and [speech] of a list of sources."""

from typing import Annotated, Self

from pydantic import Field, model_validator

from facegen.core.recipe.tables import Positive, Table
from facegen.data.media.face_crops import FACE_MARGIN

Share = Annotated[float, Field(ge=0, le=1)]
NEVER = -1000.0


class FrameSettings(Table):
    """[frames]: which frames of a video are looked at.

    Attributes:
        every_seconds: from one to the next, by their time stamps.
        tolerance_seconds: a moment without a frame so near is passed over, as in a still picture.
        max_hours: a longer video is refused; its sound is held in memory, 115 MB an hour.
    """

    every_seconds: Annotated[float, Field(ge=0.04, le=3600)] = 1.0
    tolerance_seconds: Annotated[float, Field(ge=0.001, le=10)] = 0.1
    max_hours: Annotated[float, Field(gt=0, le=24)] = 4.0

    @model_validator(mode="after")
    def _tells_moments_apart(self) -> Self:
        if 2 * self.tolerance_seconds > self.every_seconds:
            raise ValueError(
                f"must be at most half of every_seconds = {self.every_seconds:g}, "
                f"or one frame would stand for two moments: tolerance_seconds = {self.tolerance_seconds:g}"
            )
        return self


class FaceSettings(Table):
    """[face]: which faces are kept, and what is kept of them.

    Attributes:
        min_face_pixels: least side of a face, in pixels of the source.
        min_weight: least weight that the detector gives a face; by default the detector's own `sure`.
        min_sharpness: least sharpness, as in `facegen.core.sharpness`; 0 keeps blurred faces, too.
        one_speaker: a frame with several faces is rejected, as nobody knows which one speaks.
        other_face_share: a second face counts if its side is at least this share of the first one's.
        search_all: search every frame for the smallest faces; without, once a face is found, only for faces that
            could count beside it, until it is lost.
        margin: what is kept around a face on each side, in sides of its box.
        max_pixels: a larger square is shrunk to this; a smaller one keeps the resolution of the source.
    """

    min_face_pixels: Annotated[int, Field(ge=20, le=4096)] = 64
    min_weight: float | None = None
    min_sharpness: Annotated[float, Field(ge=0)] = 0.02
    one_speaker: bool = True
    other_face_share: Annotated[float, Field(gt=0, le=1)] = 0.5
    search_all: bool = False
    margin: Annotated[float, Field(ge=0, le=4)] = FACE_MARGIN
    max_pixels: Annotated[int, Field(ge=16, le=1024)] = 256


class SpeechSettings(Table):
    """[speech]: which speech is kept with a face.

    Attributes:
        window_seconds: of speech, with the frame at their middle.
        spacing_seconds: accepted frames are at least so far apart; neighbours share the rest of their windows.
        sample_rate_hz: of the stored speech.
        silence_db: a 20 ms piece whose level is below is silent, in dB of full scale.
        min_sounding_share: a window is silent if less of its pieces sound than this.
        max_clipped_share: a window is clipped if more of its samples are at full scale than this.
    """

    window_seconds: Annotated[float, Field(gt=0, le=60)] = 4.0
    spacing_seconds: Positive = 2.0
    sample_rate_hz: Annotated[int, Field(ge=4000, le=96000)] = 16000
    silence_db: Annotated[float, Field(ge=NEVER, le=0)] = -50.0
    min_sounding_share: Share = 0.3
    max_clipped_share: Share = 0.01


class ExamineSettings(Table):
    """What decides which clips a video gives; everything here is a part of a clip's provenance."""

    frames: FrameSettings = FrameSettings()
    face: FaceSettings = FaceSettings()
    speech: SpeechSettings = SpeechSettings()

    def faithful(self) -> "ExamineSettings":
        """The rule of Roldan Sanchez 2018 alone: the most confident face of at least 40 pixels, and 4 s around it.

        A frame a second, neighbours that share 2 s of speech; nothing is rejected for its weight, its sharpness, for
        further faces, for silence or clipping. What is kept of a face stays as it was set.
        """
        face = FaceSettings(
            min_face_pixels=40,
            min_weight=NEVER,
            min_sharpness=0.0,
            one_speaker=False,
            search_all=True,
            margin=self.face.margin,
            max_pixels=self.face.max_pixels,
        )
        speech = SpeechSettings(
            sample_rate_hz=self.speech.sample_rate_hz,
            silence_db=NEVER,
            min_sounding_share=0.0,
            max_clipped_share=1.0,
        )
        return ExamineSettings(frames=FrameSettings(max_hours=self.frames.max_hours), face=face, speech=speech)
