import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import timm
from toy_config import TOY, TOY_TEACHER

from training.config.precheck import refuse_missing, refuse_unknown_backbone


@pytest.mark.parametrize("name", ["vit_tiny_patch16_224", "vit_base_patch16_224.augreg_in21k", "regnetx_002"])
def test_the_models_of_timm_are_known(name: str) -> None:
    refuse_unknown_backbone(name)


def test_every_model_that_timm_lists_is_known() -> None:
    for name in timm.list_models()[::40]:
        refuse_unknown_backbone(name)


def test_a_name_close_to_a_model_is_told_which_one() -> None:
    with pytest.raises(ValueError, match=r"'vit_tinny_patch16_224' is not a timm model.*vit_tiny_patch16_224"):
        refuse_unknown_backbone("vit_tinny_patch16_224")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"weights": "gone.safetensors"}, "no weights at gone.safetensors; give a local file with --init"),
        (
            {"teacher": replace(TOY_TEACHER, weights="gone.safetensors")},
            "no weights at gone.safetensors; give a local file with --teacher-init",
        ),
        ({"start": "gone"}, "no checkpoint at gone"),
        ({"backbone": "nosuch_net"}, "'nosuch_net' is not a timm model"),
    ],
)
def test_what_is_missing_is_told(changes: dict[str, object], message: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=message):
        refuse_missing(replace(TOY, **changes), tmp_path)  # type: ignore[arg-type]
    refuse_missing(TOY, tmp_path)


def test_missing_data_are_told_before_torch_is_imported(tmp_path: Path) -> None:
    program = (
        "import sys, training.__main__ as m; "
        "sys.argv = ['t', 'run', '--recipe', 'qmul-shoes', '--data', 'gone', '--out', 'out']; "
        "status = m.main(); heavy = {'torch', 'timm'} & set(sys.modules); sys.exit(f'{status} {heavy}')"
    )
    said = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        cwd=Path(__file__).parents[3],
        check=False,
    )
    assert "There is no dataset at gone" in said.stderr
    assert said.stderr.rstrip().endswith("2 set()")
