"""Training and strict evaluation, as `python -m training run` and `evaluate` do them."""

from collections.abc import Sequence
from dataclasses import replace
from os import PathLike
from pathlib import Path
from typing import Any

from model.encoder import Device
from sketch_search.encoder import load_encoder
from training.config.overrides import with_settings
from training.config.recipes import METHODS, get_recipe


def evaluate(
    data: str | PathLike[str],
    *,
    bundle: str | PathLike[str] | None = None,
    split: str = "test",
    device: Device = "auto",
    precision: str = "default",
) -> dict[str, Any]:
    """Evaluates an encoder: every sketch of the split is a query, every photo of it is in the gallery.

    Args:
        data: a folder with manifest.json: which sketch shows which photo.
        bundle: the encoder's folder; None takes the demo encoder.
        split: of the manifest.
        device: where to embed.
        precision: of both encoders.

    Returns:
        A summary with acc@1, acc@5 and acc@10 in percent, their 95 % intervals, and what was measured.

    Raises:
        ValueError: the data or the bundle cannot be used.
    """
    from training.data.dataset import read_split
    from training.evaluation.evaluate import evaluate_bundle

    encoder = load_encoder(bundle)
    pairs = read_split(Path(data), split)
    return evaluate_bundle(encoder.bundle, pairs, device=device, precision=precision).summary


def train(
    data: str | PathLike[str],
    out: str | PathLike[str],
    *,
    recipe: str = "own-photos",
    method: str | None = None,
    weights: str | None = None,
    settings: Sequence[str] = (),
    seed: int = 0,
    device: Device = "auto",
    report: bool = False,
) -> dict[str, Any]:
    """Trains an encoder, exports it to `out`/bundle and evaluates it. Needs torch. A run found in `out` is resumed.

    Args:
        data: a folder of photos for the recipe own-photos, or a folder with manifest.json: which sketch shows which
            photo.
        out: the run's folder.
        recipe: such as "own-photos" or "own-pairs"; `sketch-search train --help` lists them.
        method: such as "two-tower" or "xmodalvit"; None takes the recipe's.
        weights: the file of pretrained weights, or "pretrained" to fetch them; None trains from scratch.
        settings: further ones as `name=value`, such as ["epochs=3"].
        seed: of weights, order and augmentation.
        device: where to train.
        report: writes a page about the run to `out`/report.

    Returns:
        The evaluation's summary; `load_encoder(f"{out}/bundle")` loads the encoder.

    Raises:
        ValueError: the data, the weights, a setting or an earlier run in `out` cannot be used.
        ModuleNotFoundError: what training needs is not installed: the extra train.
    """
    from training.run import choose_device, run

    config = replace(get_recipe(recipe), seed=seed)
    if weights is not None:
        config = replace(config, weights=weights)
    if method is not None:
        if method not in METHODS:
            raise ValueError(f"There is no method {method!r}; choose one of {', '.join(METHODS)}.")
        config = METHODS[method](config)
    return run(
        with_settings(config, settings),
        data=Path(data),
        out=Path(out),
        device=choose_device(device),
        command=f"sketch_search.train({str(data)!r}, {str(out)!r}, recipe={recipe!r}, seed={seed})",
        report=report,
    )
