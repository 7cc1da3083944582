"""Check of a part's declaration: docstring, parameters and settings."""

import inspect
import json
from typing import Any

from torch import nn

import facegen
from facegen.core.describe.docstrings import docstring_sections, section_entries
from facegen.core.errors import PluginError
from facegen.core.kinds import KINDS
from facegen.core.recipe.declared_settings import declared_settings, explain_reserved
from facegen.core.recipe.settings import check_table, settings_model
from facegen.core.renamed import old_names
from facegen.testing.expect import expect


def check_declaration(kind: str, part: type) -> None:
    """Check that a part subclasses its interface, documents and annotates every parameter, and has valid defaults."""
    interface = getattr(facegen, KINDS[kind].interface)
    expect(issubclass(part, interface), f"is no subclass of facegen.{interface.__name__}")
    renamed = old_names(kind, part, interface)
    expect(not renamed, f"uses names that facegen.{interface.__name__} no longer has: {'; '.join(renamed)}")
    parameters = list(inspect.signature(part).parameters.values())
    for parameter in parameters:
        variadic = parameter.kind in (parameter.VAR_KEYWORD, parameter.VAR_POSITIONAL)
        advice = "a misspelt key of a recipe would pass unnoticed; name each parameter"
        expect(not variadic, f"takes *{parameter.name}: {advice}")
    settings = [parameter for parameter in parameters if parameter.kind is parameter.KEYWORD_ONLY]
    engine = [parameter.name for parameter in parameters if parameter.kind is not parameter.KEYWORD_ONLY]
    reserved = explain_reserved(KINDS[kind], declared_settings(part))
    expect(not reserved, reserved)
    for setting in settings:
        expect(setting.annotation is not setting.empty, f"setting '{setting.name}' has no annotation")
    _check_docstring(part, engine, [setting.name for setting in settings])
    _check_defaults(
        part, {setting.name: setting.default for setting in settings if setting.default is not setting.empty}
    )


def _check_docstring(part: type, engine: list[str], settings: list[str]) -> None:
    expect("__doc__" in vars(part) and bool(part.__doc__), "has no docstring")
    sections = docstring_sections(part)
    first = sections[""].split("\n\n")[0]
    expect(first.rstrip().endswith((".", ":")), f"its docstring must begin with a sentence, not {first!r}")
    expect("Source" in sections, "its docstring has no section 'Source:' (paper and equation, and what is ours)")
    takes_tensors = issubclass(part, nn.Module) and part.forward is not nn.Module.forward
    expect(not takes_tensors or "Shape" in sections, "it has a forward, but its docstring has no section 'Shape:'")
    for section, names in (("Engine", engine), ("Settings", settings)):
        documented = section_entries(sections.get(section, ""))
        missing = [name for name in names if not documented.get(name)]
        expect(not missing, f"its docstring's section '{section}:' does not explain {', '.join(missing)}")
        unknown = [name for name in documented if name not in names]
        surplus = f"explains {', '.join(unknown)}, which it does not have"
        expect(not unknown, f"its docstring's section '{section}:' {surplus}")


def _check_defaults(part: type, defaults: dict[str, Any]) -> None:
    try:
        model = settings_model(part)
    except PluginError as error:
        raise AssertionError(str(error)) from error
    given = json.loads(model.model_construct(**defaults).model_dump_json(include=set(defaults)))
    _, problems = check_table(model, {name: value for name, value in given.items() if value is not None})
    wrong = [problem for problem in problems if not problem.endswith("it has no default")]
    expect(not wrong, f"its defaults are not valid: {'; '.join(wrong)}")
