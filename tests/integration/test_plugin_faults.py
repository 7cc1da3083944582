"""Hostile parts of plugins: each is named with its package and source, and nothing of the user's is lost."""

import json
import re
from pathlib import Path

import pytest
from throw_away_plugins import MATCH, PLUGIN, ThrowAwayPlugins
from tiny_runs import Facegen

from facegen.core.kinds import KINDS
from facegen.training.runs.checkpoint import load_tensors
from facegen.training.runs.run import Run

TERMS = "def discriminator_terms(self, critic):\n    return {{'d': critic.fake.mean() - critic.real.mean()}}\n"
INIT = "def __init__(self, data{more}):\n    super().__init__()\n"


def objective(result: str, start: str = "") -> str:
    """Return the body of an objective with this result of generator_terms."""
    init, terms = INIT.format(more=""), TERMS.format()
    return f"{init}{terms}def generator_terms(self, critic):\n    {start}\n    return {result}\n"


def generator(
    start: str = "pass", result: str = "self.all(torch.cat([noise, condition], 1)).view(-1, 3, 16, 16)"
) -> str:
    """Return the body of a generator: one layer, preceded by `start` in its constructor."""
    return (
        "noise_dim = 2\n"
        "def __init__(self, data, condition_dim):\n    super().__init__()\n"
        "    self.all = nn.Sequential(nn.Linear(2 + condition_dim, 768), nn.Tanh())\n"
        f"    {start}\n"
        f"def forward(self, noise, condition, draft=None):\n    return {result}\n"
    )


CONDITIONER = "condition_dim = 4\nneeds = frozenset({'identity'})\n" + INIT.format(more="")
FOUND_BY_CHECK = {
    # name: (kind, body of the class, parts of the message)
    "setting without annotation": (
        "objective", "def __init__(self, data, *, margin=1.0): super().__init__()",
        ["objective 'odd': throw_away_odd:Odd: the annotations of its settings cannot be read",
         "(setting 'margin' has no annotation)", "{file}:"]),
    "unknown annotation": (
        "objective", "def __init__(self, data, *, margin: 'Nowhere' = 1.0): super().__init__()",
        ["(name 'Nowhere' is not defined)", "{file}:"]),
    "annotation that is no type": (
        "objective", "def __init__(self, data, *, margin: 3 = 1.0): super().__init__()",
        ["the annotations of its settings cannot be read", "{file}:"]),
    "annotation that raises": (
        "objective", "def __init__(self, data, *, margin: '1 / 0' = 1.0): super().__init__()",
        ["(division by zero)", "{file}:"]),
    "default of a wrong type": (
        "objective", "def __init__(self, data, *, margin: float = 'one'): super().__init__()",
        ["its defaults are not valid: margin = \"one\": must be a valid number", "{file}:"]),
    "None as default of a number": (
        "objective", "def __init__(self, data, *, margin: float = None): super().__init__()",
        ["its defaults are not valid: margin = null: must be a valid number"]),
    "exception in the constructor": (
        "objective", "def __init__(self, data): raise KeyError('x')",
        ["fails in __init__ ({file}:", "KeyError: 'x'"]),
    "exception that is no Exception": (
        "objective", "def __init__(self, data): raise BaseException", ["fails in __init__ ({file}:", "BaseException"]),
    "exception whose text fails": (
        "objective", "def __init__(self, data): raise type('Odd', (Exception,), {'__str__': lambda self: None})",
        ["fails in __init__ ({file}:", "Odd; report it"]),
    "another default dtype": (
        "objective", objective("{'g': -critic.fake.mean()}", "torch.set_default_dtype(torch.float64)"),
        ["fails in generator_terms ({file}:", "it changes the default dtype, device or grad mode of torch"]),
    "sys.exit in the constructor": (
        "objective", "def __init__(self, data): raise SystemExit(0)", ["fails in __init__ ({file}:", "SystemExit: 0"]),
    "constructor without super().__init__": (
        "objective", "def __init__(self, data): pass", ["its __init__ does not call super().__init__()"]),
    "constructor with another signature": (
        "objective", "def __init__(self): super().__init__()", ["fails in __init__ ({file}:", "TypeError"]),
    "required method is missing": (
        "conditioner", CONDITIONER, ["TypeError: the class does not define forward"]),
    "attribute is missing": (
        "conditioner", INIT.format(more="") + "def forward(self, batch): return batch.clip[:, None].float()",
        ["its __init__ does not set condition_dim"]),
    "attribute of a wrong type": (
        "conditioner", "condition_dim = '4'\n" + INIT.format(more="") + "def forward(self, batch): ...",
        ["condition_dim = '4'; must be a int"]),
    "class attribute of a wrong type": (
        "conditioner", CONDITIONER.replace("frozenset({'identity'})", "'speech'"), ["conditioner 'odd' has needs = "]),
    "exception in a term": (
        "objective", objective("1 / 0"), ["fails in generator_terms ({file}:", "ZeroDivisionError"]),
    "sys.exit in a term": (
        "objective", objective("{}", "raise SystemExit(0)"), ["fails in generator_terms ({file}:", "SystemExit: 0"]),
    "None as terms": ("objective", objective("None"), ["returns None; must be a dict {name: scalar tensor}"]),
    "list as terms": ("objective", objective("[critic.fake.mean()]"), ["returns a list; must be a dict"]),
    "number as term": ("objective", objective("{'g': 3.0}"), ["its term 'g' is a float; must be a tensor"]),
    "integer as name of a term": (
        "objective", objective("{3: critic.fake.mean()}"), ["returns a term with the name 3; must be a string"]),
    "complex term": (
        "objective", objective("{'g': critic.fake.mean() + 1j}"), ["its term 'g' is torch.complex64; must be"]),
    "double term": ("objective", objective("{'g': critic.fake.double().mean()}"), ["its term 'g' is torch.float64"]),
    "vector as term": (
        "objective", objective("{'g': critic.fake}"),
        ["its term 'g' has shape (4,); a term is a scalar, () of " + PLUGIN]),
    "term without gradient": (
        "objective", objective("{'g': critic.fake.mean().detach()}"),
        ["no loss depends on a weight that learns (generator/odd/g) of " + PLUGIN]),
    "term on another device": (
        "objective", objective("{'g': torch.zeros((), device='cpu', requires_grad=True)}"),
        ["its term 'g' is a tensor on the device 'cpu'; its inputs are on 'meta'"]),
    "None as encoding": (
        "conditioner", CONDITIONER + "def forward(self, batch): return None", ["returns None; must be a tensor"]),
    "double encoding": (
        "conditioner", CONDITIONER + "def forward(self, batch): return torch.zeros(len(batch), 4).double()",
        ["conditioner 'odd' fails in forward ({file}:", "returns torch.float64; must be torch.float32"]),
    "None as faces": ("generator", generator(result="None"), ["returns None; must be a tensor"]),
    "complex faces": ("generator", generator(result="torch.zeros(4, 3, 16, 16) * 1j"), ["returns torch.complex64"]),
    "a tensor in place of a condition": (
        "transform",
        "condition_dim = 4\ndef __init__(self, data, condition_dim): super().__init__()\n"
        "def forward(self, condition, batch): return condition.generator",
        ["transform 'odd' fails in forward", "returns a Tensor; must be a facegen.Condition"]),
    "exception in a matcher": (
        "matcher",
        "def __init__(self, data, query_dim, candidate_dim): super().__init__()\n"
        "def terms(self, encoding, embedding, batch): return {'m': encoding.nothing}\n"
        "def logits(self, query, candidates, *, direction): ...",
        ["matcher 'odd' fails in terms ({file}:", "AttributeError"]),
    "exception in a penalty": (
        "penalty", INIT.format(more="") + "def terms(self, critic): return {'p': critic.real.mean()[7]}",
        ["penalty 'odd' fails in terms ({file}:", "IndexError"]),
    "exception in an update": (
        "objective", objective("{'g': -critic.fake.mean()}") + "def update(self, diagnostics): raise OSError('lost')",
        ["fails in update ({file}:", "OSError: lost"]),
    "state that is no tensor": (
        "generator", generator() + "def get_extra_state(self): return {'a': 1}",
        ["its state '_extra_state' is a dict; a checkpoint stores tensors only"]),
    "buffer that is computed from weights": (
        "generator", generator("self.register_buffer('halved', self.all[0].weight / 2)"),
        ["its buffer 'halved' is computed from weights"]),
    "expanded buffer": (
        "generator", generator("self.register_buffer('wide', torch.zeros(1).expand(4))"),
        ["its buffer 'wide' is an expanded view"]),
    "weights without a shape": (
        "generator", generator("self.late = nn.LazyLinear(3)"), ["its weight 'late.weight' has no shape yet"]),
    "module that cannot be copied": (
        "generator", generator("self.lock = __import__('threading').Lock()"),
        ["it cannot be copied, as the moving average of its weights requires"]),
}  # fmt: skip


@pytest.fixture
def plugins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ThrowAwayPlugins:
    return ThrowAwayPlugins(tmp_path, monkeypatch)


@pytest.mark.parametrize("fault", FOUND_BY_CHECK)
def test_check_names_the_plugin_of_a_fault(
    fault: str, plugins: ThrowAwayPlugins, facegen: Facegen, capsys: pytest.CaptureFixture[str]
) -> None:
    kind, body, expected = FOUND_BY_CHECK[fault]
    file = plugins.add(kind, body)
    assert facegen("check", plugins.recipe_with(kind)) == 1
    shown = capsys.readouterr().err
    for text in [PLUGIN, *expected]:
        assert text.replace("{file}", str(file)) in shown, shown
    assert "bug in facegen" not in shown and "Traceback" not in shown


FOUND_BY_A_STEP = {
    "exception": ("raise ValueError('late')", "ValueError: late"),
    "sys.exit": ("raise SystemExit(0)", "SystemExit: 0"),
    "None": ("return None", "returns None; must be a dict"),
    "names": ("return {0: critic.fake.mean()}", "returns a term with the name 0"),
}
"""{name: (code of an objective at its third step on the CPU, part of the message)}."""


@pytest.mark.parametrize("fault", FOUND_BY_A_STEP)
def test_training_stops_at_the_last_good_checkpoint(
    fault: str, plugins: ThrowAwayPlugins, facegen: Facegen, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, message = FOUND_BY_A_STEP[fault]
    start = f"""self.steps = getattr(self, 'steps', 0) + (not critic.fake.is_meta)
    if self.steps == 3:
        {code}"""
    file = plugins.add("objective", objective("{'g': -critic.fake.mean()}", start))
    recipe, out = plugins.recipe_with("objective"), tmp_path / "run"
    assert facegen("train", recipe, "--out", out) == 1
    shown = capsys.readouterr().err
    assert f"Error: {PLUGIN}: objective 'odd' fails in generator_terms ({file}:" in shown and message in shown
    good = out / "checkpoints" / "train-00000002"
    assert f"train step 3: training stopped; the last good checkpoint is {good}" in shown
    assert good.is_dir() and "Traceback" not in shown
    assert facegen("train", recipe, "--out", out, "--resume") == 0, "the new object counts from 0"


def test_keyboard_interrupt_of_a_part_is_an_interruption(
    plugins: ThrowAwayPlugins, facegen: Facegen, capsys: pytest.CaptureFixture[str]
) -> None:
    plugins.add("objective", objective("{}", "raise KeyboardInterrupt"))
    assert facegen("check", plugins.recipe_with("objective")) == 130
    assert "Interrupted." in capsys.readouterr().err


def test_traceback_is_shown_on_request(
    plugins: ThrowAwayPlugins, facegen: Facegen, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    plugins.add("objective", objective("1 / 0"))
    recipe = plugins.recipe_with("objective")
    assert facegen("check", recipe) == 1
    assert capsys.readouterr().err.rstrip().endswith("set FACEGEN_TRACEBACK=1 to see the traceback")
    monkeypatch.setenv("FACEGEN_TRACEBACK", "1")
    assert facegen("check", recipe) == 1
    assert re.search(r"Traceback \(most recent call last\):\n(.*\n)+.*in generator_terms\n(.*\n)+ZeroDivisionError",
                     capsys.readouterr().err)  # fmt: skip


def test_output_of_a_part_leaves_json_whole(
    plugins: ThrowAwayPlugins, facegen: Facegen, capsys: pytest.CaptureFixture[str]
) -> None:
    plugins.add("objective", objective("{'g': -critic.fake.mean()}", "print('noise')"))
    assert facegen("check", plugins.recipe_with("objective"), "--json") == 0
    captured = capsys.readouterr()
    assert json.loads(captured.out) and "noise" in captured.err


@pytest.mark.parametrize("raised", ["GeneratorExit", "SystemExit", "ValueError"])
def test_a_part_that_cannot_run_can_be_described(
    raised: str, plugins: ThrowAwayPlugins, facegen: Facegen, capsys: pytest.CaptureFixture[str]
) -> None:
    plugins.add("generator", generator("print('noise')", f"(_ for _ in ()).throw({raised}('no faces'))"))
    assert facegen("describe", "generator", "odd", "--json") == 0
    captured = capsys.readouterr()
    assert "no faces" in json.dumps(json.loads(captured.out)) and "noise" in captured.err


TIED = """self.all = nn.Sequential(nn.Linear(6, 6), nn.Linear(6, 6), nn.Linear(6, 768), nn.Tanh())
    self.all[1].weight = self.all[0].weight
    self.register_buffer('whole', torch.arange(6.0))
    self.register_buffer('tail', self.whole[3:])"""


def test_tied_weights_and_views_are_stored(plugins: ThrowAwayPlugins, facegen: Facegen, tmp_path: Path) -> None:
    plugins.add("generator", generator(TIED))
    recipe, out = plugins.recipe_with("generator"), tmp_path / "run"
    assert facegen("train", recipe, "--out", out) == 0
    folder = Run.open(out).generator_checkpoint()
    tensors = load_tensors(folder / "face_pipeline.safetensors")
    assert tensors["generator.all.0.weight"].equal(tensors["generator.all.1.weight"])
    assert tensors["generator.tail"].tolist() == [3.0, 4.0, 5.0]
    assert facegen("train", recipe, "--out", out, "--resume") == 0
    assert facegen("export", out, tmp_path / "model.safetensors") == 0


FOUND_BY_EVALUATE = {
    # name: (kind, body, parts of the message)
    "exception in a metric": ("metric", "def measure(self, evidence): return [1 / 0]", ["fails in measure ({file}:"]),
    "number in place of figures": (
        "metric", "def measure(self, evidence): return [3.0]", ["returns a list; must be a list of facegen.Figure"]),
    "sys.exit in a metric": ("metric", "def measure(self, evidence): raise SystemExit", ["SystemExit; report it"]),
    "None as embeddings": (
        "recogniser",
        "embeds = frozenset({'faces'})\ndef fingerprint(self): return 'x'\ndef embed_faces(self, faces): return None",
        ["fails in embed_faces ({file}:", "returns None; must be a tensor"]),
    "recogniser without a fingerprint": (
        "recogniser", "embeds = frozenset({'faces'})\ndef embed_faces(self, faces): ...",
        ["the class does not define fingerprint"]),
}  # fmt: skip


@pytest.mark.parametrize("fault", FOUND_BY_EVALUATE)
def test_evaluate_names_the_plugin_of_a_fault(
    fault: str, plugins: ThrowAwayPlugins, facegen: Facegen, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    kind, body, expected = FOUND_BY_EVALUATE[fault]
    file = plugins.add(kind, body)
    table = {"metric": {"type": "diversity"}, KINDS[kind].table: {"type": "odd"}}
    recipe, out = plugins.recipe(match=MATCH, generator=None, objective=None, train=None, **table), tmp_path / "run"
    assert facegen("train", recipe, "--out", out) == 0
    capsys.readouterr()
    assert facegen("evaluate", out, "--split", "train") == 1
    shown = capsys.readouterr().err
    for text in [f"{PLUGIN}: {kind} 'odd'", *expected]:
        assert text.replace("{file}", str(file)) in shown, shown
    assert "Traceback" not in shown


CORPUS = """
def __init__(self, request):
    self.spec = facegen.DataSpec(16, identities=tuple('abcdefgh'))
    self.cache_dir = Path('cache')
def fingerprint(self): return 'x'
def clips(self, split):
    rows = torch.arange(8)
    return facegen.Clips(rows, rows, rows, torch.ones_like(rows), torch.zeros_like(rows))
def faces(self, clip, frame): {faces}
"""


@pytest.mark.parametrize("faces", ["return torch.zeros(len(clip), 16, 16, 3)", "return self.pictures[clip]"])
def test_fault_of_a_corpus(
    faces: str, plugins: ThrowAwayPlugins, facegen: Facegen, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = plugins.add("dataset", CORPUS.format(faces=faces))
    recipe = plugins.recipe(data={"type": "odd", "image_pixels": 16})
    assert facegen("train", recipe, "--out", tmp_path / "run") == 1
    shown = capsys.readouterr().err
    assert f"{PLUGIN}: dataset 'odd' fails in faces ({file}:" in shown and "Traceback" not in shown


def test_fault_while_faces_are_drawn(
    plugins: ThrowAwayPlugins, facegen: Facegen, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plugins.add("generator", generator())
    out = tmp_path / "run"
    assert facegen("train", plugins.recipe_with("generator"), "--out", out) == 0
    name = Run.open(out).data.identities[0]
    plugins.add("generator", generator(result="self.gone"))
    capsys.readouterr()
    assert facegen("generate", out, "--name", name, "--out", tmp_path / "faces.png") == 1
    shown = capsys.readouterr().err
    assert f"{PLUGIN}: generator 'odd' fails in forward" in shown and "Traceback" not in shown
