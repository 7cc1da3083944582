"""Recipes: merging of tables, and messages for every problem."""

from pathlib import Path
from typing import Annotated

import pytest
from pydantic import Field

import facegen
from facegen.core import interfaces
from facegen.core.errors import RecipeError
from facegen.core.hookspecs import hookimpl
from facegen.core.kinds import KINDS
from facegen.core.recipe import recipe
from facegen.core.recipe.default_parts import DEFAULT_LOGGERS, DEFAULT_METRICS
from facegen.core.recipe.recipe import check_recipe, read_recipe
from facegen.core.registry import Registry, Source


class Loss(interfaces.Objective):
    def __init__(self, data, *, margin: Annotated[float, Field(gt=0)] = 1.0, label: float = 1.0) -> None:
        if margin > label:
            raise RecipeError(f"margin = {margin}: must be at most label = {label}")
        super().__init__()
        self.margin = margin


class Voice(interfaces.Conditioner):
    def __init__(self, data, *, widths: tuple[int, ...] = (8, 8), path: Path | None = None) -> None: ...


class Refiner(interfaces.Generator):
    uses_draft = True

    def __init__(self, data, condition_dim) -> None: ...


class Choosy(interfaces.Matcher):
    def __init__(self, data, query_dim, candidate_dim, *, margin: float = 1.0) -> None: ...


class Broken:
    pass


def fake_registry() -> Registry:
    """One part a kind, named by its kind, and some more."""
    known = Registry()
    for kind in KINDS.values():
        parts = {kind.name: type(kind.name, (getattr(facegen, kind.interface),), {"__init__": bare_init})}
        parts |= {"objective": {"loss": Loss}, "conditioner": {"voice": Voice}, "generator": {"refiner": Refiner}}.get(
            kind.name, {}
        )
        if kind.name == "dataset":
            parts["packed"] = type("Packed", (interfaces.Dataset,), {"__init__": packed_init})
        if kind.name == "metric":
            parts |= dict.fromkeys(DEFAULT_METRICS, parts["metric"])
        if kind.name == "logger":
            parts |= dict.fromkeys(DEFAULT_LOGGERS, parts["logger"])
        if kind.name == "matcher":
            parts |= {"choosy": Choosy}
        if kind.name == "penalty":
            parts |= {"odd": Broken, "gone": "no_such_module:Gone"}
        plugin = type("Plugin", (), {kind.hook: staticmethod(hookimpl(named(kind.hook, parts)))})
        known.add(Source("fake", "fake-package", "1.0"), plugin)
    assert known.broken == []
    return known


def named(hook, parts):
    def function():
        return parts

    function.__name__ = hook
    return function


def bare_init(self) -> None: ...


def packed_init(self, request, *, path: Path) -> None: ...


@pytest.fixture(autouse=True)
def parts(monkeypatch):
    known = fake_registry()
    monkeypatch.setattr(recipe, "registry", lambda: known)


GOOD = """
[data]
type = "dataset"
image_pixels = 64
[conditioner]
type = "voice"
trained = "frozen"
widths = [4, 5, 6]
[generator]
type = "generator"
[discriminator]
type = "discriminator"
[[objective]]
type = "loss"
margin = 0.5
[train]
steps = 100
generator = { learning_rate = 1e-4 }
[preset.small]
train.steps = 10
data.image_pixels = 32
objective = { margin = 0.25 }
[preset.other]
objective = { type = "objective" }
"""


def write(folder: Path, text: str, name: str = "speech.toml") -> Path:
    path = folder / name
    path.write_text(text)
    return path


@pytest.fixture
def good(tmp_path):
    return write(tmp_path, GOOD)


def problems_of(text: str, folder: Path, **options) -> list[str]:
    with pytest.raises(RecipeError) as raised:
        read_recipe(write(folder, text, "x.toml"), **options)
    prefix = f"{folder / 'x.toml'}: "
    return [problem.removeprefix(prefix) for problem in raised.value.problems]


def test_a_good_recipe(good):
    checked = read_recipe(good)
    voice = checked.config("conditioner")
    assert (voice.name, voice.engine.trained) == ("voice", "frozen")
    assert voice.settings == {"widths": (4, 5, 6), "path": None}
    assert checked.config("dataset").engine.image_pixels == 64
    assert checked.train.steps == 100 and checked.train.generator.learning_rate == 1e-4
    assert checked.train.discriminator.learning_rate == 2e-4
    assert checked.run.name == "speech" and checked.run.seed == 0
    assert [config.name for config in checked.configs["metric"]] == list(DEFAULT_METRICS)
    assert checked.optional_config("matcher") is None and checked.configs["penalty"] == ()
    assert "preset" not in checked.tables


def test_the_tables_of_a_recipe_read_as_the_same_recipe(good):
    checked = read_recipe(good, preset="small", overrides=["run.seed=3"])
    again = check_recipe(checked.tables, "kept")
    assert again.tables == checked.tables
    assert (again.run, again.train, again.evaluate) == (checked.run, checked.train, checked.evaluate)


def test_a_preset_overrides_the_recipe_and_set_overrides_the_preset(good):
    checked = read_recipe(good, preset="small", overrides=["train.steps=5", "run.name=mine", "objective.label=2.0"])
    assert checked.train.steps == 5 and checked.config("dataset").engine.image_pixels == 32
    assert checked.config("objective").settings == {"margin": 0.25, "label": 2.0}
    assert checked.train.generator.learning_rate == 1e-4, "what a preset does not name stays"
    assert checked.run.name == "mine"


def test_a_preset_with_another_part_drops_the_settings_of_the_first(good):
    checked = read_recipe(good, preset="other")
    assert checked.config("objective").name == "objective" and checked.config("objective").settings == {}


def test_the_value_of_an_override_is_toml_or_else_a_string(good):
    checked = read_recipe(good, overrides=["conditioner.widths=[1, 2]", "conditioner.path=some/where"])
    assert checked.config("conditioner").settings == {"widths": (1, 2), "path": Path("some/where")}


def test_another_corpus_keeps_the_engines_keys(good, tmp_path):
    data = read_recipe(good, data=tmp_path / "corpus").config("dataset")
    assert data.name == "packed" and data.engine.image_pixels == 64
    assert data.settings == {"path": (tmp_path / "corpus").resolve()}


def test_a_recipe_may_extend_another(good, tmp_path):
    above = write(tmp_path, 'extends = "speech.toml"\n[train]\nsteps = 7\n', "above.toml")
    checked = read_recipe(above, preset="small", overrides=[])
    assert checked.train.steps == 10 and checked.run.name == "above"
    assert read_recipe(above).train.steps == 7
    chain = write(tmp_path, 'extends = "above.toml"\n', "chain.toml")
    with pytest.raises(RecipeError, match=r"extends a recipe that extends '(.*)'; extend '\1' instead"):
        read_recipe(chain)


def test_keys_of_an_inherited_preset_for_another_type_are_explained(tmp_path):
    below = '[data]\ntype = "synthetic"\n[generator]\ntype = "adain"\n[preset.small.generator]\nconvolutions = 1\n'
    write(tmp_path, below, "below.toml")
    path = write(tmp_path, 'extends = "below.toml"\n[generator]\ntype = "dcgan"\n', "own.toml")
    with pytest.raises(RecipeError) as error:
        read_recipe(path, preset="small")
    hint = (
        f"{path}: [preset.small.generator] of below.toml sets convolutions for type 'adain', and here [generator] has "
        f"type 'dcgan'; add without = ['generator'], and write [generator] and [preset.small.generator] in full"
    )
    assert error.value.problems[-1] == hint
    with pytest.raises(RecipeError) as other:
        read_recipe(path, overrides=["generator.convolutions=1"])
    assert not any("preset" in problem for problem in other.value.problems)


def test_tables_of_the_extended_recipe_may_be_left_out(good, tmp_path):
    text = 'extends = "speech.toml"\nwithout = ["generator", "train"]\n[match]\ntype = "matcher"\n'
    checked = read_recipe(write(tmp_path, text, "above.toml"), preset="small")
    assert checked.train is None and checked.configs["generator"] == ()
    unknown = write(tmp_path, 'extends = "speech.toml"\nwithout = ["penalties"]\n', "unknown.toml")
    with pytest.raises(RecipeError, match=r"without = \['penalties'\]: must list tables of the extended recipe: "):
        read_recipe(unknown)
    alone = write(tmp_path, 'without = ["train"]\n', "alone.toml")
    with pytest.raises(RecipeError, match="has no effect without extends; remove it, or add extends"):
        read_recipe(alone)


def test_all_problems_are_reported_at_once(tmp_path):
    text = GOOD.replace("margin = 0.5", "margin = 0").replace('"frozen"', '"forzen"').replace("steps = 100", "step = 1")
    text = text.replace('type = "generator"', 'type = "genrator"') + "[trian]\n"
    problems = problems_of(text, tmp_path)
    assert len(problems) == 5
    assert problems[0].startswith("[trian] is not a table of a recipe; did you mean 'train'? Available: augment,")
    assert problems[1].startswith('[conditioner] trained = "forzen": must be ')
    assert problems[2] == (
        "[generator] type = 'genrator': generator 'genrator' is not installed; did you mean 'generator'? "
        "Available: generator, refiner"
    )
    assert problems[3] == "[objective] margin = 0: must be greater than 0"
    assert problems[4].startswith("[train] step is not a key here; did you mean 'steps'?")


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        (
            'type = "generator"',
            "",
            "[generator] type = None: must be the name of a generator. Available: generator, refiner",
        ),
        ('[[objective]]\ntype = "loss"\nmargin = 0.5', "", "[objective] is missing: training needs it"),
        ('[data]\ntype = "dataset"\nimage_pixels = 64', "", "[data] is missing"),
    ],
)
def test_missing_and_misplaced_tables(old, new, problem, tmp_path):
    assert problems_of(GOOD.replace(old, new, 1), tmp_path) == [problem]


def test_two_parts_of_a_kind_that_allows_one_are_refused(tmp_path):
    text = GOOD.replace("[generator]", "[[generator]]") + '[[generator]]\ntype = "generator"\n'
    assert problems_of(text, tmp_path) == ["[[generator]] appears 2 times: at most one generator is allowed"]


def test_a_value_in_place_of_a_table_is_refused(tmp_path):
    assert problems_of("penalty = 3\n" + GOOD, tmp_path) == ["penalty = 3: must be a table, written [penalty]"]
    assert problems_of("data = [1]\n", tmp_path)[0] == "data = [1]: must be a table, written [data]"
    assert problems_of("run = 3\ntrain = 'x'\npreset.small = 1\n", tmp_path) == [
        "run = 3: must be a table, written [run]",
        "train = 'x': must be a table, written [train]",
        "preset.small = 1: must be a table, written [preset.small]",
    ]
    assert problems_of("preset = 3\n", tmp_path) == ["preset = 3: must be a table, written [preset]"]
    replaced = write(tmp_path, "data = 3\n" + GOOD.replace('[data]\ntype = "dataset"\nimage_pixels = 64', ""))
    assert read_recipe(replaced, data=tmp_path).config("dataset").name == "packed"


def test_a_recipe_without_a_stage_is_refused(tmp_path):
    text = '[data]\ntype = "dataset"\n'
    assert problems_of(text, tmp_path) == ["[train] and [match] are both missing: a recipe needs at least one of them"]


def test_a_recipe_that_only_matches_needs_no_generator(tmp_path):
    text = '[data]\ntype = "dataset"\n[conditioner]\ntype = "voice"\n[match]\ntype = "matcher"\nsteps = 5\n'
    checked = read_recipe(write(tmp_path, text))
    assert checked.train is None and checked.config("matcher").engine.steps == 5
    with pytest.raises(RecipeError, match=r"\[generator\] is missing: the recipe needs a generator"):
        checked.config("generator")


def test_parts_that_do_not_import_or_are_not_parts_are_reported_with_other_problems(tmp_path):
    text = (
        GOOD + '[[penalty]]\ntype = "gone"\n[[penalty]]\ntype = "odd"\n[[penalty]]\ntype = "penalty"\nevery_steps = 0\n'
    )
    gone, odd, steps = problems_of(text, tmp_path)
    assert "plugin 'fake' (package fake-package 1.0): penalty 'gone' (no_such_module:Gone) fails to import" in gone
    assert "No module named 'no_such_module'" in gone and "uninstall fake-package" in gone
    assert "which is no subclass of facegen.Penalty" in odd
    assert steps == "[penalty] every_steps = 0: must be greater than or equal to 1"


def test_a_part_that_refuses_its_settings_names_its_table(good):
    checked = read_recipe(good, overrides=["objective.margin=3.0"])
    with pytest.raises(RecipeError) as raised:
        checked.config("objective").build(None)
    assert raised.value.problems == (f"{good}: [objective] margin = 3.0: must be at most label = 1.0",)
    assert read_recipe(good).config("objective").build(None).margin == 0.5


def test_missing_files_and_files_that_are_not_toml_are_refused(good, tmp_path):
    with pytest.raises(RecipeError, match=r"spech\.toml: there is no such recipe; did you mean 'speech'\?"):
        read_recipe(tmp_path / "spech.toml")
    with pytest.raises(RecipeError, match=r"bad\.toml: cannot be read as TOML: .*line 2"):
        read_recipe(write(tmp_path, "[data]\nx = = 3", "bad.toml"))
    with pytest.raises(RecipeError, match="cannot be read as TOML"):
        read_recipe(tmp_path)


def test_unknown_presets_and_malformed_overrides_are_refused(good):
    with pytest.raises(RecipeError, match=r"preset 'smal' is not in the recipe; did you mean 'small'\?"):
        read_recipe(good, preset="smal")
    for override in ("steps=3", "train.steps"):
        with pytest.raises(RecipeError, match=f"--set {override}: must be TABLE.KEY=VALUE"):
            read_recipe(good, overrides=[override])


def test_a_name_that_two_plugins_claim_is_a_problem_of_the_recipe(good):
    function = staticmethod(hookimpl(named("facegen_objectives", {"loss": Loss})))
    recipe.registry().add(
        Source("second", "second-package", "2.0"), type("Again", (), {"facegen_objectives": function})
    )
    with pytest.raises(RecipeError, match=r"type = 'loss': plugin 'second' \(package second-package 2\.0\)") as raised:
        read_recipe(good)
    assert "which plugin 'fake' (package fake-package 1.0) has too" in str(raised.value)


def test_values_include_defaults_and_are_plain(good):
    values = read_recipe(good, overrides=["train.steps=7"]).values
    assert values["train"]["steps"] == 7 and values["train"]["discriminator"]["beta2"] == 0.99
    assert values["conditioner"] == [{"type": "voice", "trained": "frozen", "widths": [4, 5, 6], "path": None}]
    assert values["generator"] == {"type": "generator"} and "draft" not in values


SECOND = (
    GOOD.replace('[generator]\ntype = "generator"', '[generator]\ntype = "refiner"')
    + """
[draft]
run = "speech.toml"
image_pixels = 32
[match]
type = "matcher"
run = "matching.toml"
"""
)
MATCHING = """
[data]
type = "dataset"
image_pixels = 16
[run]
seed = 4
name = "pairs"
[conditioner]
type = "voice"
[match]
type = "matcher"
steps = 50
[preset.small.match]
steps = 5
"""


@pytest.fixture
def second(good, tmp_path):
    write(tmp_path, MATCHING, "matching.toml")
    return write(tmp_path, SECOND, "second.toml")


def test_the_recipes_of_earlier_runs_get_corpus_seed_and_preset(second, tmp_path):
    checked = read_recipe(second, preset="small", overrides=["run.seed=9", "train.batch_size=4", "match.batch_size=6"])
    draft, matching = checked.earlier["draft.run"], checked.earlier["match.run"]
    assert (draft.run.name, draft.run.seed, matching.run.name, matching.run.seed) == ("speech", 9, "pairs", 9)
    assert draft.config("dataset").engine.image_pixels == 32
    assert matching.config("dataset").engine.image_pixels == 32  # the preset's
    assert (draft.train.steps, draft.train.batch_size, draft.optional_config("matcher")) == (10, 4, None)
    assert (matching.config("matcher").engine.steps, matching.config("matcher").engine.batch_size) == (5, 6)
    assert checked.draft.run == tmp_path / "speech.toml"
    alone = read_recipe(second, overrides=["match.run=runs/elsewhere", "data.image_pixels=128"])
    assert set(alone.earlier) == {"draft.run"}
    assert alone.earlier["draft.run"].config("dataset").engine.image_pixels == 32


def test_set_of_a_matchers_own_key_applies_to_matchers_of_its_type_only(second, tmp_path):
    overrides = ["match.margin=0.5", "match.steps=7"]
    choosy = write(tmp_path, SECOND.replace('type = "matcher"', 'type = "choosy"'), "choosy.toml")
    other = read_recipe(choosy, overrides=overrides)
    before = other.earlier["match.run"].config("matcher")
    assert (other.config("matcher").settings, other.config("matcher").engine.steps) == ({"margin": 0.5}, 7)
    assert (before.name, before.engine.steps) == ("matcher", 7)
    write(tmp_path, MATCHING.replace('type = "matcher"', 'type = "choosy"'), "matching.toml")
    assert read_recipe(choosy, overrides=overrides).earlier["match.run"].config("matcher").settings == {"margin": 0.5}


def test_the_path_of_an_earlier_recipe_is_relative_to_the_file_that_names_it(good, tmp_path):
    (tmp_path / "below").mkdir()
    write(tmp_path / "below", SECOND.replace('run = "matching.toml"', "").replace("speech.toml", "../speech.toml"))
    top = write(tmp_path, 'extends = "below/speech.toml"', "top.toml")
    assert read_recipe(top).earlier["draft.run"].source == str(good)


def test_problems_of_earlier_recipes_are_reported_with_the_others(second, tmp_path):
    write(tmp_path, MATCHING.replace("steps = 50", "stepz = 50"), "matching.toml")
    (tmp_path / "speech.toml").unlink()
    own, match, draft = problems_of(SECOND.replace("steps = 100", "step = 100"), tmp_path)
    assert own.startswith("[train] step is not a key")
    assert match.startswith(f"{tmp_path / 'matching.toml'}: [match] stepz is not a key here")
    assert draft.startswith(f"{tmp_path / 'speech.toml'}: there is no such recipe")


def test_circular_references_are_refused(second, tmp_path):
    write(tmp_path, MATCHING.replace("steps = 50", 'run = "second.toml"'), "matching.toml")
    circle = r"circular reference: second\.toml -> matching\.toml -> second\.toml$"
    with pytest.raises(RecipeError, match=rf"(?m)matching\.toml: \[match\] run = '.*second\.toml': {circle}"):
        read_recipe(second)


def test_two_earlier_runs_of_one_name_are_refused(second, tmp_path):
    write(tmp_path, MATCHING.replace('"pairs"', '"speech"'), "matching.toml")
    with pytest.raises(RecipeError, match=r"have the same run name 'speech', but differ in .*train.*\[run\] name"):
        read_recipe(second)


def test_a_draft_and_a_generator_that_refines_go_together(good, tmp_path):
    lacking = GOOD.replace('type = "generator"', 'type = "refiner"')
    (problem,) = problems_of(lacking, tmp_path)
    assert problem.startswith(
        "[generator] type = 'refiner': refines the faces of an earlier run; name the run by [draft]"
    )
    (problem,) = problems_of(GOOD + '[draft]\nrun = "runs/speech"\n', tmp_path)
    assert problem == "[generator] type = 'generator': uses no draft; remove [draft]"
    (problem,) = problems_of(lacking + "[draft]\nimage_pixels = 32\n", tmp_path)
    assert problem == "[draft] run is missing: it has no default"


def test_the_judge_of_another_recipe(good, tmp_path):
    text = 'extends = "speech.toml"\n[judge]\nrecipe = "judging.toml"\n[judge.match]\nsteps = 9\n'
    write(tmp_path, GOOD + '[match]\ntype = "matcher"\nsteps = 7\nbatch_size = 8\n', "judging.toml")
    judge = read_recipe(write(tmp_path, text, "judged.toml")).tables["judge"]
    assert judge["match"] == {"type": "matcher", "steps": 9, "batch_size": 8}
    assert set(judge) == {"conditioner", "discriminator", "match"}


TWO_PENALTIES = (
    GOOD
    + """
[preset.small.penalty.1]
every_steps = 7
[[penalty]]
type = "penalty"
every_steps = 2
[[penalty]]
type = "penalty"
every_steps = 3
"""
)


def steps_of(checked) -> list[int]:
    return [config.engine.every_steps for config in checked.configs["penalty"]]


def test_a_preset_and_set_change_one_table_of_a_list(tmp_path):
    path = write(tmp_path, TWO_PENALTIES)
    assert steps_of(read_recipe(path)) == [2, 3]
    assert steps_of(read_recipe(path, preset="small")) == [2, 7]
    assert steps_of(read_recipe(path, preset="small", overrides=["penalty.0.every_steps=5"])) == [5, 7]
    assert steps_of(read_recipe(path, preset="small", overrides=["penalty.1.every_steps=9"])) == [2, 9]
    with pytest.raises(
        RecipeError,
        match=r"--set penalty\.penalty\.every_steps=5: .* is ambiguous: it matches penalty\.0 and penalty\.1",
    ):
        read_recipe(path, overrides=["penalty.penalty.every_steps=5"])


def test_a_recipe_that_extends_another_replaces_a_list_or_changes_one_table_of_it(tmp_path):
    write(tmp_path, TWO_PENALTIES)
    listed = write(tmp_path, 'extends = "speech.toml"\n[[penalty]]\ntype = "penalty"\nevery_steps = 4\n', "list.toml")
    assert steps_of(read_recipe(listed)) == [4]
    single = write(tmp_path, 'extends = "speech.toml"\n[penalty.0]\nevery_steps = 4\n', "single.toml")
    assert steps_of(read_recipe(single)) == [4, 3] and steps_of(read_recipe(single, preset="small")) == [4, 7]
    bare = write(tmp_path, 'extends = "speech.toml"\n[penalty]\nevery_steps = 4\n', "bare.toml")
    with pytest.raises(RecipeError) as raised:
        read_recipe(bare)
    assert str(raised.value) == (
        f"{bare}: 'every_steps' is ambiguous: penalty is a list of penalty.0 (penalty), penalty.1 (penalty); write "
        f"penalty.0.every_steps"
    )


@pytest.mark.parametrize("override", ["penalty.every_steps=2", "penalty.penalty.every_steps=2", "match.steps=3"])
def test_set_on_a_table_that_the_recipe_lacks_is_refused_with_those_it_has(override, good):
    table = override.partition(".")[0]
    with pytest.raises(RecipeError) as raised:
        read_recipe(good, overrides=[override])
    assert str(raised.value) == (
        f"--set {override}: the recipe has no [{table}]; it has conditioner, data, discriminator, generator, "
        f"objective, train. To add a [{table}], give its type, too: --set {table}.type=NAME"
    )


def test_set_may_add_a_table_with_its_type_in_any_order(good):
    checked = read_recipe(good, overrides=["penalty.every_steps=2", "penalty.type=penalty"])
    assert steps_of(checked) == [2]
    assert read_recipe(good, overrides=["evaluate.seed=4"]).evaluate.seed == 4, "tables without a type are always there"


def test_an_empty_value_is_refused(good):
    with pytest.raises(RecipeError, match=r"--set conditioner\.path=: has no value"):
        read_recipe(good, overrides=["conditioner.path="])


def test_two_metrics_of_one_type_differ_in_a_setting(tmp_path):
    text = GOOD + '[[metric]]\ntype = "metric"\n[[metric]]\ntype = "matching"\n[[metric]]\ntype = "metric"\n'
    assert problems_of(text, tmp_path) == [
        "[metric] type = 'metric': appears twice with the same settings; remove one, or change its settings"
    ]


def test_a_byte_order_mark_is_no_part_of_a_recipe(good, tmp_path):
    marked = tmp_path / "marked.toml"
    marked.write_bytes(b"\xef\xbb\xbf" + good.read_bytes())
    assert read_recipe(marked, overrides=["run.name=speech"]).values == read_recipe(good).values
    wide = tmp_path / "wide.toml"
    wide.write_bytes(good.read_text().encode("utf-16"))
    with pytest.raises(RecipeError, match=r"wide\.toml: is encoded in UTF-16; save it in UTF-8"):
        read_recipe(wide)


@pytest.mark.parametrize(
    ("override", "problem"),
    [
        ("train.steps=1e3", "[train] steps = 1000.0: must be a valid integer"),
        ("train.generator.learning_rate=nan", "[train] generator.learning_rate = NaN: must be a finite number"),
        ("train.ema_images=inf", "[train] ema_images = Infinity: must be a finite number"),
        ("data.image_pixels=64.0", "[data] image_pixels = 64.0: must be a valid integer"),
        ("objective.margin=inf", "[objective] margin = Infinity: must be a finite number"),
        ("conditioner.trained=true", "[conditioner] trained = true: must be 'frozen', 'generator' or 'separate'"),
    ],
)
def test_a_value_of_the_wrong_type_names_its_table(override, problem, good):
    with pytest.raises(RecipeError) as raised:
        read_recipe(good, overrides=[override])
    assert str(raised.value) == f"{good}: {problem}"


def test_a_date_is_not_a_string(tmp_path):
    text = GOOD.replace("widths = [4, 5, 6]", "path = 2024-05-06")
    (problem,) = problems_of(text, tmp_path)
    assert problem == "[conditioner] path = 2024-05-06: dates are not supported; write a string, in quotes"
    path = write(tmp_path, GOOD)
    assert read_recipe(path, overrides=["conditioner.path=2024-05-06"]).config("conditioner").settings["path"] == Path(
        "2024-05-06"
    )
