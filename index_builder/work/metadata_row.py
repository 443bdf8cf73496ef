"""One row of what people know about their photos."""

from dataclasses import dataclass

Value = str | int | float | bool | None


@dataclass(frozen=True)
class MetadataRow:
    """Holds what one line says about one photo; `line` counts from 1."""

    line: int
    photo_id: str
    values: dict[str, Value]
