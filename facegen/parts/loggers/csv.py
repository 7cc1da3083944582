import csv
import io
from collections.abc import Mapping
from pathlib import Path

from facegen.core.files import write_file
from facegen.core.logger_interface import Evaluation, Logger, RunInfo
from facegen.core.readable_files import open_bytes

STEP = "step"


class Csv(Logger):
    """Tables of logged values as CSV files in the folder csv/ of the run, for spreadsheets and pandas.

    train.csv, match.csv and monitor.csv have one row per logged step and one column per value; evaluation.csv has one
    row per figure of the last evaluation of each name.

    Engine:
        run: supplies the run folder.
    Source:
        Ours.
    """

    def __init__(self, run: RunInfo) -> None:
        self._folder = run.folder / "csv"
        self._columns: dict[str, list[str]] = {}

    def stage_started(self, stage: str, step: int) -> None:
        for path in self._folder.glob("*.csv"):
            if path.stem == "evaluation":
                continue
            belongs = (path.stem == "match") == (stage == "match")
            # A match stage that is trained again invalidates the train stage, which follows it.
            last_step = step if belongs else (0 if stage == "match" else None)
            rows = _read(path)
            _write(path, [row for row in rows if last_step is None or int(row[STEP]) <= last_step])
        self._columns = {}

    def step_logged(self, stage: str, step: int, values: Mapping[str, float]) -> None:
        path = self._folder / f"{stage}.csv"
        row = {STEP: str(step)} | {name: repr(value) for name, value in values.items()}
        if stage not in self._columns:
            self._columns[stage] = list(_read(path)[0]) if path.exists() and _read(path) else []
        if not set(row) <= set(self._columns[stage]):
            _write(path, [*_read(path), row])
            self._columns[stage] = list(_read(path)[0])
            return
        with path.open("a", encoding="utf-8", newline="") as file:
            csv.DictWriter(file, self._columns[stage], lineterminator="\n").writerow(row)

    def evaluation_finished(self, evaluation: Evaluation) -> None:
        path = self._folder / "evaluation.csv"
        others = [row for row in _read(path) if row["evaluation"] != evaluation.name]
        rows = [
            {
                "evaluation": evaluation.name, STEP: _text(evaluation.step), "key": key, "value": _text(figure.value),
                "low": _text(figure.low), "high": _text(figure.high), "label": figure.label,
            }
            for key, figure in evaluation.figures.items()
        ]  # fmt: skip
        _write(path, others + rows)


def _text(value: float | None) -> str:
    return "" if value is None else repr(value)


def _read(path: Path) -> list[dict[str, str]]:
    if not path.exists():
        return []
    with io.TextIOWrapper(open_bytes(path), "utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _write(path: Path, rows: list[dict[str, str]]) -> None:
    """Write rows, with the columns of all of them; a value that a row lacks is empty."""
    columns = list(dict.fromkeys(column for row in rows for column in row))
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, restval="", lineterminator="\n")
    if rows:
        writer.writeheader()
        writer.writerows(rows)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_file(path, text.getvalue())
