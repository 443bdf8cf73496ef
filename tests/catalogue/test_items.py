"""Items are deterministic, splits share nothing, siblings differ in what a drawing shows."""

import dataclasses

import numpy as np
import pytest

from catalogue.families.registry import WIDE_FAMILIES
from catalogue.family import Family
from catalogue.items import describe, design_item, group_of
from catalogue.parameters import Measure, draw_parameters, ranges


def same_form(one: object, other: object) -> bool:
    first, second = (item.solid.all_vertices() for item in (one, other))  # type: ignore[attr-defined]
    return first.shape == second.shape and bool(np.allclose(first, second))


def test_an_item_is_the_same_every_time() -> None:
    one, other = design_item("train", 11, seed=3), design_item("train", 11, seed=3)
    assert one.parameters == other.parameters
    assert one.view == other.view
    assert same_form(one, other)


def test_seed_and_split_change_the_items() -> None:
    base = [design_item("train", k, seed=0).parameters for k in range(16)]
    assert base != [design_item("train", k, seed=1).parameters for k in range(16)]
    for split in ("test", "demo"):
        others = [design_item(split, k, seed=0).parameters for k in range(64)]
        assert not any(parameters in others for parameters in base)


@pytest.mark.parametrize("which", range(len(WIDE_FAMILIES)), ids=lambda k: WIDE_FAMILIES[k].noun)
def test_siblings_have_different_forms_and_nearly_the_same_parameters(which: int) -> None:
    for first in (0, 5, 9):
        members = [k for k in range(first, first + 5) if group_of(k)[0] == group_of(first)[0]]
        items = [design_item("train", k * len(WIDE_FAMILIES) + which, world="wide") for k in members]
        for a, one in enumerate(items):
            for other in items[a + 1 :]:
                values = dataclasses.asdict(one.parameters), dataclasses.asdict(other.parameters)
                changed = [name for name in values[0] if values[0][name] != values[1][name]]
                assert 1 <= len(changed) <= 3
                assert not same_form(one, other)


def test_groups_fill_the_sequence_without_gaps() -> None:
    seen = [group_of(k) for k in range(64)]
    for number in range(seen[-1][0]):
        places = [place for group, place, _ in seen if group == number]
        sizes = {size for group, _, size in seen if group == number}
        assert places == list(range(sizes.pop()))


@pytest.mark.parametrize("family", WIDE_FAMILIES, ids=lambda family: family.noun)
def test_every_parameter_has_a_range_and_a_meaning(family: Family) -> None:
    allowed = ranges(family.parameters)
    assert len(allowed) >= 8
    parameters = draw_parameters(family.parameters, np.random.default_rng(1))
    for name, each in allowed.items():
        assert len(each.meaning) > 5
        value = getattr(parameters, name)
        assert each.low <= value <= each.high if isinstance(each, Measure) else value in each.options
    for field in family.sibling_fields(parameters):
        assert field in allowed


@pytest.mark.parametrize("family", WIDE_FAMILIES, ids=lambda family: family.noun)
def test_any_parameters_build_a_sound_object(family: Family) -> None:
    rng = np.random.default_rng(7)
    for _ in range(12):
        solid = family.build(draw_parameters(family.parameters, rng)).standing()
        low, high = solid.bounds()
        assert np.isfinite(solid.all_vertices()).all()
        assert abs(low[1]) < 1e-9
        assert 0.02 < np.linalg.norm(high - low) < 3.0
        for part in solid.parts:
            lengths = np.linalg.norm(part.surface.normals, axis=1)
            assert np.allclose(lengths[lengths > 0], 1.0, atol=1e-6)


def test_the_description_names_colour_and_material() -> None:
    facts = describe(design_item("demo", 4))
    assert {"category", "colour", "material", "style"} <= facts["metadata"].keys()
    assert facts["parameters"]


def test_an_unknown_split_is_refused_with_a_remedy() -> None:
    with pytest.raises(ValueError, match="expected one of train, test, demo"):
        design_item("validation", 0)
