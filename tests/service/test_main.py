import os
import re
import socket
import sys
from pathlib import Path

import pytest

from model.bundle import default_bundle_path
from service.__main__ import _say, main

needs_demo_bundle = pytest.mark.skipif(not default_bundle_path().exists(), reason="the demo bundle is not there yet")


def complaint(capsys: pytest.CaptureFixture[str]) -> str:
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("python -m service: ")
    assert captured.err.count("\n") == 1
    return captured.err


def free_port() -> str:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return str(listener.getsockname()[1])


@needs_demo_bundle
def test_without_a_gallery_it_says_how_to_build_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--gallery", str(tmp_path / "none"), "--port", free_port()]) == 2
    assert "python -m index_builder --gallery photos/" in complaint(capsys)


def test_without_the_bundle_it_says_how_to_get_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--bundle", str(tmp_path / "none"), "--port", free_port()]) == 2
    assert "There is no encoder bundle at" in complaint(capsys)


def test_a_port_in_use_is_named_with_the_way_to_choose_another(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert main(["--port", str(port)]) == 2
    said = complaint(capsys)
    assert f"Port {port} on 127.0.0.1 cannot be used" in said
    assert "--port" in said


@pytest.mark.parametrize(
    ("arguments", "fragment"),
    [
        (["--max-pixels", "0"], "--max-pixels (SKETCH_SEARCH_MAX_PIXELS) is '0': Input should be greater"),
        (["--device", "tpu"], "--device (SKETCH_SEARCH_DEVICE) is 'tpu': Input should be 'auto', 'cpu' or 'cuda'"),
        (["--max-k", "5"], "default_k is 12, above max_k, which is 5"),
    ],
)
def test_a_setting_out_of_range_is_named(
    arguments: list[str], fragment: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == 2
    assert fragment in complaint(capsys)


def test_a_flag_that_does_not_exist_ends_with_the_usage(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["--galery", "x"])
    assert stopped.value.code == 2
    assert "unrecognized arguments: --galery" in capsys.readouterr().err


def test_help_names_every_flag_and_its_variable(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["--help"])
    assert stopped.value.code == 0
    said = re.sub(r"\s+", " ", capsys.readouterr().out)
    assert "--max-upload-bytes" in said
    assert "[env: SKETCH_SEARCH_MAX_UPLOAD_BYTES]" in said


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full on this system")
def test_a_full_disk_under_its_output_does_not_keep_it_from_serving(monkeypatch: pytest.MonkeyPatch) -> None:
    with Path("/dev/full").open("w") as full:
        monkeypatch.setattr(sys, "stdout", full)
        with pytest.raises(OSError, match="No space"):
            os.write(sys.stdout.fileno(), b"what everybody would write")
        _say("Serving 3 photos")
