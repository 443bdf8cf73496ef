import os
import signal
import subprocess
import sys
from argparse import Namespace
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from index_builder.__main__ import main
from index_builder.cli import build as build_command
from index_builder.cli import bundle as bundle_option
from index_builder.cli import inspect as inspect_commands
from index_builder.embedding.photo_encoder import PhotoModel
from index_builder.progress import SilentProgress


@pytest.fixture
def demo(monkeypatch: pytest.MonkeyPatch, fake: Any) -> None:
    """The demo bundle is the fake model."""
    bundle = Namespace(name="fake demo", path=Path("demo"), fingerprint="d" * 64)
    monkeypatch.setattr(bundle_option, "read_bundle", lambda path: bundle)
    monkeypatch.setattr(
        PhotoModel, "from_bundle", lambda bundle, device, precision: fake.fake_model(fake.FakeEncoder())
    )


def build(workshop: Any, *options: str) -> int:
    return main(["--gallery", str(workshop.photos), "--out", str(workshop.out), *options])


@pytest.mark.usefixtures("demo")
def test_a_build_says_what_it_did_and_that_it_used_the_demo_bundle(workshop: Any, capsys: Any) -> None:
    workshop.add("a.png", "b.png")
    assert build(workshop) == 0
    said = capsys.readouterr().err
    assert "No --bundle given: using the demo bundle fake demo" in said
    assert "Found 2 = indexed 2 + skipped 0" in said
    assert build(workshop, "--bundle", "mine") == 0
    assert "demo bundle" not in capsys.readouterr().err


@pytest.mark.usefixtures("demo")
def test_info_and_verify_read_what_was_built(workshop: Any, capsys: Any) -> None:
    workshop.add("a.png", "b.png")
    build(workshop)
    assert main(["info", str(workshop.out)]) == 0
    said = capsys.readouterr().out
    assert "found 2 = indexed 2 + skipped 0" in said
    assert "Flat, dimension 16" in said
    assert "exact, because 2 photos are searched in a moment" in said
    assert main(["verify", str(workshop.out)]) == 0
    assert "is intact: 2 photos" in capsys.readouterr().out
    next(workshop.out.glob("generations/*/errors.jsonl")).write_text("")
    next(workshop.out.glob("generations/*/items.sqlite")).write_bytes(b"x")
    assert main(["verify", str(workshop.out)]) == 2
    assert "items.sqlite has 1 bytes" in capsys.readouterr().err


@pytest.mark.usefixtures("demo")
def test_info_says_what_an_approximate_index_reaches(workshop: Any, capsys: Any) -> None:
    workshop.add(*(f"{number}.png" for number in range(80)))
    assert build(workshop, "--recall", "0.9", "--memory", "3kB") == 0
    assert main(["info", str(workshop.out)]) == 0
    said = capsys.readouterr().out
    assert "IVF2,SQ8 in 2.0 kB, because 5.1 kB of embeddings are more than the 3.0 kB allowed; recall@10 " in said
    assert "bytes a photo in memory; asked: recall 0.9" in said


@pytest.mark.usefixtures("demo")
@pytest.mark.parametrize(
    ("spoil", "options", "status", "sentence"),
    [
        (lambda w: None, ["--recall", "2"], 2, "--recall is 2"),
        (lambda w: None, ["--memory", "lots"], 2, "--memory is 'lots'"),
        (lambda w: None, ["--sketches", "nowhere"], 2, "--sketches nowhere cannot be read"),
        (lambda w: (w.photos / "x.png").write_text("x"), [], 1, "1 of 2 photos cannot be read"),
        (lambda w: (w.photos / "a.png").write_text("x"), [], 1, "None of the 1 photos can be read"),
        (lambda w: (w.photos / "a.png").unlink(), [], 2, "There are no photos in"),
        (lambda w: None, ["--max-error-rate", "7"], 2, "--max-error-rate is 7.0"),
        (lambda w: None, ["--metadata", "none.csv"], 2, "none.csv cannot be read"),
        (lambda w: w.photos.rename(w.photos.with_name("moved")), [], 2, "does not exist"),
    ],
)
def test_what_goes_wrong_is_one_sentence_and_a_status(
    workshop: Any, capsys: Any, spoil: Callable[[Any], object], options: list[str], status: int, sentence: str
) -> None:
    workshop.add("a.png")
    spoil(workshop)
    assert build(workshop, *options) == status
    last = capsys.readouterr().err.splitlines()[-1]
    assert sentence in last
    assert "Traceback" not in last


@pytest.mark.usefixtures("demo")
@pytest.mark.parametrize(
    ("error", "status", "sentence"),
    [
        (OSError(28, "No space left on device"), 2, "No space left on device"),
        (KeyboardInterrupt(), 130, "the same command goes on from there"),
    ],
)
def test_a_full_disk_and_an_interruption_are_sentences(
    workshop: Any, capsys: Any, monkeypatch: Any, error: BaseException, status: int, sentence: str
) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise error

    workshop.add("a.png")
    monkeypatch.setattr("index_builder.embedding.engines.embed_photos", fail)
    assert build(workshop) == status
    assert sentence in capsys.readouterr().err.splitlines()[-1]


@pytest.mark.usefixtures("demo")
def test_a_stop_signal_is_an_interruption(workshop: Any, capsys: Any, monkeypatch: Any) -> None:
    workshop.add("a.png")
    before = signal.getsignal(signal.SIGTERM)
    monkeypatch.setattr(
        "index_builder.embedding.engines.embed_photos", lambda *_, **__: os.kill(os.getpid(), signal.SIGTERM)
    )
    assert build(workshop) == 130
    assert signal.getsignal(signal.SIGTERM) is before


@pytest.mark.usefixtures("demo")
def test_a_watch_ends_with_status_0_when_it_is_interrupted(workshop: Any, capsys: Any, monkeypatch: Any) -> None:
    def changes(*_: Any, **__: Any) -> Iterator[set[Path]]:
        yield set()
        os.kill(os.getpid(), signal.SIGTERM)
        yield set()

    workshop.add("a.png")
    os.utime(workshop.photos / "a.png", (1, 1))
    monkeypatch.setattr(build_command, "follow_folder", changes)
    assert build(workshop, "--watch") == 0
    said = capsys.readouterr().err
    assert "Published generation" in said
    assert said.splitlines()[-1].startswith("Stopped watching")


@pytest.mark.usefixtures("demo")
def test_a_watch_follows_the_table_that_the_last_build_read(
    workshop: Any, capsys: Any, monkeypatch: Any, tmp_path: Path
) -> None:
    followed = []
    workshop.add("a.png")
    table = tmp_path / "items.csv"
    table.write_text("photo_id,n\na,1\n")
    assert build(workshop, "--metadata", str(table)) == 0
    monkeypatch.setattr(
        build_command, "Watcher", lambda settings, *_: followed.append(settings.metadata) or Namespace(run=list)
    )
    monkeypatch.setattr(build_command, "follow_folder", lambda *_, **__: ())
    assert build(workshop, "--watch") == 0
    assert build(workshop, "--watch", "--no-metadata") == 0
    assert followed == [table, None]
    table.unlink()
    assert build(workshop, "--watch") == 2
    assert "which is gone; give --metadata FILE, or --no-metadata" in capsys.readouterr().err.splitlines()[-1]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_watching_process_without_a_terminal_builds_and_stops_on_a_signal(workshop: Any, number: int) -> None:
    workshop.add("a.png")
    command = [sys.executable, "-m", "index_builder", "--gallery", workshop.photos, "--out", workshop.out, "--watch"]
    root = Path(build_command.__file__).parents[2]
    said = []
    with subprocess.Popen(command, cwd=root, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        for line in process.stderr:
            said.append(line)
            # Once: a line that the signal cuts into may be printed again.
            if line.startswith("Watching") and not any(each.startswith("Watching") for each in said[:-1]):
                process.send_signal(number)
    assert process.returncode == 0, said
    assert (workshop.out / "CURRENT").exists()
    assert said[-1].startswith("Stopped watching")
    assert not any("\x1b" in line or "Traceback" in line for line in said)


@pytest.mark.usefixtures("demo")
def test_a_search_with_another_bundle_is_refused(workshop: Any, capsys: Any, draw: Any, tmp_path: Path) -> None:
    workshop.add("a.png")
    workshop.build()
    draw(1).save(tmp_path / "sketch.png")
    assert main(["search", str(workshop.out), "--sketch", str(tmp_path / "sketch.png")]) == 2
    assert "not by bundle fake demo (dddddddddddd)" in capsys.readouterr().err


def test_a_search_prints_rank_score_and_id(
    workshop: Any, capsys: Any, fake: Any, draw: Any, tmp_path: Path, monkeypatch: Any
) -> None:
    workshop.add("a.png", "b.png", "c.png")
    workshop.build()
    model = fake.fake_model(fake.FakeEncoder())
    bundle = Namespace(name="fake", path=Path("x"), fingerprint=model.fingerprint, preprocessing=fake.PREPROCESSING)
    monkeypatch.setattr(bundle_option, "read_bundle", lambda path: bundle)
    monkeypatch.setattr(inspect_commands, "open_encoder", lambda bundle, modality, device: fake.FakeEncoder())
    draw(1, (300, 300)).save(tmp_path / "sketch.png")
    arguments = ["search", str(workshop.out), "--sketch", str(tmp_path / "sketch.png"), "-k", "2"]
    assert main(arguments) == 0
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert [line[0] for line in lines] == ["1", "2"]
    assert float(lines[0][1]) >= float(lines[1][1])
    assert {line[2] for line in lines} < {"a", "b", "c"}


@pytest.mark.parametrize(
    ("name", "sentence"), [("nofile", "There is no file"), ("photos", "photos is not a file; give the image")]
)
def test_a_sketch_that_is_no_file_is_named_as_such(workshop: Any, capsys: Any, name: str, sentence: str) -> None:
    workshop.add("a.png")
    workshop.build()
    assert main(["search", str(workshop.out), "--sketch", str(workshop.photos.parent / name)]) == 2
    said = capsys.readouterr().err
    assert sentence in said
    assert "permissions" not in said


@pytest.mark.parametrize(
    ("arguments", "usage"),
    [
        (["--help"], "usage: python -m index_builder [-h] --gallery PHOTOS [--out GALLERY]"),
        (["info", "--help"], "usage: python -m index_builder info [-h] [GALLERY]"),
        (["verify", "--help"], "usage: python -m index_builder verify [-h] [GALLERY]"),
        (["search", "--help"], "usage: python -m index_builder search [-h] --sketch IMAGE"),
        (["info", "--bundle", "x"], "usage: python -m index_builder info [-h] [GALLERY]"),
    ],
)
def test_each_command_shows_its_own_usage(capsys: Any, monkeypatch: Any, arguments: list[str], usage: str) -> None:
    monkeypatch.setenv("COLUMNS", "100")
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == (0 if "--help" in arguments else 2)
    captured = capsys.readouterr()
    assert (captured.out + captured.err).startswith(usage)


def test_the_help_says_when_the_error_rate_is_judged(capsys: Any) -> None:
    with pytest.raises(SystemExit):
        main(["--help"])
    said = " ".join(capsys.readouterr().out.split())
    assert "unless given, 0.05, judged only when more than 5 photos, or half of them, cannot be read" in said


def test_without_a_folder_of_photos_the_usage_is_shown(capsys: Any) -> None:
    with pytest.raises(SystemExit) as caught:
        main([])
    assert caught.value.code == 2
    assert "the following arguments are required: --gallery" in capsys.readouterr().err


def test_the_help_lists_the_exit_statuses(capsys: Any) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["--help"])
    assert caught.value.code == 0
    said = capsys.readouterr().out
    assert all(f"\n  {status} " in said for status in (0, 1, 2, 130))


def test_the_module_runs_and_a_missing_gallery_is_a_sentence(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "index_builder", "info", str(tmp_path / "none")]
    root = Path(build_command.__file__).parents[2]
    result = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    assert result.returncode == 2
    assert result.stderr.startswith("There is no gallery at")
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize("options", [["info"], ["verify"], ["export", "--out", "x.npy"]])
@pytest.mark.parametrize("buffering", ["", "1"])  # found by the flush at the end, and by the write itself
def test_a_reader_that_has_gone_ends_a_command_quietly(workshop: Any, options: list[str], buffering: str) -> None:
    workshop.add("a.png")
    workshop.build()
    command = [sys.executable, "-m", "index_builder", *options, str(workshop.out)]
    environment = {
        **os.environ,
        "PYTHONPATH": str(Path(build_command.__file__).parents[2]),
        "PYTHONUNBUFFERED": buffering,
    }
    reading, writing = os.pipe()
    os.close(reading)
    try:
        result = subprocess.run(
            command, cwd=workshop.out.parent, env=environment, stdout=writing, stderr=subprocess.PIPE, check=False
        )
    finally:
        os.close(writing)
    assert (result.returncode, result.stderr) == (128 + signal.SIGPIPE, b"")


def test_another_broken_pipe_is_still_a_failure(workshop: Any, capsys: Any, monkeypatch: Any) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise BrokenPipeError(32, "Broken pipe")

    monkeypatch.setattr(inspect_commands, "opened", fail)
    assert main(["info", str(workshop.out)]) == 2
    assert "Broken pipe" in capsys.readouterr().err


def test_silent_progress_keeps_what_was_said() -> None:
    progress = SilentProgress()
    progress.start(1)
    progress.advance()
    progress.say("done")
    progress.stop()
    assert progress.lines == ["done"]
