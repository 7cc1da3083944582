"""Plugins as third parties publish them: listed, described, checked, broken, in conflict and uninstalled."""

import json
import os
import subprocess
import sys

import pytest
from plugin_site import PROJECT, Site, table_of_contents

from facegen import __version__

HINGE = PROJECT / "plugins" / "facegen-hinge"


@pytest.fixture
def site(tmp_path):
    return Site(tmp_path)


def link_hinge(site: Site) -> None:
    """Link facegen-hinge into the site as if it were installed, without pip."""
    site.install("facegen-hinge", "hinge = facegen_hinge", {})
    (site.folder / "facegen_hinge").symlink_to(HINGE / "facegen_hinge")


def test_installed_plugin_is_listed_and_described(site):
    link_hinge(site)
    entry = {"kind": "objective", "name": "hinge", "plugin": "hinge", "package": "facegen-hinge", "version": "0.1.0"}
    assert entry in site.listed()["parts"]
    shown = site.run("describe", "objective", "hinge").stdout
    assert "Lim and Ye 2017" in shown and 'type = "hinge"' in shown and "mismatched_weight = 0.0" in shown


RECIPE = """
[data]
type = "synthetic"
[conditioner]
type = "one_hot"
[generator]
type = "adain"
[discriminator]
type = "projection"
[objective]
type = "hinge"
margin = {margin}
[train]
"""


def check_recipe(site: Site, margin: str) -> subprocess.CompletedProcess[str]:
    (site.folder / "hinge.toml").write_text(RECIPE.format(margin=margin))
    program = (
        "from pathlib import Path\nfrom facegen.cli.main import explained\n"
        "from facegen.core.recipe.recipe import read_recipe\n"
        "def work(): print(dict(read_recipe(Path('hinge.toml')).optional_config('objective').settings))\n"
        "raise SystemExit(explained(work))"
    )
    path = os.pathsep.join([str(site.folder), str(PROJECT)])
    environment = {**os.environ, "PYTHONPATH": path}
    return subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, env=environment, cwd=site.folder
    )


def test_recipe_with_a_part_of_a_plugin_is_checked(site):
    link_hinge(site)
    good = check_recipe(site, "0.5")
    assert (good.stderr, good.returncode) == ("", 0)
    assert good.stdout.strip() == "{'margin': 0.5, 'mismatched_weight': 0.0}"
    bad = check_recipe(site, "-0.5")
    assert bad.returncode == 1
    assert bad.stderr == "Error: hinge.toml: [objective] margin = -0.5: must be greater than 0\n"


def test_listing_imports_no_part_of_a_plugin(site):
    site.install(
        "facegen-lazy",
        "lazy = lazy_plugin",
        {
            "lazy_plugin": table_of_contents("facegen_metrics", '{"lazy": "lazy_part:Lazy"}'),
            "lazy_part": "raise RuntimeError('imported')",
        },
    )
    assert "lazy" in [part["name"] for part in site.listed()["parts"]]
    described = site.run("describe", "metric", "lazy")
    assert described.returncode == 1
    assert "plugin 'lazy' (package facegen-lazy 0.1.0): metric 'lazy' (lazy_part:Lazy)" in described.stderr
    assert "imported" in described.stderr and "Traceback" not in described.stderr


def test_plugin_that_fails_to_import_is_reported_and_stops_nothing(site):
    link_hinge(site)
    site.install("facegen-broken", "broken = broken_plugin", {"broken_plugin": "import no_such_module"}, "2.3")
    listed = site.listed()
    assert "hinge" in [part["name"] for part in listed["parts"]]
    assert listed["broken"] == [
        "plugin 'broken' (package facegen-broken 2.3) fails to import: No module named 'no_such_module'; "
        "fix it, or uninstall facegen-broken"
    ]
    shown = site.run("list-plugins").stdout
    assert "Broken: plugin 'broken' (package facegen-broken 2.3) fails to import" in shown
    missing = site.run("describe", "objective", "broken")
    assert missing.returncode == 1 and "No module named 'no_such_module'" in missing.stderr


@pytest.mark.parametrize("error", ["SyntaxError", "KeyError('x')", "SystemExit(3)"])
def test_any_exception_of_a_plugin_stops_nothing(site, error):
    site.install("facegen-wild", "wild = wild_plugin", {"wild_plugin": f"raise {error}"})
    listed = site.listed()
    assert len(listed["broken"]) == 1 and "facegen-wild" in listed["broken"][0]
    assert "relid" in [part["name"] for part in listed["parts"]]


def test_name_of_two_plugins_is_refused_with_both(site):
    contents = table_of_contents("facegen_objectives", '{"twin": "twin_part:Twin"}')
    site.install("facegen-one", "one = one_plugin", {"one_plugin": contents})
    site.install("facegen-two", "two = two_plugin", {"two_plugin": contents})
    (broken,) = site.listed()["broken"]
    assert "facegen-one 0.1.0" in broken and "facegen-two 0.1.0" in broken and "objective 'twin'" in broken
    described = site.run("describe", "objective", "twin")
    assert described.returncode == 1 and "facegen-one" in described.stderr and "facegen-two" in described.stderr


def test_plugin_cannot_replace_a_built_in_part(site):
    contents = table_of_contents("facegen_objectives", '{"relid": "x:Y"}')
    site.install("facegen-thief", "thief = thief_plugin", {"thief_plugin": contents})
    (broken,) = site.listed()["broken"]
    assert "facegen-thief" in broken and f"package facegen {__version__}" in broken


def test_misspelt_hook_is_reported_with_the_nearest_name(site):
    contents = table_of_contents("facegen_objetives", "{}")
    site.install("facegen-typo", "typo = typo_plugin", {"typo_plugin": contents})
    (broken,) = site.listed()["broken"]
    assert "package facegen-typo 0.1.0" in broken
    assert "'facegen_objetives'; did you mean 'facegen_objectives'?" in broken


MIXED = """
from facegen import hookimpl

@hookimpl
def facegen_objetives():
    return {}

@hookimpl
def facegen_penalties(data):
    return {}

@hookimpl
def facegen_metrics():
    return {"fine": "fine_part:Fine"}
"""


def test_wrong_hooks_leave_the_other_parts_of_a_package(site):
    site.install("facegen-mixed", "mixed = mixed_plugin", {"mixed_plugin": MIXED})
    listed = site.listed()
    assert "fine" in [part["name"] for part in listed["parts"]]
    named = "plugin 'mixed' (package facegen-mixed 0.1.0) implements"
    unknown, with_argument = listed["broken"]
    assert unknown.startswith(f"{named} no hook of facegen: 'facegen_objetives'; did you mean 'facegen_objectives'?")
    assert with_argument == f"{named} facegen_penalties with the argument data; a hook takes none"
    assert "facegen-mixed: `facegen list-plugins` shows why" in site.run("--help").stdout


LOUD = """
import logging, sys
print("noise at import")
logging.basicConfig(stream=sys.stdout)
logging.warning("more noise")
from facegen import hookimpl

@hookimpl
def facegen_metrics():
    print("noise of a hook")
    return {"loud": "loud_part:Loud"}
"""


def test_output_at_import_leaves_json_whole(site):
    part = (
        "print('noise of a part')\nfrom facegen import Metric\nclass Loud(Metric):\n    def measure(self, e): return []"
    )
    site.install("facegen-loud", "loud = loud_plugin", {"loud_plugin": LOUD, "loud_part": part})
    for words in (["list-plugins", "--json"], ["describe", "metric", "loud", "--json"], ["doctor", "--json"]):
        done = site.run(*words)
        assert done.returncode == 0 and json.loads(done.stdout)
        assert "noise at import" in done.stderr and "noise of a hook" in done.stderr


@pytest.mark.parametrize(
    ("returned", "message"),
    [("None", "returns None; must be a dict"), ("{'x': 3}", "returns 'x': 3"), ("1 / 0", "division by zero")],
)
def test_bad_result_of_a_hook_is_reported(site, returned, message):
    site.install("facegen-odd", "odd = odd_plugin", {"odd_plugin": table_of_contents("facegen_objectives", returned)})
    listed = site.listed()
    assert len(listed["broken"]) == 1
    assert "facegen-odd" in listed["broken"][0] and message in listed["broken"][0]


def test_hook_without_hookimpl_is_reported(site):
    site.install("facegen-bare", "bare = bare_plugin", {"bare_plugin": "def facegen_metrics(): return {}"})
    (broken,) = site.listed()["broken"]
    assert broken.startswith("plugin 'bare' (package facegen-bare 0.1.0) implements no hook; is @hookimpl missing")


def test_part_of_the_wrong_class_is_refused(site):
    contents = table_of_contents("facegen_objectives", '{"odd": "json:JSONDecoder"}')
    site.install("facegen-odd", "odd = odd_plugin", {"odd_plugin": contents})
    described = site.run("describe", "objective", "odd")
    assert described.returncode == 1
    assert "which is no subclass of facegen.Objective" in described.stderr


HURRIED = """
import torch
from facegen import Penalty


class Hurried(Penalty):
    def __init__(self, data, *, every_steps: int = 4) -> None:
        super().__init__()
"""


def test_reserved_setting_is_reported_by_every_command(site):
    link_hinge(site)
    contents = table_of_contents("facegen_penalties", '{"hurried": "hurried_part:Hurried"}')
    site.install("facegen-hurried", "hurried = hurried_plugin", {"hurried_plugin": contents, "hurried_part": HURRIED})
    message = (
        "plugin 'hurried' (package facegen-hurried 0.1.0) registers penalty 'hurried', whose setting 'every_steps' is "
        "a key of [penalty] that is reserved for the engine; rename the setting"
    )
    listed = site.listed()
    assert listed["broken"] == [message]
    assert "hinge" in [part["name"] for part in listed["parts"]]
    described = site.run("describe", "penalty", "hurried")
    assert (described.returncode, described.stderr) == (1, f"Error: {message}\n")
    findings = [line for line in site.run("doctor", "--json").stdout.splitlines() if "hurried" in line]
    assert len([line for line in findings if message in line]) == 1
    (site.folder / "a.toml").write_text(RECIPE.format(margin=1.0) + '[penalty]\ntype = "hurried"\n')
    checked = site.run("check", "a.toml")
    assert (checked.returncode, checked.stderr) == (1, f"Error: a.toml: [penalty] type = 'hurried': {message}\n")


def test_doctor_reports_parts_that_fail_to_import(site):
    contents = table_of_contents("facegen_metrics", '{"lazy": "lazy_part:Lazy"}')
    site.install("facegen-lazy", "lazy = lazy_plugin", {"lazy_plugin": contents, "lazy_part": "import no_such_module"})
    findings = json.loads(site.run("doctor", "--json").stdout)
    (plugin_finding,) = (finding for finding in findings if finding["name"] == "plugin")
    assert (
        plugin_finding["state"] == "warn"
        and "metric 'lazy'" in plugin_finding["detail"]
        and "no_such_module" in plugin_finding["detail"]
    )


@pytest.mark.slow
def test_pip_installs_and_uninstalls_a_plugin(tmp_path):
    subprocess.run([sys.executable, "-m", "venv", "--system-site-packages", tmp_path / "venv"], check=True)
    python = tmp_path / "venv" / "bin" / "python"
    library = next((tmp_path / "venv" / "lib").glob("python*/site-packages"))
    # The packages of the environment that runs this test, wherever they are.
    (library / "outer.pth").write_text(
        "\n".join([str(PROJECT), *(path for path in sys.path if "site-packages" in path)])
    )

    def run(*arguments: str) -> str:
        done = subprocess.run([python, "-m", *arguments], capture_output=True, text=True, cwd=tmp_path)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    before = run("facegen", "list-plugins", "--json")
    options = ("--quiet", "--no-deps", "--no-build-isolation", "--no-index", "--disable-pip-version-check")
    run("pip", "install", *options, str(HINGE))
    assert "hinge" in [part["name"] for part in json.loads(run("facegen", "list-plugins", "--json"))["parts"]]
    assert "Lim and Ye" in run("facegen", "describe", "objective", "hinge")
    run("pip", "uninstall", "--quiet", "--yes", "facegen-hinge")
    assert run("facegen", "list-plugins", "--json") == before
    assert not list(library.glob("*hinge*"))
