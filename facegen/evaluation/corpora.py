"""What a recipe's corpus is called, and when two recipes read the same one."""

import hashlib
import json
from pathlib import Path
from typing import Any

from facegen.core.recipe import Recipe
from facegen.data.corpus import Corpus


def corpus_name(recipe: Recipe) -> str:
    """What the recipe's corpus is called: its folder, or the name of what makes it."""
    choice = recipe.chosen("dataset")
    return Path(str(choice.settings["path"])).name if "path" in choice.settings else choice.name


def corpus_key(recipe: Recipe) -> str:
    """The same for recipes that read the same people, at whatever size."""
    choice = recipe.chosen("dataset")
    said: list[Any] = [choice.name, choice.engine.num_folds, choice.engine.fold]
    if "path" in choice.settings:
        said += [shard.sha256 for shard in Corpus.open(choice.settings["path"]).manifest.shards]
    else:
        said.append(dict(choice.settings))
    return hashlib.sha256(json.dumps(said, sort_keys=True, default=str).encode()).hexdigest()[:16]
