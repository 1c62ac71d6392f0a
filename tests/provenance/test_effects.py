"""Where something is computed changes no result, so it makes nothing stale."""

from dataclasses import replace

from cards import MACHINE

from selfscore.cluster.settings import RayOptions
from selfscore.configuration.settings_class import as_parameters
from selfscore.provenance.effects import with_effect
from selfscore.vlm.options import LoadOptions


def test_workers_have_no_effect_and_the_rest_of_the_machine_has() -> None:
    more = replace(MACHINE, ray=RayOptions(8, 1, 1))
    assert with_effect("params:machine", more) == with_effect("params:machine", MACHINE)
    half = replace(MACHINE, loading=LoadOptions("bfloat16"))
    assert with_effect("params:machine", half) != with_effect("params:machine", MACHINE)


def test_a_machine_of_a_release_without_a_choice_is_the_same() -> None:
    now = as_parameters(MACHINE)
    before = {"loading": now["loading"], "generation": now["generation"]}
    assert with_effect("params:machine", before) == with_effect("params:machine", now)


def test_other_parameters_are_as_they_are() -> None:
    assert with_effect("params:merging", {"engine": "x"}) == {"engine": "x"}
