"""Finds what is missing before anything heavy is imported: data, weights, and names that timm does not know."""

import difflib
import importlib.util
import re
from pathlib import Path

from training.config.run import TrainConfig

_BUILT_IN = ("pretrained", "random")


def refuse_missing(config: TrainConfig, data: Path) -> None:
    """Makes sure that everything a run is given exists.

    Args:
        config: of the run.
        data: a manifest, a folder that holds one, or a folder of photos.

    Raises:
        ValueError: the data, a file of weights, a checkpoint to start from, or a backbone does not exist.
    """
    if not data.exists():
        raise ValueError(f"There is no dataset at {data}; give a folder with manifest.json, or with photos.")
    if config.start is not None and not Path(config.start).is_dir():
        raise ValueError(
            f"There is no checkpoint at {config.start} to start from; give a folder such as runs/a/baseline/checkpoint."
        )
    _refuse_missing_weights(config.weights, "--init")
    refuse_unknown_backbone(config.backbone)
    if config.teacher is not None:
        _refuse_missing_weights(config.teacher.weights, "--teacher-init")
        refuse_unknown_backbone(config.teacher.backbone)


def _refuse_missing_weights(weights: str, option: str) -> None:
    if weights not in _BUILT_IN and not Path(weights).is_file():
        raise ValueError(
            f"There are no weights at {weights}; give a local file with {option}, or {option} pretrained to fetch "
            "timm's own from its hub."
        )


def refuse_unknown_backbone(name: str) -> None:
    """Looks a name up in timm's source files, because importing timm takes seconds.

    Raises:
        ValueError: timm has no model of this name.
    """
    package = importlib.util.find_spec("timm")
    if package is None or not package.submodule_search_locations:
        return  # that timm is missing is told by the import
    model = name.partition(".")[0]
    sources = [
        file.read_text(encoding="utf-8")
        for file in sorted(Path(package.submodule_search_locations[0], "models").glob("*.py"))
    ]
    if any(f"def {model}(" in text or f"'{model}'" in text for text in sources):
        return
    known = [found for text in sources for found in re.findall(r"@register_model\s+def (\w+)\(", text)]
    close = ", ".join(difflib.get_close_matches(model, known, n=5, cutoff=0.5)) or "see timm.list_models()"
    raise ValueError(f"The backbone {name!r} is not a timm model; similar names: {close}.")
