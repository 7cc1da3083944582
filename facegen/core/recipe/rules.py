"""Rules across the tables of a recipe; each function returns one message per violation."""

from collections.abc import Mapping
from typing import Any

from facegen.core.recipe.part_config import PartConfig, Recipe


def repeated_metrics(metrics: tuple[PartConfig, ...], source: str) -> list[str]:
    """Report metrics that appear twice with the same settings."""
    tables = [metric.values for metric in metrics]
    repeated = {table["type"] for position, table in enumerate(tables) if table in tables[:position]}
    return [
        f"{source}: [metric] type = '{name}': appears twice with the same settings; remove one, or change its settings"
        for name in sorted(repeated)
    ]


def missing_tables(tables: Mapping[str, Any], source: str) -> list[str]:
    """Report tables that a stage needs and that are missing, and a recipe without a stage."""
    needed = ["generator", "objective"] if "train" in tables else []
    needed += ["conditioner"] if {"train", "match"} & set(tables) else []
    missing = [f"{source}: [{name}] is missing: training needs it" for name in needed if name not in tables]
    if "train" not in tables and "match" not in tables:
        missing.append(f"{source}: [train] and [match] are both missing: a recipe needs at least one of them")
    return missing


def untrained_frozen_conditioners(
    matcher: PartConfig | None, conditioners: tuple[PartConfig, ...], source: str
) -> list[str]:
    """Report [match] freeze_conditioner without an earlier run, where a conditioner brings no trained weights."""
    if matcher is None or not matcher.engine.freeze_conditioner or matcher.engine.start or matcher.engine.run:
        return []
    untrained = [config.name for config in conditioners if not config.part.load().pretrained]  # type: ignore[attr-defined]
    if not untrained:
        return []
    return [
        f"{source}: [match] freeze_conditioner = true: must be false without start, the earlier run whose weights are "
        f"frozen: {', '.join(untrained)} {'brings' if len(untrained) == 1 else 'bring'} no trained weights"
    ]


def misplaced_draft(tables: Mapping[str, Any], generators: tuple[PartConfig, ...], source: str) -> list[str]:
    """Report a generator that needs [draft] and has none, and a [draft] that no generator uses."""
    has_draft = "draft" in tables
    for generator in generators:
        if generator.part.load().uses_draft == has_draft:  # type: ignore[attr-defined]
            continue
        if has_draft:
            return [f"{generator.where} type = '{generator.name}': uses no draft; remove [draft]"]
        return [
            f"{generator.where} type = '{generator.name}': refines the faces of an earlier run; name the run by "
            f"[draft] run = 'runs/NAME', or by run = 'RECIPE.toml', which is then trained first"
        ]
    return [f"{source}: [draft] needs a [generator], which is missing"] if has_draft and not generators else []


def idle_settings(recipe: Recipe) -> list[str]:
    """Report settings that have no effect because of other settings."""
    source, tables = recipe.source, recipe.tables
    data, matcher = recipe.config("dataset").engine, recipe.optional_config("matcher")
    idle = []
    if data.crop == "fixed" and data.pairing == "centred":
        idle.append("[data] crop = 'fixed': pairing = 'centred' crops around the face of the row")
    if matcher is not None and matcher.engine.run is not None:
        unread = [key for key in ("start", "freeze_conditioner", "freeze_faces") if getattr(matcher.engine, key)]
        idle += [f"[match] {key}: [match] run loads a finished match stage" for key in unread]
    only_matches = recipe.train is None
    if only_matches and "judge" in tables:
        idle.append("[judge]: a run without [train] is its own judge")
    if only_matches and recipe.evaluate.judge_start is not None:
        idle.append("[evaluate] judge_start: a run without [train] is its own judge")
    if only_matches:
        for name in ("generator", "objective", "penalty", "condition"):
            idle += [f"[{name}]: only training reads it, and the recipe has no [train]"] if name in tables else []
        if "augment" in tables and matcher is not None and not matcher.engine.augment:
            idle.append(
                "[augment]: only training reads it, and the recipe has no [train]; [match] augment = true uses it there"
            )
    return [f"{source}: {setting}, so this has no effect" for setting in idle]
