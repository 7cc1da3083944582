"""Hook specifications: one function per kind of part, and one for commands.

A plugin implements a hook by a function of the same name, marked with `@hookimpl`. Every hook takes nothing and returns
{name: "module:attribute"}, or {name: the object itself}. Strings are preferred: `facegen list-plugins` then imports
neither the parts nor torch. Each function below shows an implementation; docs/plugins.md shows a whole plugin.
"""

import pluggy

PROJECT = "facegen"
hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)

Parts = dict[str, str | type]
"""{name in a recipe: "module:Class", or the class}."""


@hookspec
def facegen_datasets() -> Parts:
    """Return datasets: faces, speech and captions of people.

    They subclass `facegen.Dataset`; [data] of a recipe chooses one.

        @hookimpl
        def facegen_datasets() -> dict[str, str]:
            return {"lrs3": "facegen_lrs3.corpus:LRS3"}
    """
    raise NotImplementedError


@hookspec
def facegen_conditioners() -> Parts:
    """Return conditioners: encoders of speech, a name or text.

    They subclass `facegen.Conditioner`; [conditioner] of a recipe chooses one.

        @hookimpl
        def facegen_conditioners() -> dict[str, str]:
            return {"wav2vec": "facegen_wav2vec.encoder:Wav2Vec"}
    """
    raise NotImplementedError


@hookspec
def facegen_transforms() -> Parts:
    """Return transforms of the condition, such as noise.

    They subclass `facegen.ConditionTransform`; [condition] of a recipe chooses one.

        @hookimpl
        def facegen_transforms() -> dict[str, str]:
            return {"mixup": "facegen_mixup.mixup:Mixup"}
    """
    raise NotImplementedError


@hookspec
def facegen_generators() -> Parts:
    """Return generators: networks from noise and condition to faces.

    They subclass `facegen.Generator`; [generator] of a recipe chooses one.

        @hookimpl
        def facegen_generators() -> dict[str, str]:
            return {"unet": "facegen_unet.unet:UNet"}
    """
    raise NotImplementedError


@hookspec
def facegen_discriminators() -> Parts:
    """Return discriminators: networks that score and embed faces.

    They subclass `facegen.Discriminator`; [discriminator] of a recipe chooses one.

        @hookimpl
        def facegen_discriminators() -> dict[str, str]:
            return {"patch": "facegen_patch.patch:PatchDiscriminator"}
    """
    raise NotImplementedError


@hookspec
def facegen_objectives() -> Parts:
    """Return objectives: losses of generator and discriminator.

    They subclass `facegen.Objective`; [objective] of a recipe chooses one.

        @hookimpl
        def facegen_objectives() -> dict[str, str]:
            return {"hinge": "facegen_hinge.hinge:Hinge"}
    """
    raise NotImplementedError


@hookspec
def facegen_penalties() -> Parts:
    """Return penalties: regularisation of the discriminator.

    They subclass `facegen.Penalty`; [penalty] of a recipe chooses one.

        @hookimpl
        def facegen_penalties() -> dict[str, str]:
            return {"zero_centred": "facegen_zero.penalty:ZeroCentred"}
    """
    raise NotImplementedError


@hookspec
def facegen_augmentations() -> Parts:
    """Return augmentations of the faces that the discriminator sees.

    They subclass `facegen.Augmentation`; [augment] of a recipe chooses one.

        @hookimpl
        def facegen_augmentations() -> dict[str, str]:
            return {"cutout": "facegen_cutout.cutout:Cutout"}
    """
    raise NotImplementedError


@hookspec
def facegen_matchers() -> Parts:
    """Return matchers: losses that learn which voices and faces match.

    They subclass `facegen.Matcher`; [match] of a recipe chooses one.

        @hookimpl
        def facegen_matchers() -> dict[str, str]:
            return {"triplet": "facegen_triplet.triplet:Triplet"}
    """
    raise NotImplementedError


@hookspec
def facegen_metrics() -> Parts:
    """Return metrics: measurements of a run.

    They subclass `facegen.Metric`; [metric] of a recipe chooses one.

        @hookimpl
        def facegen_metrics() -> dict[str, str]:
            return {"brightness": "facegen_brightness.metric:Brightness"}
    """
    raise NotImplementedError


@hookspec
def facegen_recognisers() -> Parts:
    """Return recognisers: external networks that embed faces or speech.

    They subclass `facegen.Recogniser`; [recogniser] of a recipe chooses one.

        @hookimpl
        def facegen_recognisers() -> dict[str, str]:
            return {"arcface": "facegen_arcface.network:ArcFace"}
    """
    raise NotImplementedError


@hookspec
def facegen_loggers() -> Parts:
    """Return loggers: recipients of what happens in a run.

    They subclass `facegen.Logger`; [logger] of a recipe chooses one.

        @hookimpl
        def facegen_loggers() -> dict[str, str]:
            return {"wandb": "facegen_loggers.wandb_runs:Wandb"}
    """
    raise NotImplementedError


@hookspec
def facegen_detectors() -> Parts:
    """Return detectors of faces in images.

    They subclass `facegen.Detector`; [detector] of a list of sources chooses one.

        @hookimpl
        def facegen_detectors() -> dict[str, str]:
            return {"mtcnn": "facegen_mtcnn.detector:MTCNN"}
    """
    raise NotImplementedError


@hookspec
def facegen_executors() -> Parts:
    """Return executors of the tasks of a collection.

    They subclass `facegen.Executor`; [executor] of a list of sources chooses one.

        @hookimpl
        def facegen_executors() -> dict[str, str]:
            return {"ray": "facegen_ray.executor:Ray"}
    """
    raise NotImplementedError


@hookspec
def facegen_commands() -> dict[str, object]:
    """Return commands of the command line: {name: "module:click_command"}, or the `click.Command` itself.

        @hookimpl
        def facegen_commands() -> dict[str, str]:
            return {"blend": "facegen_blend.command:blend"}

    A name consists of lower-case letters, digits and hyphens; names of built-in commands are refused.
    """
    raise NotImplementedError


HOOKS = tuple(name for name in globals() if name.startswith("facegen_"))
"""Names of all hooks."""
