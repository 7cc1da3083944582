"""A part that uses a name which its interface no longer has is refused, and the new name is given."""

from functools import cached_property

import pytest

import facegen
from facegen.core.critic import Critic
from facegen.core.errors import PluginError
from facegen.core.kinds import KINDS
from facegen.core.registry import Part, Registry, Source, registry
from facegen.core.renamed import RENAMED, RENAMED_OF_CRITIC, old_names
from facegen.testing.declaration import check_declaration


class StoredInAMethod(facegen.Recogniser):
    def __init__(self) -> None:
        self.judges = frozenset({"faces"})


class AnnotatedOnly(facegen.Discriminator):
    offers: frozenset[str]


class AsProperty(facegen.Discriminator):
    @property
    def mixes_samples(self) -> bool:
        return True


class Base(facegen.Penalty):
    image_leaves = frozenset({"real"})


class Inherited(Base):
    pass


class ReadFromTheCritic(facegen.Objective):
    def discriminator_terms(self, critic):
        return {"error": (critic.real_view - critic.fake_view).mean()}


class ReadInAProperty(facegen.Penalty):
    @cached_property
    def faces(self):
        return self.critic.fake_view


class OwnNames(facegen.Penalty):
    """Its own `measures` and a helper's `judges` are no names that a penalty ever had."""

    measures = 3

    def terms(self, critic):
        return {"of": self.helper.judges * self.measures}


@pytest.mark.parametrize(
    ("kind", "part", "expected"),
    [
        ("recogniser", StoredInAMethod, ["'judges' is now 'embeds'"]),
        ("discriminator", AnnotatedOnly, ["'offers' is now 'supported_heads'"]),
        ("discriminator", AsProperty, ["'mixes_samples' is now 'uses_batch_statistics'"]),
        ("penalty", Inherited, ["'image_leaves' is now 'grad_inputs'"]),
        (
            "objective",
            ReadFromTheCritic,
            ["'real_view' is now 'real_augmented'", "'fake_view' is now 'fake_augmented'"],
        ),
        ("penalty", ReadInAProperty, ["'fake_view' is now 'fake_augmented'"]),
        ("penalty", OwnNames, []),
    ],
)
def test_old_names_are_listed_with_the_new_ones(kind, part, expected):
    assert list(old_names(kind, part, getattr(facegen, KINDS[kind].interface))) == expected


@pytest.mark.parametrize(("kind", "old"), [(kind, old) for kind, names in RENAMED.items() for old in names])
def test_every_old_name_is_refused_and_every_new_one_exists(kind, old):
    interface = getattr(facegen, KINDS[kind].interface)
    new = RENAMED[kind][old]
    assert hasattr(interface, new) and not hasattr(interface, old)
    part = Part(KINDS[kind], "mine", type("Mine", (interface,), {old: None}), Source("mine", "my-package", "3.1"))
    message = (
        rf"^plugin 'mine' \(package my-package 3.1\): {kind} 'mine' uses names that facegen.{interface.__name__} no "
        rf"longer has: '{old}' is now '{new}'$"
    )
    with pytest.raises(PluginError, match=message):
        part.load()


def test_the_names_of_the_critic_exist():
    assert all(hasattr(Critic, new) and not hasattr(Critic, old) for old, new in RENAMED_OF_CRITIC.items())


def test_no_part_of_this_installation_uses_an_old_name():
    known: Registry = registry()
    assert sum(part.load() is not None for parts in known.parts.values() for part in parts.values()) > 60


def test_the_contract_names_the_new_name():
    with pytest.raises(AssertionError, match=r"Penalty no longer has: 'image_leaves' is now 'grad_inputs'"):
        check_declaration("penalty", Inherited)


def test_the_bytecode_of_a_part_is_read_once(monkeypatch):
    class Fresh(facegen.Penalty):
        def terms(self, critic):
            return {"r1": critic.real_view.sum()}

    expected = old_names("penalty", Fresh, facegen.Penalty)
    assert expected == ("'real_view' is now 'real_augmented'",)
    monkeypatch.delattr("facegen.core.renamed._instructions")
    assert old_names("penalty", Fresh, facegen.Penalty) == expected
