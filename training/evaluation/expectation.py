"""What a customer may expect of an encoder trained on photos alone: measured on held-out photos, in plain words."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from model.bundle import Bundle
from training.data.dataset import Split, read_split
from training.evaluation.evaluate import evaluate_bundle
from training.evaluation.metrics import accuracy_at, share_interval

CUTOFFS = (1, 10)
MAX_GALLERY = 5000


def measure_expectation(bundle: Bundle, data: Path) -> dict[str, Any]:
    """Searches the whole catalogue for the pseudo-sketches of the photos that were held out of training.

    Args:
        bundle: the exported encoder.
        data: the dataset of pseudo-sketches; its split "test" was held out. Beyond 5,000 photos of split "train", every
            n-th is in the gallery.

    Returns:
        Plain JSON values: counts, acc@k in percent with 95 % intervals, and "sentences".
    """
    held_out, others = read_split(data, "test"), read_split(data, "train")
    result = evaluate_bundle(bundle, held_out, device="cpu", distractors=_spread(others))
    values: dict[str, Any] = {
        "photos_held_out": len(held_out.items),
        "drawings": len(result.query_ranks),
        "gallery": len(result.gallery),
    }
    for k in CUTOFFS:
        values[f"acc@{k}"] = round(accuracy_at(result.query_ranks, k), 1)
        interval = share_interval(result.query_ranks <= k, result.targets)
        values[f"acc@{k}_95"] = interval and interval.rounded(1)
    return values | {"sentences": sentences(values)}


def sentences(values: dict[str, Any]) -> list[str]:
    """The measurement in words for someone who has never heard of acc@k."""
    first, among_ten = (f"{values[f'acc@{k}']:.0f} %{_range(values[f'acc@{k}_95'])}" for k in CUTOFFS)
    certainty = "in brackets, the range in which the true share lies with 95 % confidence"
    if values["acc@1_95"] is None:
        certainty = "a single photo tells nothing about others"
    elif values["photos_held_out"] < 30:
        certainty += ", wide because so few photos were kept out"
    return [
        f"{values['photos_held_out']} of your photos were kept out of training and drawn by the computer, "
        f"{values['drawings']} drawings in all. {first} of these drawings find their photo first among "
        f"{values['gallery']:,} photos, {among_ten} among the first ten; {certainty}.",
        KNOWN,
        "People also leave out or misremember what a tracing never would, so try it with a few drawings of your own "
        "before you promise anything.",
    ]


# docs/RESULTS.md: own-photos on Shoe-V2, its held-out photos, and the test split of QMUL-Shoe; means over seeds.
KNOWN = (
    "Real drawings are harder. Encoders trained in this way on 1,805 photos of shoes found 91 % of such computer "
    "drawings first among 95 photos and nearly all among the first ten; of drawings by people they found 50 % first "
    "among 115 photos, and 86 % among the first ten."
)


def _range(interval: list[float] | None) -> str:
    return f" ({interval[0]:.0f}–{interval[1]:.0f})" if interval else ""


def _spread(split: Split) -> Sequence[Path]:
    step = -(-len(split.items) // MAX_GALLERY)
    return [item.photo for item in split.items[::step]]
