"""All kinds of corruption by name."""

from benchmarks.corruptions.borders import BORDERS
from benchmarks.corruptions.ink import INK
from benchmarks.corruptions.light import LIGHT
from benchmarks.corruptions.page import Corruption
from benchmarks.corruptions.paper import PAPER

KINDS: dict[str, Corruption] = BORDERS | LIGHT | PAPER | INK
