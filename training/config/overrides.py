"""Settings given as text, such as `teacher.queue_size=0`, put into a configuration."""

import json
from collections.abc import Sequence
from dataclasses import fields, is_dataclass, replace
from typing import Any, TypeVar, get_args, get_type_hints

from pydantic import TypeAdapter, ValidationError

Settings = TypeVar("Settings")
_Change = tuple[list[str], str]  # the names on the way to a setting, and the whole text


def with_settings(config: Settings, texts: Sequence[str]) -> Settings:
    """The configuration with some settings changed.

    Args:
        config: a dataclass; its fields may be dataclasses themselves.
        texts: each `name=value` or `part.name=value`, such as `learning_rate=1e-4`, `teacher.start_unfused=true`.

    Returns:
        Another configuration of the same class.

    Raises:
        ValueError: no such setting, or a value of another kind than the setting takes.
    """
    for text in texts:
        if "=" not in text:
            raise ValueError(f"The setting {text!r} has no value; write it as name=value, such as learning_rate=1e-4.")
    changed: Settings = _changed(config, [(text.partition("=")[0].strip().split("."), text) for text in texts])
    return changed


def _changed(config: Any, changes: list[_Change]) -> Any:  # noqa: ANN401 - any dataclass
    """All changes at once, since settings that belong together are checked together."""
    kinds = {field.name: get_type_hints(type(config))[field.name] for field in fields(config)}
    values: dict[str, Any] = {}
    of_parts: dict[str, list[_Change]] = {}
    for (name, *rest), text in changes:
        if name not in kinds:
            raise ValueError(f"There is no setting {name!r} (in {text!r}); there are {', '.join(kinds)}.")
        if rest:
            of_parts.setdefault(name, []).append((rest, text))
        else:
            values[name] = _read(name, kinds[name], getattr(config, name), text)
    for name in values.keys() & of_parts.keys():
        raise ValueError(f"{name} is switched off and given settings at once; leave one of the two out.")
    parts = {name: _changed(_part(config, name, kinds[name], each[0][1]), each) for name, each in of_parts.items()}
    return replace(config, **values, **parts)


def _part(config: Any, name: str, kind: Any, text: str) -> Any:  # noqa: ANN401
    """The part of a configuration whose settings are changed; a part that is off begins with its defaults."""
    old = getattr(config, name)
    if is_dataclass(old):
        return old
    off = next((option for option in get_args(kind) if is_dataclass(option)), None)
    if off is None or name == "teacher":
        raise ValueError(
            f"{name} is {old!r} here and has no settings of its own (in {text!r}); choose a recipe or --method that "
            "has them."
        )
    return off()  # type: ignore[operator]


def _read(name: str, kind: Any, old: object, text: str) -> object:  # noqa: ANN401
    value = text.partition("=")[2].strip()
    options = get_args(kind)
    if value == "null" and type(None) in options:
        return None
    if any(is_dataclass(option) for option in (kind, *options)):
        raise ValueError(f"{name} has settings of its own; give them one by one, as in {name}.name=value.")
    if str in (kind, *options):
        return value
    try:
        new = json.loads(value)
    except ValueError:
        new = value
    try:
        return TypeAdapter(kind).validate_json(json.dumps(new), strict=True)
    except ValidationError as error:
        expected = f"a value like {json.dumps(old)}" if old is not None else str(kind)
        raise ValueError(f"{text!r} gives {new!r}; expected {expected}.") from error
