import json
from collections.abc import Iterator
from dataclasses import fields, is_dataclass, replace

import pytest

from training.config.overrides import with_settings
from training.config.recipes import own_photos, qmul_shoes, xmodalvit_paper
from training.config.run import SmallImages


def test_settings_of_every_kind_and_depth_are_changed_and_nothing_else() -> None:
    config = xmodalvit_paper(qmul_shoes())
    assert config.teacher is not None
    texts = [
        "learning_rate=2",
        "start=runs/a",
        "shared_encoder=true",
        "preprocessing.mean=[0.5, 0.5, 0.5]",
        "teacher.queue_size=0",
        "teacher.start_unfused=true",
    ]
    assert with_settings(config, texts) == replace(
        config,
        learning_rate=2.0,
        start="runs/a",
        shared_encoder=True,
        preprocessing=replace(config.preprocessing, mean=(0.5, 0.5, 0.5)),
        teacher=replace(config.teacher, queue_size=0, start_unfused=True),
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("learning_rate", "has no value"),
        ("learning_rte=1", "no setting 'learning_rte'.*learning_rate"),
        ("teacher.queue_size=0", "teacher is None here"),
        ("epochs=many", "gives 'many'; expected a value like 40"),
        ("epochs=2.5", "gives 2.5; expected a value like 40"),
        ("shared_encoder=1", "gives 1; expected a value like true"),
        ("preprocessing=null", "give them one by one, as in preprocessing.name=value"),
        ("small_images=112", "small_images has settings of its own"),
        ("preprocessing.photo_margin=wide", "gives 'wide'; expected float"),
        ("temperature=0", "temperature is 0.0; expected a number above 0"),
    ],
)
def test_what_cannot_be_set_is_refused_by_a_message_that_says_why(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        with_settings(qmul_shoes(), [text])


def test_settings_that_belong_together_may_come_in_any_order() -> None:
    changed = with_settings(qmul_shoes(), ["ramp_steps=20", "category_weight=0.5"])
    assert (changed.ramp_steps, changed.category_weight) == (20, 0.5)


def test_what_may_be_none_is_switched_off_by_null() -> None:
    config = xmodalvit_paper(qmul_shoes())
    assert with_settings(config, ["teacher=null", "start=null"]) == replace(config, teacher=None, start=None)


def test_what_is_switched_off_takes_no_settings() -> None:
    with pytest.raises(ValueError, match="small_images is switched off and given settings at once"):
        with_settings(own_photos(), ["small_images=null", "small_images.epochs=3"])


def test_what_is_none_by_default_can_be_set() -> None:
    texts = ["preprocessing.photo_margin=0.06", "small_images.epochs=3"]
    changed = with_settings(qmul_shoes(), texts)
    assert changed.preprocessing.photo_margin == 0.06
    assert changed.small_images == SmallImages(epochs=3)


def _settings(config: object, prefix: str = "") -> Iterator[tuple[str, object]]:
    for field in fields(config):  # type: ignore[arg-type]
        value = getattr(config, field.name)
        if is_dataclass(value):
            yield from _settings(value, f"{prefix}{field.name}.")
        else:
            yield prefix + field.name, value


def test_every_setting_can_be_set_to_what_it_is() -> None:
    config = xmodalvit_paper(own_photos())
    for name, value in _settings(config):
        text = value if isinstance(value, str) else json.dumps(value)
        assert with_settings(config, [f"{name}={text}"]) == config, name
