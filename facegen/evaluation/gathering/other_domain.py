"""Comparison of the evaluated rows with the training rows of the run."""

import torch

from facegen.core.evidence import Evidence
from facegen.evaluation.evaluation_setup import EvaluationSetup
from facegen.inference.domain import note_outside
from facegen.training.runs.conditions import INFORMATIVE, drawn_conditions, read_conditions
from facegen.training.sample_grid import condition_label

MAX_ROWS, CHUNK_ROWS = 500, 64


@torch.no_grad()
def note_of_other_domain(setup: EvaluationSetup, evidence: Evidence) -> str:
    """Describe how far the evaluated conditions lie outside of the training ones; "" if they do not.

    The conditions are those of the run, not of the judge. They are computed once more, for some of the rows.
    """
    subjects, distributions = setup.subjects, read_conditions(setup.run.path)
    pipeline, rows = subjects.face_pipeline, subjects.rows
    if pipeline is None:
        return note_outside(distributions.get("matched"), evidence.encodings, evidence.condition)
    if "drawn" not in distributions or not pipeline.needs & INFORMATIVE:
        return ""
    chunks = subjects.chosen[:MAX_ROWS].split(CHUNK_ROWS)
    conditions = [drawn_conditions(pipeline, pipeline.encode(rows.fetch_plain(chunk))).cpu() for chunk in chunks]
    return note_outside(distributions["drawn"], torch.cat(conditions), condition_label(pipeline.needs))
