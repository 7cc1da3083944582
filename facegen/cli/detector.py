"""The face detector of the option --detect."""

from facegen.core.collection_interfaces import Detector
from facegen.core.registry import registry


def frontal_detector() -> Detector:
    """A Haar cascade for frontal faces, on pictures with equalised brightness."""
    detector: Detector = registry().find("detector", "haar").load()(equalise=True)
    return detector
