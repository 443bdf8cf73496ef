"""Settings given as text, such as `teacher.queue_size=0`, put into a configuration."""

import json
from collections.abc import Sequence
from dataclasses import fields, is_dataclass, replace
from typing import Any, TypeVar, get_args, get_type_hints

Settings = TypeVar("Settings")


def with_settings(config: Settings, texts: Sequence[str]) -> Settings:
    """The configuration with some settings changed.

    Args:
        config: a dataclass; its fields may be dataclasses themselves.
        texts: each `name=value` or `part.name=value`, such as `learning_rate=1e-4`, `teacher.mismatch=true`.

    Returns:
        Another configuration of the same class.

    Raises:
        ValueError: no such setting, or a value of another kind than the present one.
    """
    for text in texts:
        if "=" not in text:
            raise ValueError(f"The setting {text!r} has no value; write it as name=value, such as learning_rate=1e-4.")
    changed: Settings = _changed(config, [(text.partition("=")[0].strip().split("."), text) for text in texts])
    return changed


def _changed(config: Any, changes: list[tuple[list[str], str]]) -> Any:  # noqa: ANN401 - any dataclass
    """All changes at once, since settings that belong together are checked together."""
    known = [field.name for field in fields(config)]
    hints = get_type_hints(type(config))
    may_be_none = {field.name for field in fields(config) if field.default is None}
    values: dict[str, Any] = {}
    of_parts: dict[str, list[tuple[list[str], str]]] = {}
    for names, text in changes:
        if names[0] not in known:
            raise ValueError(f"There is no setting {names[0]!r} (in {text!r}); there are {', '.join(known)}.")
        old = getattr(config, names[0])
        value = text.partition("=")[2].strip()
        takes_text = str in (hints[names[0]], *get_args(hints[names[0]]))
        if len(names) == 1 and value == "null" and names[0] in may_be_none:
            values[names[0]] = None
        elif len(names) == 1 and is_dataclass(old):
            raise ValueError(f"{names[0]} has settings of its own; give them one by one, as in {names[0]}.name=value.")
        elif len(names) == 1 and old is None and not takes_text:
            raise ValueError(f"{names[0]} is None here and takes no text (in {text!r}); choose a recipe that has it.")
        elif len(names) == 1:
            values[names[0]] = _read(value, old, text)
        elif is_dataclass(old):
            of_parts.setdefault(names[0], []).append((names[1:], text))
        else:
            raise ValueError(
                f"{names[0]} is {old!r} here and has no settings of its own (in {text!r}); choose a recipe or "
                "--method that has them."
            )
    for name in values.keys() & of_parts.keys():
        raise ValueError(f"{name} is switched off and given settings at once; leave one of the two out.")
    return replace(config, **values, **{name: _changed(getattr(config, name), each) for name, each in of_parts.items()})


def _read(value: str, old: object, text: str) -> object:
    if isinstance(old, str) or old is None:
        return value
    try:
        new = json.loads(value)
    except ValueError:
        new = value
    if isinstance(old, float) and type(new) is int:
        new = float(new)
    if isinstance(old, tuple) and isinstance(new, list):
        new = tuple(new)
    if type(new) is not type(old):
        raise ValueError(f"{text!r} gives {new!r}; expected a value like {json.dumps(old)}.")
    return new
