"""Plain JSON values back to the dataclass that they were written from, with one sentence for what does not fit."""

import json
from dataclasses import fields, is_dataclass
from typing import Any, TypeVar

Kind = TypeVar("Kind")


def from_json(kind: type[Kind], values: Any) -> Kind:  # noqa: ANN401 - foreign JSON may be anything
    """Reads a dataclass from plain JSON values. Types are strict: a number is not read from a text.

    Args:
        kind: a dataclass; its fields may be dataclasses themselves. Missing fields get their defaults.
        values: as `json.loads` gives them, such as what `dataclasses.asdict` wrote.

    Raises:
        ValueError: a field is unknown, is missing without a default, or has a value of another type; or the error that
            the dataclass itself raised.
    """
    # Imported here, because most processes that use a bundle's preprocessing never read one.
    from pydantic import TypeAdapter, ValidationError

    try:
        read = TypeAdapter(kind).validate_json(json.dumps(values), strict=True)
    except ValidationError as error:
        first = error.errors()[0]
        raised = first.get("ctx", {}).get("error")
        if isinstance(raised, ValueError):
            raise raised from error
        where = ".".join(map(str, first["loc"])) or "the whole"
        raise ValueError(f"{where} is {first['input']!r:.80}: {first['msg']}") from error
    _refuse_unknown(read, values)
    return read


def _refuse_unknown(read: object, values: Any) -> None:  # noqa: ANN401
    if not is_dataclass(read) or not isinstance(values, dict):
        return
    known = [field.name for field in fields(read)]
    unknown = sorted(set(values) - set(known))
    if unknown:
        raise ValueError(f"There is no setting {unknown[0]!r}; there are {', '.join(known)}.")
    for name, value in values.items():
        _refuse_unknown(getattr(read, name), value)
