"""Rules between the tables of a recipe: each explains what breaks it."""

from collections.abc import Mapping
from typing import Any

from facegen.core.recipe.part_config import PartConfig, Recipe


def repeated_metrics(metrics: tuple[PartConfig, ...], source: str) -> list[str]:
    """A metric may be asked twice with other settings, but not twice the same."""
    values = [metric.values for metric in metrics]
    repeated = {table["type"] for place, table in enumerate(values) if table in values[:place]}
    return [
        f"{source}: [metric] type = '{name}': stands there twice with the same settings; leave one out, or change one"
        for name in sorted(repeated)
    ]


def missing_tables(tables: Mapping[str, Any], source: str) -> list[str]:
    """The tables that each stage needs, and at least one stage."""
    needed = ["generator", "objective"] if "train" in tables else []
    needed += ["conditioner"] if {"train", "match"} & set(tables) else []
    missing = [f"{source}: [{name}] is missing: training needs one" for name in needed if name not in tables]
    if "train" not in tables and "match" not in tables:
        missing.append(f"{source}: neither [train] nor [match]: there is nothing to train")
    return missing


def misplaced_draft(tables: Mapping[str, Any], generators: tuple[PartConfig, ...], source: str) -> list[str]:
    """A generator that refines faces needs a [draft], and another one has no use for it."""
    has_draft = "draft" in tables
    for generator in generators:
        if generator.part.load().uses_draft == has_draft:  # type: ignore[attr-defined]
            continue
        if has_draft:
            return [f"{generator.where} type = '{generator.name}': uses no draft; leave [draft] out"]
        return [
            f"{generator.where} type = '{generator.name}': refines the faces of an earlier run; name it, such as "
            f"[draft] run = 'runs/NAME', or run = 'RECIPE.toml', which is then trained first"
        ]
    return [f"{source}: [draft] is for a generator, and there is none"] if has_draft and not generators else []


def idle_settings(recipe: Recipe) -> list[str]:
    """Settings that have no effect, because another one switches them off."""
    source, tables = recipe.source, recipe.tables
    data, matcher = recipe.config("dataset").engine, recipe.optional_config("matcher")
    idle = []
    if data.crop == "fixed" and data.pairing == "centred":
        idle.append("[data] crop = 'fixed': pairing = 'centred' crops around the face of the row")
    if matcher is not None and matcher.engine.run is not None:
        unread = [key for key in ("start", "freeze_conditioner", "freeze_faces") if getattr(matcher.engine, key)]
        idle += [f"[match] {key}: run takes over a finished match stage" for key in unread]
    only_matches = recipe.train is None
    if only_matches and "judge" in tables:
        idle.append("[judge]: a run that only matches is judged by itself")
    if only_matches and recipe.evaluate.judge_start is not None:
        idle.append("[evaluate] judge_start: a run that only matches is judged by itself")
    if only_matches:
        for name in ("generator", "objective", "penalty", "condition"):
            idle += [f"[{name}]: only [train] reads it, and there is none"] if name in tables else []
        if "augment" in tables and matcher is not None and not matcher.engine.augment:
            idle.append("[augment]: only [train] reads it, and there is none; [match] augment = true uses it there")
    return [f"{source}: {setting}, so this has no effect" for setting in idle]
