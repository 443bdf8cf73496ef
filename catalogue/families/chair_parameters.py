"""Parameters of chairs and stools."""

from dataclasses import dataclass

from catalogue.parameters import choice, measure


@dataclass(frozen=True)
class ChairParameters:
    """Sizes in metres."""

    seat_height: float = measure(0.40, 0.66, "top of the seat above the floor")
    seat_width: float = measure(0.38, 0.54, "width of the seat")
    seat_depth: float = measure(0.38, 0.48, "depth of the seat")
    seat_shape: str = choice(("square", "rounded", "round", "trapezoid"), "outline of the seat")
    cushion: float = measure(0.025, 0.10, "thickness of the seat; thick ones are upholstered")
    legs: str = choice(("straight", "tapered", "splayed", "turned", "sled", "hairpin", "swivel"), "what it stands on")
    leg_width: float = measure(0.026, 0.05, "thickness of a leg")
    back: str = choice(("slats", "slats", "ladder", "spindles", "panel", "hoop", "cross", "none"), "style of the back")
    back_height: float = measure(0.28, 0.62, "height of the back above the seat")
    back_lean: float = measure(2.0, 16.0, "lean of the back in degrees")
    rungs: int = choice((2, 3, 4, 5, 7), "slats, rungs or spindles of the back")
    arms: str = choice(("none", "none", "straight", "curved"), "arm rests")
    stretchers: str = choice(("none", "none", "box", "cross"), "bars between the legs")
    top_rail: str = choice(("straight", "arched"), "upper edge of the back")
