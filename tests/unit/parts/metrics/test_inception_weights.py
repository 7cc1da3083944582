"""Sources of Inception's weights, and the files that are refused."""

import pickle
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.error import URLError

import pytest
import torch
from safetensors.torch import save_file

from facegen.core import optional_imports
from facegen.core.errors import DataError
from facegen.core.progress import Observer
from facegen.parts.metrics import inception_weights as module
from facegen.parts.metrics import weight_files
from facegen.parts.metrics.inception_weights import find_weights, named_weights, read_weights
from facegen.parts.metrics.weight_files import NoWeightsError, digest

EXPECTED = {
    "conv.weight": torch.empty(2, 3), "bn.num_batches_tracked": torch.empty((), dtype=torch.int64),
    "fc.bias": torch.empty(4),
}  # fmt: skip


class Listener(Observer):
    """An observer that keeps its messages."""

    def __init__(self) -> None:
        self.messages: list[str] = []

    def say(self, message: str) -> None:
        self.messages.append(message)

    def start(self, stage: str, total: int, done: int = 0) -> None:
        self.messages.append(f"{stage}: {total}")


def sound() -> dict[str, torch.Tensor]:
    return {name: torch.ones(value.shape, dtype=value.dtype) for name, value in EXPECTED.items()}


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the folder of downloads, with the environment variable for the weights unset."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.delenv(module.VARIABLE, raising=False)
    return tmp_path / "hub" / "checkpoints"


def test_it_is_torch_fidelity_s_file() -> None:
    assert optional_imports.torch_fidelity().feature_extractor_inceptionv3.URL_INCEPTION_V3 == module.URL


def test_both_ways_of_saving_and_safetensors(tmp_path: Path) -> None:
    torch.save(sound(), tmp_path / "zipped.pth")
    torch.save(sound(), tmp_path / "older.pth", _use_new_zipfile_serialization=False)
    save_file(sound(), tmp_path / "safe.safetensors")
    states = [read_weights(tmp_path / name, EXPECTED) for name in ("zipped.pth", "older.pth", "safe.safetensors")]
    assert {digest(state) for state in states} == {digest(sound())}
    lacking = {name: value for name, value in sound().items() if "tracked" not in name}
    torch.save(lacking, tmp_path / "lacking.pth")
    assert set(read_weights(tmp_path / "lacking.pth", EXPECTED)) == set(EXPECTED)


class Code:
    """An object whose pickle opens a file for writing when it is read."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, tuple[str, str]]:
        return open, (str(self.path), "w")


def test_code_is_not_run(tmp_path: Path) -> None:
    mark = tmp_path / "was-run"
    torch.save({**sound(), "more": Code(mark)}, tmp_path / "bad.pth")
    (tmp_path / "plain.pth").write_bytes(pickle.dumps(Code(mark)))
    for name in ("bad.pth", "plain.pth"):
        with pytest.raises(DataError, match=f"{name}: is damaged, or holds other objects than weights"):
            read_weights(tmp_path / name, EXPECTED)
    assert not mark.exists()


def test_other_weights_are_refused_with_every_difference(tmp_path: Path) -> None:
    save_file({"conv.weight": torch.ones(3, 3), "head.weight": torch.ones(1)}, tmp_path / "other.safetensors")
    with pytest.raises(DataError) as caught:
        read_weights(tmp_path / "other.safetensors", EXPECTED)
    lacks, has, shapes = caught.value.problems
    assert "lacks fc.bias; these are not the weights of FID's Inception" in lacks
    assert "has unknown head.weight;" in has
    assert "has the shapes conv.weight (3, 3) where (2, 3) is expected" in shapes


@pytest.mark.parametrize("content", [b"", b"no weights at all", b"PK\x03\x04 cut short"])
@pytest.mark.parametrize("suffix", ["pth", "safetensors"])
def test_damaged_files_are_refused(content: bytes, suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"bad.{suffix}"
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"is damaged|cannot be read"):
        read_weights(path, EXPECTED)


def test_something_else_than_weights_by_name_is_refused(tmp_path: Path) -> None:
    torch.save([torch.ones(2)], tmp_path / "list.pth")
    torch.save({"epoch": 3}, tmp_path / "epoch.pth")
    for name in ("list.pth", "epoch.pth"):
        with pytest.raises(DataError, match="does not hold a dictionary of tensors"):
            read_weights(tmp_path / name, EXPECTED)


def test_the_setting_goes_before_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("one.pth", "other.pth"):
        (tmp_path / name).touch()
    monkeypatch.setenv(module.VARIABLE, str(tmp_path / "other.pth"))
    assert named_weights(tmp_path / "one.pth") == tmp_path / "one.pth"
    assert named_weights(None) == tmp_path / "other.pth"
    monkeypatch.setenv(module.VARIABLE, "none")
    assert named_weights(None) is None
    with pytest.raises(NoWeightsError, match="FACEGEN_INCEPTION_WEIGHTS = none"):
        find_weights(Observer())


def test_a_file_that_is_not_there_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(DataError, match=r"inception_weights = .*lost.pth': does not exist; name"):
        named_weights(tmp_path / "lost.pth")
    monkeypatch.setenv(module.VARIABLE, str(tmp_path))
    with pytest.raises(DataError, match="FACEGEN_INCEPTION_WEIGHTS = "):
        named_weights(None)


def test_what_was_downloaded_before_is_found(hub: Path) -> None:
    hub.mkdir(parents=True)
    theirs = hub / "pt_inception-2015-12-05-6726825d.pth"
    theirs.touch()
    assert find_weights(Observer()) == theirs
    own = hub / "weights-inception-2015-12-05-6726825d.pth"
    own.touch()
    assert find_weights(Observer()) == own


def test_without_a_network_one_line_says_so(hub: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def unreachable(url: str, timeout: float) -> None:
        assert timeout <= 5
        raise URLError(TimeoutError("timed out"))

    monkeypatch.setattr(weight_files, "urlopen", unreachable)
    with pytest.raises(NoWeightsError) as caught:
        find_weights(Observer())
    assert str(caught.value) == (
        "Inception's weights are not stored here, and their download from github.com failed (timed out); name a file: "
        "--inception-weights PATH, FACEGEN_INCEPTION_WEIGHTS = PATH, or inception_weights of the [[metric]]"
    )


class Quiet(SimpleHTTPRequestHandler):
    """A file server without a log; it announces `short` files as longer than they are."""

    def log_message(self, format: str, *args: object) -> None:
        """Log nothing."""

    def send_header(self, keyword: str, value: str) -> None:
        longer = keyword == "Content-Length" and "short" in self.path
        super().send_header(keyword, str(int(value) + 5) if longer else value)


@pytest.fixture
def address(tmp_path: Path) -> Iterator[str]:
    for name in ("sound.pth", "short.pth"):
        (tmp_path / name).write_bytes(bytes(3_000_000))
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=tmp_path))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_download_is_told_of_and_kept(hub: Path, address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "URL", f"{address}/sound.pth")
    listener = Listener()
    weights_file = find_weights(listener)
    assert weights_file == hub / "sound.pth" and weights_file.read_bytes() == bytes(3_000_000)
    assert listener.messages == [
        f"downloading Inception's weights, 3 MB, once: {weights_file}", "download Inception's weights, bytes: 3000000"
    ]  # fmt: skip
    again = Listener()
    assert find_weights(again) == weights_file and again.messages == []


def test_a_download_that_breaks_off_leaves_nothing(hub: Path, address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "URL", f"{address}/short.pth")
    with pytest.raises(NoWeightsError, match="is incomplete; try again"):
        find_weights(Observer())
    assert list(hub.iterdir()) == []
    monkeypatch.setattr(module, "URL", f"{address}/lost.pth")
    with pytest.raises(NoWeightsError, match=r"their download from .* failed \(File not found\)"):
        find_weights(Observer())


def test_the_digest_changes_with_values_shapes_and_names() -> None:
    one = {"a": torch.zeros(2, 3)}
    values, shapes = {"a": torch.ones(2, 3)}, {"a": torch.zeros(3, 2)}
    names, types = {"b": torch.zeros(2, 3)}, {"a": torch.zeros(2, 3, dtype=torch.int32)}
    assert len({digest(tensors) for tensors in (one, values, shapes, names, types)}) == 5
    assert digest(one) == digest({"a": torch.zeros(3, 2).T})
