"""A build on Ray with the fake encoder, that a test can kill: python ray_build.py PHOTOS OUT LOG OPTIONS.

OPTIONS is JSON: seconds_per_photo, commit_every, and what else BuildSettings takes. LOG gets a line for each encoded
photo: the worker's process and its node.
"""

import json
import os
import sys
import time
from dataclasses import replace
from pathlib import Path

import fake_model

from index_builder.build import build_gallery
from index_builder.progress import SilentProgress
from index_builder.settings import BuildSettings
from index_builder.work import store as work


def main(photos: str, out: str, log: str, options: str) -> None:
    given = json.loads(options)
    seconds = given.pop("seconds_per_photo", 0.0)
    work._COMMIT_EVERY_SECONDS = 3600.0
    work.COMMIT_EVERY_PHOTOS = given.pop("commit_every", 8)

    def note(images: object) -> None:
        import ray

        time.sleep(seconds)
        with Path(log).open("a") as stream:
            stream.write(f"{os.getpid()} {ray.get_runtime_context().get_node_id()}\n")

    model = replace(fake_model.fake_model(None), open_encoder=lambda: fake_model.FakeEncoder(note))
    progress = SilentProgress()
    settings = BuildSettings(photos=Path(photos), out=Path(out), engine="ray", **given)
    build_gallery(settings, model=model, progress=progress)
    sys.stdout.write("\n".join(progress.lines))


if __name__ == "__main__":
    main(*sys.argv[1:])
