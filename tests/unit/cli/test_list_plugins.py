"""`facegen list-plugins`, in one process; with plugins in tests/integration/test_plugin.py."""

import json

from facegen.core.registry import registry

PARTS = [(part.kind.name, name) for parts in registry().parts.values() for name, part in parts.items()]


def test_list_plugins_lists_every_part(output):
    lines = output("list-plugins").splitlines()
    assert lines[0].split() == ["kind", "name", "package", "version"]
    for _, name in PARTS:
        assert any(name in line.split() and "facegen" in line.split() for line in lines)
    listed = json.loads(output("list-plugins", "--json"))
    assert {(part["kind"], part["name"]) for part in listed["parts"]} == set(PARTS)


def test_list_plugins_lists_one_kind(output):
    assert "relid" not in output("list-plugins", "--kind", "generator")
    assert "did you mean 'generator'?" in output("list-plugins", "--kind", "genrator", code=2)
