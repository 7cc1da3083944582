"""Commands of plugins: listed, run, refused and broken, without effect on help and other commands."""

from pathlib import Path

import pytest
from plugin_site import Site, table_of_contents

COMMANDS = "facegen_commands"
BLEND = """
import click
from facegen import DataError

@click.command()
@click.argument("weight", type=float)
def blend(weight):
    "Blend two faces."
    if weight > 1:
        raise DataError(f"weight = {weight:g}: must be at most 1", "no face was drawn")
    if weight < 0:
        raise ValueError("negative weight")
    click.echo(f"blended {weight:g}")
    return 7
"""


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)


def install_blend(site: Site) -> None:
    modules = {"blend_plugin": table_of_contents(COMMANDS, "{'blend': 'blend_command:blend'}"), "blend_command": BLEND}
    site.install("facegen-blend", "blend = blend_plugin", modules, "1.2")


def test_command_of_a_plugin_runs(site: Site) -> None:
    install_blend(site)
    done = site.run("blend", "0.5")
    assert (done.returncode, done.stdout, done.stderr) == (7, "blended 0.5\n", "")
    assert site.run("blend", "--help").stdout.startswith("Usage: facegen blend [OPTIONS] WEIGHT\n\n  Blend two faces.")
    usage = site.run("blend", "half")
    assert usage.returncode == 2 and "'half' is not a valid float." in usage.stderr
    refused = site.run("blend", "2")
    expected = "Error: weight = 2: must be at most 1\nError: no face was drawn\n"
    assert (refused.returncode, refused.stderr) == (1, expected)


def test_bug_in_a_command_names_the_plugin(site: Site) -> None:
    install_blend(site)
    done = site.run("blend", "--", "-1")
    assert done.returncode == 1 and "ValueError: negative weight" in done.stderr
    assert done.stderr.splitlines()[-1] == (
        "This is a bug in plugin 'blend' (package facegen-blend 1.2). Please report it there, with the lines above."
    )


def test_help_lists_commands_without_importing_them(site: Site) -> None:
    install_blend(site)
    program = (
        "import sys\nfrom facegen.cli.main import main\nassert main(['--help']) == 0\n"
        "print(sorted({'torch', 'rich', 'pydantic', 'blend_command'} & set(sys.modules)))"
    )
    done = site.python("-c", program)
    assert done.stderr == ""
    plugin_section = done.stdout.split("Plugin commands:\n")[1]
    assert plugin_section.splitlines()[0].split() == ["blend", "facegen-blend", "1.2"]
    assert done.stdout.splitlines()[-1] == "[]"


def test_plugins_are_imported_for_help_and_unknown_commands_only(site: Site) -> None:
    site.install("facegen-loud", "loud = loud_plugin", {"loud_plugin": "import sys\nsys.stderr.write('imported ')"})
    for words in (["--version"], ["train", "--help"], ["train", "--nonsense"]):
        assert "imported" not in site.run(*words).stderr
    for words in (["--help"], [], ["trian"]):
        assert "imported" in site.run(*words).stderr


def test_list_plugins_lists_commands(site: Site) -> None:
    install_blend(site)
    listed = site.listed()
    entry = {"name": "blend", "plugin": "blend", "package": "facegen-blend", "version": "1.2"}
    assert listed["commands"] == [entry] and listed["broken"] == []
    rows = [line.split() for line in site.run("list-plugins").stdout.splitlines()]
    assert ["command", "package", "version"] in rows and ["blend", "facegen-blend", "1.2"] in rows


def test_unknown_command_suggests_a_command_of_a_plugin(site: Site) -> None:
    install_blend(site)
    done = site.run("bland")
    assert done.returncode == 2 and done.stderr.startswith("Usage: facegen [OPTIONS] COMMAND [ARGS]...")
    assert "there is no command 'bland'; did you mean 'blend'? Available: blend, check, collect," in done.stderr


def test_command_of_two_plugins_is_refused(site: Site) -> None:
    install_blend(site)
    contents = table_of_contents(COMMANDS, "{'blend': 'other:command', 'mix': 'other:command'}")
    site.install("facegen-mixer", "mixer = mixer_plugin", {"mixer_plugin": contents})
    (broken,) = site.listed()["broken"]
    assert broken == (
        "plugin 'mixer' (package facegen-mixer 0.1.0) adds the command 'blend', which plugin 'blend' (package "
        "facegen-blend 1.2) adds too; uninstall one of them, or ask its author for another name"
    )
    done = site.run("blend", "0.5")
    assert (done.returncode, done.stderr) == (1, f"Error: {broken}\n")
    section = site.run("--help").stdout.split("Plugin commands:\n")[1]
    assert [line.split()[0] for line in section.splitlines()[:2]] == ["mix", "(broken)"]
    assert "facegen-mixer: `facegen list-plugins` shows why" in section


def test_built_in_command_cannot_be_replaced(site: Site) -> None:
    contents = table_of_contents(COMMANDS, "{'doctor': 'thief:command'}")
    site.install("facegen-thief", "thief = thief_plugin", {"thief_plugin": contents})
    assert site.listed()["broken"] == [
        "plugin 'thief' (package facegen-thief 0.1.0) adds the command 'doctor', which is built in; "
        "ask its author for another name"
    ]
    assert site.run("doctor", "--help").stdout.startswith("Usage: facegen doctor")


BROKEN = [
    ("import no_such_module",
     "fails to import: No module named 'no_such_module'; fix it, or uninstall facegen-odd0"),
    ("raise SystemExit(3)", "fails to import: SystemExit: 3; fix it, or uninstall facegen-odd1"),
    (table_of_contents(COMMANDS, "None"),
     "fails in facegen_commands: TypeError: returns None; must be a dict {name: 'module:click_command'}"),
    (table_of_contents(COMMANDS, "{'x': 3}"),
     "fails in facegen_commands: TypeError: returns 'x': 3; must be 'module:click_command', or a click.Command"),
    (table_of_contents(COMMANDS, "{'--x': 'a:b'}"),
     "fails in facegen_commands: TypeError: returns the name '--x'; must be lower-case letters, digits and hyphens"),
    (table_of_contents(COMMANDS, "1 / 0"), "fails in facegen_commands: ZeroDivisionError: division by zero"),
    (table_of_contents(COMMANDS, "exit(4)"), "fails in facegen_commands: SystemExit: 4"),
    ("def __getattr__(name): raise OSError('no attribute')",
     "implements no hook; is @hookimpl missing above its functions?"),
]  # fmt: skip
"""Source of a plugin, and the reason why it is broken."""


def test_broken_plugins_break_neither_help_nor_other_commands(site: Site) -> None:
    install_blend(site)
    for number, (contents, _) in enumerate(BROKEN):
        modules = {f"odd{number}_plugin": f"print('noise')\n{contents}"}
        site.install(f"facegen-odd{number}", f"odd{number} = odd{number}_plugin", modules)
    shown = site.run("--help")
    assert (shown.returncode, shown.stderr) == (0, "noise\n" * len(BROKEN)), "no output but the program's on stdout"
    section = "".join(shown.stdout.split("Plugin commands:\n")[1].split())  # lines break inside names, too
    packages = ",".join(f"facegen-odd{number}" for number in range(len(BROKEN)))
    assert section.startswith(f"blendfacegen-blend1.2(broken){packages}:`facegenlist-plugins`showswhy")
    done = site.run("blend", "0.5")
    assert (done.returncode, done.stdout) == (7, "blended 0.5\n")
    reasons = {
        f"plugin 'odd{number}' (package facegen-odd{number} 0.1.0) {reason}"
        for number, (_, reason) in enumerate(BROKEN)
    }
    assert set(site.listed()["broken"]) == reasons


def test_command_that_fails_to_load_reports_the_reason(site: Site) -> None:
    targets = {"gone": "no_such_module:run", "function": "json:dumps", "nameless": "json:nothing"}
    site.install("facegen-odd", "odd = odd_plugin", {"odd_plugin": table_of_contents(COMMANDS, repr(targets))})
    reasons = {
        "gone": "(no_such_module:run) fails to import: No module named 'no_such_module'; fix it, or uninstall "
        "facegen-odd\n",
        "function": "is <function dumps at",
        "nameless": "(json:nothing) fails to import: AttributeError: module 'json' has no attribute 'nothing'; fix "
        "it, or uninstall facegen-odd\n",
    }
    for name, reason in reasons.items():
        done = site.run(name)
        assert done.returncode == 1
        assert done.stderr.startswith(f"Error: plugin 'odd' (package facegen-odd 0.1.0): command '{name}' {reason}")
