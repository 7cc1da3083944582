"""`facegen doctor`: check the installation."""

import importlib
import platform
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, packages_distributions, version
from pathlib import Path
from typing import Literal

import click
from rich.table import Table

from facegen import __version__
from facegen.cli.console import console, styled
from facegen.core.errors import PluginError
from facegen.core.text.json_text import json_text
from facegen.core.text.raised import raised

CODECS = ("aac", "mp3", "opus", "flac", "pcm_s16le", "h264", "vp9", "mjpeg")
FRONTAL_FACE = "haarcascade_frontalface_default.xml"
LEAST_FREE_GIB = 5.0
_STYLES = {"ok": "green", "warn": "yellow", "missing": "red"}


@dataclass(frozen=True)
class Finding:
    """Result of one check.

    Attributes:
        name: the checked item.
        state: "missing" when facegen cannot work without it.
        detail: version, or reason of a fault.
        advice: remedy.
    """

    name: str
    state: Literal["ok", "warn", "missing"]
    detail: str
    advice: str = ""


@click.command("doctor")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_context
def command(context: click.Context, as_json: bool) -> None:
    """Check this installation, and print a remedy for each fault.

    The exit code is 1 when something that facegen needs is missing.
    """
    checked = findings()
    if as_json:
        click.echo(json_text([asdict(finding) for finding in checked], indent=2))
    else:
        table = Table(box=None, pad_edge=False, show_header=False)
        for finding in checked:
            state = styled((finding.state, _STYLES[finding.state]))
            text = f"{finding.detail}; {finding.advice}" if finding.advice else finding.detail
            table.add_row(state, finding.name, text)
        console.print(table)
    context.exit(int(any(finding.state == "missing" for finding in checked)))


def findings() -> list[Finding]:
    """Return the results of all checks, in order."""
    return [finding for examine in _EXAMINATIONS for finding in examine()]


def _python() -> Iterator[Finding]:
    fits = (3, 11) <= sys.version_info[:2] <= (3, 13)
    advice = "" if fits else "facegen is tested with Python 3.11 to 3.13"
    yield Finding("python", "ok" if fits else "warn", f"{platform.python_version()} on {platform.platform()}", advice)
    yield Finding("facegen", "ok", __version__)


def _torch() -> Iterator[Finding]:
    try:
        import torch
    except Exception as error:  # broken libraries raise OSError and others
        yield Finding("torch", "missing", _reason(error), "install torch (pytorch.org says which build)")
        return
    yield Finding("torch", "ok", f"{torch.__version__}, {torch.get_num_threads()} threads")
    if not torch.cuda.is_available():
        yield Finding("gpu", "warn", "none", "training runs on the CPU: use a recipe's --preset small")
        return
    for index in range(torch.cuda.device_count()):
        properties = torch.cuda.get_device_properties(index)
        memory = f"{properties.total_memory / 2**30:.0f} GiB"
        bf16 = "with bf16" if torch.cuda.is_bf16_supported() else "without bf16"
        yield Finding("gpu", "ok", f"{properties.name}, {memory}, {bf16}, CUDA {torch.version.cuda}")


def _optional_imports() -> Iterator[Finding]:
    from facegen.core import optional_imports

    uses: dict[str, tuple[Callable[[], object], str]] = {
        "torchaudio": (optional_imports.torchaudio, "spectrograms and resampling"),
        "torchvision": (optional_imports.torchvision, "torch-fidelity"),
        "torch-fidelity": (optional_imports.torch_fidelity, "evaluation"),
    }
    for name, (load, use) in uses.items():
        try:
            load()
        except Exception as error:
            yield Finding(name, "missing", _reason(error), f"pip install '{name}' ({use} needs it)")
            continue
        stood_in = name in optional_imports.stood_in()
        note = ", its compiled code does not fit this torch and is not used" if stood_in else ""
        yield Finding(name, "ok", version(name) + note)


def _av() -> Iterator[Finding]:
    try:
        import av
    except Exception as error:
        yield Finding("av", "missing", _reason(error), "pip install av (reads all audio and video)")
        return
    lacking = [codec for codec in CODECS if codec not in av.codecs_available]
    detail = f"{version('av')}, decodes {', '.join(codec for codec in CODECS if codec not in lacking)}"
    advice = f"no {', '.join(lacking)}: pip install --force-reinstall av" if lacking else ""
    yield Finding("av", "warn" if lacking else "ok", detail, advice)


def _cv2() -> Iterator[Finding]:
    several = sorted({name.lower() for name in packages_distributions().get("cv2", ())})
    if len(several) > 1:
        advice = f"they overwrite each other's files: pip uninstall {' '.join(several)}, then install one of them again"
        detail = ", ".join(f"{name} {version(name)}" for name in several)
        yield Finding("opencv", "warn", f"{len(several)} packages install cv2: {detail}", advice)
    advice = "pip install 'opencv-python-headless>=4.10,<5' (5.0 has no cascades, which detect faces)"
    try:
        import cv2

        cascade = Path(cv2.data.haarcascades) / FRONTAL_FACE  # type: ignore[attr-defined]
        has_cascades = cascade.is_file() and hasattr(cv2, "CascadeClassifier")
    except Exception as error:
        yield Finding("opencv", "missing", _reason(error), advice)
        return
    if has_cascades:
        yield Finding("opencv", "ok", f"{cv2.__version__}, with {FRONTAL_FACE}")
    else:
        yield Finding("opencv", "missing", f"{cv2.__version__} lacks {FRONTAL_FACE}", advice)


def _optional() -> Iterator[Finding]:
    uses = {
        "yt-dlp": ("yt_dlp", "pip install 'yt-dlp[default]' (downloads need it)"),
        "yt-dlp-ejs": ("yt_dlp_ejs", "pip install 'yt-dlp[default]' (downloads from YouTube need it)"),
        "silero-vad": ("silero_vad", "pip install 'facegen[speech]' (detects speech in sounds)"),
        "tensorboard": ("tensorboard", "pip install 'facegen[viewer]' (shows training curves)"),
    }
    for name, (module, advice) in uses.items():
        try:
            importlib.import_module(module)
            yield Finding(name, "ok", version(name))
        except (ImportError, PackageNotFoundError) as error:
            yield Finding(name, "warn", _reason(error), advice)


def _javascript() -> Iterator[Finding]:
    from facegen.collect.video.download_settings import JAVASCRIPT_RUNTIMES

    installed = [name for name, program in JAVASCRIPT_RUNTIMES.items() if shutil.which(program)]
    advice = "" if installed else "install Deno (deno.com) or Node.js 20 or newer; downloads from YouTube need one"
    yield Finding("javascript", "ok" if installed else "warn", ", ".join(installed) or "no runtime", advice)


def _disk() -> Iterator[Finding]:
    free_gib = shutil.disk_usage(Path.cwd()).free / 2**30
    advice = "" if free_gib >= LEAST_FREE_GIB else "runs and corpora may not fit"
    yield Finding("disk", "warn" if advice else "ok", f"{free_gib:.1f} GiB free in this folder", advice)


def _plugins() -> Iterator[Finding]:
    from facegen.cli.plugin_commands import plugin_commands
    from facegen.core.plugins import OWN_PACKAGE, installed_plugins
    from facegen.core.registry import registry

    names = sorted({f"{plugin.source.package} {plugin.source.version}" for plugin in installed_plugins()[0]})
    yield Finding("plugins", "ok", ", ".join(names) or "none installed")
    faults = [str(broken) for broken in (*registry().broken, *plugin_commands().broken)]
    for part in (part for parts in registry().parts.values() for part in parts.values()):
        if part.source.package == OWN_PACKAGE:
            continue
        try:
            part.load()
        except PluginError as error:
            faults.append(str(error))
    for reason in dict.fromkeys(faults):
        yield Finding("plugin", "warn", reason)


def _reason(error: Exception) -> str:
    return raised(error).splitlines()[0]


_EXAMINATIONS = (_python, _torch, _optional_imports, _av, _cv2, _optional, _javascript, _disk, _plugins)
