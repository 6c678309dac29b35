import inspect

import pytest

from sequela.core import InvalidInputError, Registry, SequelaError, UnknownNameError, errors

LEAVES = [
    leaf
    for _, leaf in inspect.getmembers(errors, inspect.isclass)
    if issubclass(leaf, SequelaError) and leaf is not SequelaError
]


def a_registry():
    registry = Registry("engine")
    registry.add("latent", int, source="a paper")
    registry.add("cross-fade", float, source="baseline")
    return registry


def test_an_entry_is_found_by_its_name():
    entry = a_registry().get("latent")
    assert (entry.make, entry.source, entry.licence) == (int, "a paper", "Apache-2.0")


def test_entries_come_in_the_order_of_their_names():
    assert [entry.name for entry in a_registry()] == ["cross-fade", "latent"]


def test_a_name_is_given_once():
    with pytest.raises(InvalidInputError, match="already registered"):
        a_registry().add("latent", int, source="another")


def test_a_miss_suggests_the_closest_name():
    with pytest.raises(UnknownNameError, match="Did you mean 'latent'"):
        a_registry().get("latnt")


@pytest.mark.parametrize("leaf", LEAVES)
def test_every_error_is_also_a_builtin_and_has_an_exit_code(leaf):
    builtin = [c for c in leaf.__mro__ if c.__module__ == "builtins"]
    assert builtin[0] not in (Exception, BaseException, object)
    assert leaf.exit_code in (1, 2)


@pytest.mark.parametrize("leaf", LEAVES)
def test_every_error_prints_its_sentence_and_is_in_the_drawn_tree(leaf):
    assert str(leaf("`a` must be b.")) == "`a` must be b."
    assert leaf.__name__ in errors.__doc__
