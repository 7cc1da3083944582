"""Hostile plugins: the templates of `facegen new-plugin` of every kind, changed at any place."""

import random
import re
import sys
from collections.abc import Iterator
from pathlib import Path

from hostile_case import Case

from facegen.core.kinds import KINDS
from facegen.core.scaffold.new_plugin import PluginNames, plugin_files

RESULTS = (
    "None", "[]", "{}", "3", "3.5", "'x'", "True", "1j", "object()", "torch.zeros(())", "torch.zeros(2, 3)",
    "torch.zeros(2) * 1j", "torch.zeros(3, dtype=torch.int64)", "torch.zeros(4, requires_grad=True)", "{'x': None}",
    "{'x': torch.zeros(2)}", "{3: torch.zeros(())}", "{'x': torch.tensor(float('nan'), requires_grad=True)}",
    "{'a/b\\n[red]': torch.zeros(())}", "[torch.zeros(())]", "float('nan')", "2**70", "lambda: 0", "self", "type",
    "(x for x in ())", "torch.zeros(1).expand(10**6)", "torch.zeros(4, 3, 16, 16).to_sparse()",
)  # fmt: skip
STATEMENTS = (
    "raise ValueError", "raise ValueError('x' * 10**6)", "raise SystemExit(0)", "raise SystemExit('bye')",
    "raise KeyboardInterrupt", "raise RecursionError", "raise MemoryError", "raise StopIteration", "raise BaseException",
    "raise OSError(28, 'No space left on device')", "raise UnicodeDecodeError('utf-8', b'x', 0, 1, 'bad')",
    "raise GeneratorExit", "raise BrokenPipeError", "assert False", "print('hello')", "import sys; print('x', file=sys.stderr)",
    "import sys; sys.stdout.close()", "import sys; sys.stdout = None", "import os; os.chdir('/')", "1 / 0", "self.x.y",
    "import warnings; warnings.warn('beware')", "raise type('Odd', (Exception,), {'__str__': lambda self: None})",
    "raise type('Odd', (Exception,), {'__str__': lambda self: 1 / 0})", "import torch; torch.set_default_dtype(torch.float64)",
    "import torch; torch.set_grad_enabled(False)", "import gc; gc.collect()", "raise RuntimeError('\\x1b[2J[red]\\n')",
    "import random; random.seed(0)", "return None", "raise ExceptionGroup('g', [ValueError('x')])",
    "import threading; threading.Thread(target=lambda: 1 / 0).start()", "import atexit; atexit.register(lambda: 1 / 0)",
    "type('Odd', (), {'__del__': lambda self: 1 / 0})()", "import logging; logging.getLogger().setLevel(0)",
    "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)", "import os; os.close(1)", "import os; os.environ.clear()",
    "import sys; sys.stderr = None", "import sys; sys.modules.clear()", "import os; os.umask(0o777)",
    "import locale; locale.setlocale(locale.LC_ALL, 'C')", "import builtins; builtins.open = None", "import os; os._exit",
    "import torch; torch.set_num_threads(1)", "import torch; torch.use_deterministic_algorithms(True)",
    "import torch; torch.set_default_device('meta')", "import torch; torch.autograd.set_detect_anomaly(True)",
    "import warnings; warnings.simplefilter('error')", "import resource; resource.setrlimit(resource.RLIMIT_NOFILE, (20, 20))", "import sys; sys.setrecursionlimit(60)",
)  # fmt: skip
DEFAULTS = ("None", "'x'", "[]", "float('nan')", "float('inf')", "object()", "1j", "-1", "10**400", "print", "b'x'", "{}")
ANNOTATIONS = (
    "'Nowhere'", "3", "'1 / 0'", "object", "'(('", "list['x']", "dict", "complex", "type", "None", "'\\x00'",
    "Annotated[int]", "Annotated[float, 3]", "'int | Nowhere'", "Callable", "torch.Tensor", "lambda: 0",
)  # fmt: skip
AT_IMPORT = (
    "raise ImportError('x')", "import nowhere_at_all", "raise SystemExit(3)", "print('at import')", "1 / 0", "x = (",
    "import sys; sys.exit()", "raise KeyboardInterrupt", "import os; os.write(1, b'raw output')", "\x00", "raise BaseException",
    "import warnings; warnings.warn('at import')", "import sys; sys.stdout.write('x' * 10**6)", "def f(: pass", "\ufeff",
)  # fmt: skip
HOOKS = (
    ("-> dict[str, str]:", ":"), ("()", "(extra)"), ("()", "(*extra)"), ("()", "(self, extra=3)"), ("return {", "return [] or {1: 2, "),
    ("return {", "raise ValueError; return {"), ("return {", "print('x'); return {"), ("@hookimpl", "@hookimpl(wrapper=True)"),
    ("@hookimpl", "@hookimpl(tryfirst=3)"), ("@hookimpl", "@staticmethod"), ("return {", "import sys; sys.exit(0); return {"),
    (":Odd", ""), (":Odd", ":Nowhere"), (":Odd", ":Odd:Odd"), ("odd.odd:", "nowhere:"), ('"odd"', '"../x"'), ('"odd"', '""'),
    ('"odd"', "3"), ('"odd"', '"relid"'), ('"odd"', "'x' * 10**5"), ('"odd"', "'[red]\\x1b\\n'"), ("return {", "yield {"),
    ("return {", "return None and {"), ("    return {", "    return __import__('collections').ChainMap() or {"),
)  # fmt: skip
CALLS = (
    ("check", "{folder}/recipe.toml"), ("check", "{folder}/recipe.toml"), ("check", "{folder}/recipe.toml", "--json"),
    ("list-plugins", "--json"), ("describe", "KIND", "odd"), ("schema",), ("doctor", "--json"), ("doctor",), ("recipes", "--json"),
    ("train", "{folder}/recipe.toml", "--out", "{folder}/run"), ("train", "{folder}/recipe.toml", "--out", "{folder}/run"),
)  # fmt: skip
SMALL = (
    "data.num_people=40", "data.num_heldout_people=24", "data.image_pixels=16", "data.speech_seconds=0.3",
    "data.clip_seconds=0.3", "data.clips_per_person=1", "match.steps=1", "match.batch_size=12", "match.warmup_steps=0",
    "train.steps=1", "train.batch_size=8",
)  # fmt: skip


def plugin_cases(draw: random.Random) -> Iterator[Case]:
    """Yield commands with a hostile plugin without end."""
    while True:
        kind = draw.choice(list(KINDS.values()))
        names = PluginNames.of("odd", kind)
        files = plugin_files(names, kind)
        source, hooks = f"{names.package}/odd.py", f"{names.package}/__init__.py"
        change = draw.choice((_change_code, _change_code, _change_code, _change_code, _change_signature, _change_hook, _at_import))
        changed = source if change in (_change_code, _change_signature) else draw.choice((source, hooks))
        changed = hooks if change is _change_hook else changed
        files[changed], note = change(draw, files[changed])
        yield _case(draw, kind.name, names.package, files, f"{kind.name}: {note}")


def _change_code(draw: random.Random, source: str) -> tuple[str, str]:
    """Replace a result, or put a statement into a method."""
    lines = source.splitlines()
    results = [number for number, line in enumerate(lines) if line.strip().startswith("return ")]
    bodies = [n for n, line in enumerate(lines) if line.startswith("        ") and re.match(r"(self\.|return |super)", line.strip())]
    if results and draw.random() < 0.5:
        number, value = draw.choice(results), draw.choice(RESULTS)
        indent = lines[number][: len(lines[number]) - len(lines[number].lstrip())]
        last = number  # a result may take several lines
        while lines[last].count("(") + lines[last].count("{") > lines[last].count(")") + lines[last].count("}"):
            last += 1
            lines[number] += lines[last]
            lines[last] = ""
        lines[number], note = f"{indent}import torch; return {value}", f"return {value}"
    else:
        number, note = draw.choice(bodies or results or [len(lines) - 1]), draw.choice(STATEMENTS)
        indent = lines[number][: len(lines[number]) - len(lines[number].lstrip())]
        lines.insert(number, indent + note)
    return "\n".join(lines) + "\n", f"{note} at line {number}"


def _change_signature(draw: random.Random, source: str) -> tuple[str, str]:
    """Change a default, an annotation, the base class, a name of a method, or a parameter."""
    default, annotation = (draw.choice(values).replace("\\", r"\\") for values in (DEFAULTS, ANNOTATIONS))
    changes = (
        (r"= [0-9.]+\) ->", f"= {default}) ->"), (r", \*, \w+: [^=]+=", f", *, odd: {annotation} ="),
        (r", \*, (\w+): [^=]+=", r", *, \1="), (r"\bself, ", "self, extra, "), (r"\bself, ", ""), (r"class Odd\(\w+\)", "class Odd"),
        (r"class Odd\(\w+\)", "class Odd(int)"), (r"super\(\).__init__\(\)", "pass"), (r"    def (\w+)", r"    async def \1"),
        (r"    def [a-z]\w+", "    def other"), (r"    def ([a-z]\w+)\(self", r"    @property\n    def \1(self"),
        (r"    def ([a-z]\w+)\(self, ", r"    @staticmethod\n    def \1("), (r"class Odd", "Odd = 3\nclass Even"),
        (r"class Odd\((\w+)\)", r"class Odd(\1, metaclass=type('M', (type,), {}))"), (r'"""', '"'),
        (r"class Odd\((\w+)\):", r"class Odd(\1):\n    __slots__ = ()\n    __getattr__ = lambda self, name: 3"),
    )  # fmt: skip
    pattern, replacement = draw.choice(changes)
    return re.sub(pattern, replacement, source, count=draw.choice((1, 1, 9))), f"{pattern} -> {replacement}"


def _change_hook(draw: random.Random, source: str) -> tuple[str, str]:
    old, new = draw.choice(HOOKS)
    return source.replace(old, new, 1), f"{old} -> {new[:60]}"


def _at_import(draw: random.Random, source: str) -> tuple[str, str]:
    statement = draw.choice(AT_IMPORT)
    return f"{statement}\n{source}", f"{statement[:60]!r} at import"


def _case(draw: random.Random, kind: str, package: str, files: dict[str, str], note: str) -> Case:
    words = tuple(word.replace("KIND", kind) for word in draw.choice(CALLS))
    if words[0] in ("check", "train"):
        words = (*words, "--preset", "small", *(word for value in SMALL for word in ("--set", value)))

    def prepare(folder: Path) -> None:
        info = folder / "facegen_odd-0.1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text("Metadata-Version: 2.1\nName: facegen-odd\nVersion: 0.1.0\n")
        (info / "entry_points.txt").write_text(f"[facegen]\nodd = {package}\n")
        (folder / package).mkdir()
        for name in ("odd.py", "__init__.py"):
            (folder / package / name).write_text(files[f"{package}/{name}"], errors="replace")
        if "recipe.toml" in files:
            (folder / "recipe.toml").write_text(files["recipe.toml"])

    return Case(f"plugins: {words[0]}", words, prepare, 60.0, 1000.0, note, before=_install)


def _install(folder: Path) -> None:
    """Let this process find the plugin, as if it had been installed before it started."""
    from facegen.cli.plugin_commands import plugin_commands
    from facegen.core.plugins import installed_plugins
    from facegen.core.registry import registry

    sys.path.insert(0, str(folder))
    for cached in (registry, plugin_commands, installed_plugins):
        clear = getattr(cached, "cache_clear", None)
        if clear is not None:
            clear()
