"""A build on Ray with the fake encoder, that a test can kill: python ray_build.py PHOTOS OUT LOG SECONDS_PER_PHOTO."""

import os
import sys
import time
from dataclasses import replace
from pathlib import Path

import fake_model

from index_builder import work
from index_builder.build import BuildSettings, build_gallery
from index_builder.progress import SilentProgress


def main(photos: str, out: str, log: str, seconds_per_photo: str) -> None:
    work.COMMIT_EVERY_PHOTOS = 8

    def note(images: object) -> None:
        time.sleep(float(seconds_per_photo))
        with Path(log).open("a") as stream:
            stream.write(f"{os.getpid()}\n")

    model = replace(fake_model.fake_model(None), open_encoder=lambda: fake_model.FakeEncoder(note))
    progress = SilentProgress()
    settings = BuildSettings(photos=Path(photos), out=Path(out), num_workers=2, engine="ray")
    build_gallery(settings, model=model, progress=progress)
    sys.stdout.write("\n".join(progress.lines))


if __name__ == "__main__":
    main(*sys.argv[1:])
