"""Tables of logged values: rows, columns, resuming, evaluations."""

from pathlib import Path

import pytest

from facegen.core.evidence import Figure
from facegen.core.logger_interface import Evaluation, RunInfo
from facegen.parts.loggers.csv import Csv


@pytest.fixture
def logger(tmp_path: Path) -> Csv:
    return Csv(RunInfo(tmp_path, {}, {}))


def lines(tmp_path: Path, stage: str) -> list[str]:
    return (tmp_path / "csv" / f"{stage}.csv").read_text().splitlines()


def test_one_row_per_step_and_one_column_per_value(tmp_path: Path, logger: Csv) -> None:
    logger.stage_started("train", 0)
    logger.step_logged("train", 20, {"loss": 0.1, "rate": 1e-05})
    logger.step_logged("train", 40, {"rate": 1e-06, "loss": 1 / 3})
    assert lines(tmp_path, "train") == ["step,loss,rate", "20,0.1,1e-05", "40,0.3333333333333333,1e-06"]


def test_a_new_value_gets_a_column(tmp_path: Path, logger: Csv) -> None:
    logger.step_logged("train", 1, {"loss": 0.5})
    logger.step_logged("train", 2, {"loss": 0.25, "extra, with comma": 7.0})
    logger.step_logged("train", 3, {"extra, with comma": 8.0})
    assert lines(tmp_path, "train") == ['step,loss,"extra, with comma"', "1,0.5,", "2,0.25,7.0", "3,,8.0"]


def test_resuming_discards_later_rows_of_the_stage_and_of_the_monitor(tmp_path: Path, logger: Csv) -> None:
    logger.stage_started("match", 0)
    for step in (5, 9):
        logger.step_logged("match", step, {"loss": 1.0})
    logger.stage_started("train", 0)
    for step in (2, 4):
        logger.step_logged("train", step, {"loss": 1.0})
        logger.step_logged("monitor", step, {"noise": 1.0})
    resumed = Csv(RunInfo(tmp_path, {}, {}))
    resumed.stage_started("train", 3)
    resumed.step_logged("train", 4, {"loss": 2.0})
    assert lines(tmp_path, "match") == ["step,loss", "5,1.0", "9,1.0"]
    assert lines(tmp_path, "train") == ["step,loss", "2,1.0", "4,2.0"]
    assert lines(tmp_path, "monitor") == ["step,noise", "2,1.0"]
    resumed.stage_started("match", 5)
    resumed.step_logged("match", 6, {"loss": 3.0})
    assert lines(tmp_path, "match") == ["step,loss", "5,1.0", "6,3.0"]
    assert lines(tmp_path, "train") == [] and lines(tmp_path, "monitor") == []


def test_evaluations_replace_earlier_ones_of_their_name(tmp_path: Path, logger: Csv) -> None:
    def evaluation(name: str, value: float) -> Evaluation:
        figure = Figure("matching.v2f", "V-F, 1:10", value, 0.25, None)
        return Evaluation(name, 100, {figure.key: figure}, tmp_path / "x.md", None)

    for name, value in (("train", 0.5), ("heldout_people", 0.25), ("train", 0.75)):
        logger.evaluation_finished(evaluation(name, value))
    assert lines(tmp_path, "evaluation") == [
        "evaluation,step,key,value,low,high,label",
        'heldout_people,100,matching.v2f,0.25,0.25,,"V-F, 1:10"',
        'train,100,matching.v2f,0.75,0.25,,"V-F, 1:10"',
    ]
    logger.stage_started("train", 0)
    assert len(lines(tmp_path, "evaluation")) == 3
