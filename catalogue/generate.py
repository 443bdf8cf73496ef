"""Generates a whole catalogue with several processes, resumes interrupted runs, writes the manifest last."""

import csv
import io
import json
import multiprocessing
import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from typing import Any

from catalogue.worlds import SHOP
from catalogue.writer import Request, write_item, write_text

Report = Callable[[int], None]


def generate(request: Request, *, num_workers: int = 1, report: Report | None = None) -> bool:
    """Writes the catalogue unless it is complete.

    Args:
        request: what to write and where.
        num_workers: processes.
        report: called with the number of finished items.

    Returns:
        Whether anything had to be written.

    Raises:
        ValueError: the folder holds a catalogue made with other arguments.
    """
    if num_workers < 1:
        raise ValueError(f"workers is {num_workers}, expected at least 1; choose a larger number")
    if _claimed(request):
        return False
    entries = []
    for entry in _written(request, num_workers):
        entries.append(entry)
        if report is not None:
            report(len(entries))
    _publish(request, entries)
    return True


def _claimed(request: Request) -> bool:
    """Whether the folder is complete; notes the arguments in a folder that is new."""
    manifest = request.out / "manifest.json"
    note = request.out / "work" / "request.json"
    known = manifest if manifest.exists() else note
    if known.exists():
        found = json.loads(known.read_text(encoding="utf-8"))["request"]
        if found != request.fingerprint():
            raise ValueError(
                f"{request.out} holds a catalogue made with {found}, expected {request.fingerprint()}; "
                "choose another folder or remove that one"
            )
        return manifest.exists()
    write_text(json.dumps({"request": request.fingerprint()}), note)
    return False


def _written(request: Request, num_workers: int) -> Iterator[dict[str, Any]]:
    indices = range(request.num_items)
    if num_workers == 1:
        yield from map(partial(write_item, request), indices)
        return
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(num_workers, mp_context=context) as pool:
        yield from pool.map(partial(write_item, request), indices, chunksize=4)


def _publish(request: Request, entries: list[dict[str, Any]]) -> None:
    strokes = [(request.out / "work" / f"{entry['id']}.jsonl").read_text(encoding="utf-8") for entry in entries]
    write_text("".join(strokes), request.out / "strokes.jsonl")
    write_text(_table(entries), request.out / "metadata.csv")
    name = f"catalogue-{request.split}" if request.world == SHOP.name else f"catalogue-{request.world}-{request.split}"
    manifest = {"name": name, "request": request.fingerprint(), "items": entries}
    write_text(json.dumps(manifest, indent=1), request.out / "manifest.json")
    shutil.rmtree(request.out / "work")


def _table(entries: list[dict[str, Any]]) -> str:
    columns = list(dict.fromkeys(name for entry in entries for name in entry["metadata"]))
    text = io.StringIO()
    writer = csv.DictWriter(text, ["photo_id", *columns], restval="", lineterminator="\n")
    writer.writeheader()
    for entry in entries:
        photo_id = entry["photo"].removeprefix("photos/").removesuffix(".jpg")
        writer.writerow({"photo_id": photo_id} | entry["metadata"])
    return text.getvalue()
