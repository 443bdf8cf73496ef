"""Confirmed searches: a person's drawing and the photo they marked as the one they meant, as the service keeps them.

A folder holds `sketches/<sha256>.png` and `feedback.jsonl`, one line for each confirmation, only ever appended to. The
service writes it and the trainer reads it; this file is the one place that knows its form.
"""

import json
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Self

LOG_NAME = "feedback.jsonl"
SKETCH_FOLDER = "sketches"


@dataclass(frozen=True)
class Confirmation:
    """One drawing and the photo that was meant.

    Attributes:
        sketch: the drawing's file, relative to the folder.
        photo_id: of the gallery.
        photo_sha256: hex digest of the photo's file as it was indexed.
        rank: of the photo in the answer; 0 when it was not told.
        generation: of the gallery that answered; "" when it was not told.
        bundle: fingerprint of the encoder bundle that was serving.
        time: when it was kept, ISO 8601, UTC.
    """

    sketch: str
    photo_id: str
    photo_sha256: str
    rank: int
    generation: str
    bundle: str
    time: str

    @property
    def key(self) -> tuple[str, str]:
        """Identifies a confirmation: a second one with the same key adds nothing."""
        return self.sketch, self.photo_id

    def to_line(self) -> str:
        """One line of JSON with its line break."""
        return json.dumps(asdict(self), ensure_ascii=False) + "\n"

    @classmethod
    def from_line(cls, line: str) -> Self:
        """Reads what `to_line` wrote.

        Raises:
            ValueError: the line is damaged, or its sketch lies outside the folder.
        """
        values = json.loads(line)
        if not isinstance(values, dict) or set(values) != {field.name for field in fields(cls)}:
            raise ValueError(f"{line[:80]!r} is no confirmation.")
        kinds = {field.name: int if field.name == "rank" else str for field in fields(cls)}
        if any(type(values[name]) is not kind for name, kind in kinds.items()):
            raise ValueError(f"{line[:80]!r} has a value of the wrong kind.")
        sketch = Path(values["sketch"])
        if sketch.parent != Path(SKETCH_FOLDER):
            raise ValueError(f"{line[:80]!r} names a sketch outside {SKETCH_FOLDER}/.")
        return cls(**values)


@dataclass(frozen=True)
class Feedback:
    """The content of a folder of feedback.

    Attributes:
        confirmations: in the order they were made.
        damaged_lines: numbers of the lines that cannot be read, such as one cut off by a power failure.
    """

    confirmations: tuple[Confirmation, ...]
    damaged_lines: tuple[int, ...]


def read_feedback(folder: Path) -> Feedback:
    """Reads a folder of feedback.

    Raises:
        FileNotFoundError: there is none.
    """
    found: list[Confirmation] = []
    damaged: list[int] = []
    lines = (folder / LOG_NAME).read_bytes().split(b"\n")
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            found.append(Confirmation.from_line(line.decode("utf-8")))
        except ValueError:
            damaged.append(number)
    return Feedback(tuple(found), tuple(damaged))
