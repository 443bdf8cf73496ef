"""What a product family provides: parameters, a builder, finishes, the view it is photographed from."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from catalogue.geometry import Solid
from catalogue.materials import Finish


@dataclass(frozen=True)
class Views:
    """From where a family is photographed.

    Attributes:
        azimuth_degrees: range of the angle around the object; 0 looks along -z, positive moves to its right.
        elevation_degrees: range of the angle above the horizon.
        elevation_sketch_degrees: flat view that people fall back to when they draw (usually 0 to 10).
        flat_azimuth_degrees: the plain side or front view of the family.
    """

    azimuth_degrees: tuple[float, float]
    elevation_degrees: tuple[float, float]
    elevation_sketch_degrees: tuple[float, float] = (2.0, 12.0)
    flat_azimuth_degrees: float = 0.0


@dataclass(frozen=True)
class Family:
    """One kind of product.

    Attributes:
        name: plural, also the folder name.
        noun: singular, the start of item ids.
        parameters: the frozen dataclass of its parameters.
        build: parameters -> Solid.
        finish: (parameters, rng) -> materials by slot.
        sibling_fields: parameters -> names that matter for this design and show in a line drawing.
        attributes: parameters -> "style" and a few more in plain words, such as "back": "ladder", for the metadata
            table; each under the name that a person would look for.
        views: where the camera may stand.
        hangs: whether it hangs in the air instead of standing on the floor.
    """

    name: str
    noun: str
    parameters: type[Any]
    build: Callable[[Any], Solid]
    finish: Callable[[Any, np.random.Generator], Finish]
    sibling_fields: Callable[[Any], tuple[str, ...]]
    attributes: Callable[[Any], dict[str, str]]
    views: Views
    hangs: bool = False
