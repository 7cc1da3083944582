"""Settings of the examination of videos: the tables [frames], [face] and [speech]."""

from typing import Annotated, Self

from pydantic import Field, model_validator

from facegen.core.recipe.tables import Positive, Table
from facegen.data.media.face_crops import FACE_MARGIN

Share = Annotated[float, Field(ge=0, le=1)]
NEVER = -1000.0
"""Threshold that rejects nothing."""


class FrameSettings(Table):
    """[frames]: sampling of the frames of a video.

    Attributes:
        every_seconds: distance of the sampling times.
        tolerance_seconds: largest distance of a frame from its sampling time; a time without such a frame is skipped.
        max_hours: a longer video is refused, because its sound is held in memory (115 MB per hour).
    """

    every_seconds: Annotated[float, Field(ge=0.04, le=3600)] = 1.0
    tolerance_seconds: Annotated[float, Field(ge=0.001, le=10)] = 0.1
    max_hours: Annotated[float, Field(gt=0, le=24)] = 4.0

    @model_validator(mode="after")
    def _check_tolerance(self) -> Self:
        if 2 * self.tolerance_seconds > self.every_seconds:
            raise ValueError(
                f"must be at most half of every_seconds = {self.every_seconds:g}, "
                f"or one frame could match two sampling times: tolerance_seconds = {self.tolerance_seconds:g}"
            )
        return self


class FaceSettings(Table):
    """[face]: selection and crop of the faces.

    Attributes:
        min_face_pixels: least side of a face, in pixels of the source.
        min_weight: least detector weight of a face; by default the detector's own `sure`.
        min_sharpness: least sharpness, as in `facegen.core.image_sharpness`; 0 accepts all.
        one_speaker: reject frames with several faces, because the speaker is unknown.
        other_face_share: a second face counts if its side is at least this share of the first one's.
        search_all: search every frame for the smallest faces. If false, the frames after a detected face are searched
            only for faces that would count beside it, until it is lost.
        margin: margin of the crop on each side, in sides of the box.
        max_pixels: largest side of a stored crop; larger crops are shrunk, smaller ones keep their resolution.
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
    """[speech]: selection of the speech that belongs to a face.

    Attributes:
        window_seconds: duration of the speech window, which is centred on the frame.
        min_seconds: least duration of the sound of a video or segment that is shorter than a window; its frames have
            all of it as their speech, and training repeats it. By default, such a video or segment is rejected.
        spacing_seconds: least distance of two accepted frames; windows of neighbours may overlap.
        sample_rate_hz: sample rate of the stored speech.
        silence_db: level below which a 20 ms piece is silent, in dB of full scale.
        min_sounding_share: a window with a smaller share of non-silent pieces is rejected.
        max_clipped_share: a window with a larger share of samples at full scale is rejected.
    """

    window_seconds: Annotated[float, Field(gt=0, le=60)] = 4.0
    min_seconds: Annotated[float, Field(gt=0, le=60)] | None = None
    spacing_seconds: Positive = 2.0
    sample_rate_hz: Annotated[int, Field(ge=4000, le=96000)] = 16000
    silence_db: Annotated[float, Field(ge=NEVER, le=0)] = -50.0
    min_sounding_share: Share = 0.3
    max_clipped_share: Share = 0.01

    @model_validator(mode="after")
    def _check_duration(self) -> Self:
        if self.min_seconds is not None and self.min_seconds > self.window_seconds:
            raise ValueError(
                f"must be at most window_seconds = {self.window_seconds:g}: min_seconds = {self.min_seconds:g}"
            )
        return self


class ExamineSettings(Table):
    """Settings that determine the clips of a video; all of them are stored in the provenance of a corpus."""

    frames: FrameSettings = FrameSettings()
    face: FaceSettings = FaceSettings()
    speech: SpeechSettings = SpeechSettings()

    def faithful(self) -> "ExamineSettings":
        """Return the settings of Roldan Sanchez 2018: the most confident face of at least 40 pixels, and 4 s around it.

        One frame per second; neighbours share 2 s of speech. Weight, sharpness, further faces, silence and clipping
        reject nothing. The crop of a face, the sample rate and max_hours are kept.
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
