"""The project as Compose runs it, for the scripts that prove something: start it, ask it, look into its containers."""

import json
import os
import secrets
import subprocess
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any


@contextmanager
def fresh_clone() -> Iterator[Path]:
    """What a newcomer has: the committed state of this project in a folder that is deleted afterwards."""
    with tempfile.TemporaryDirectory() as folder:
        clone = Path(folder) / "sketch-search"
        here = Path(__file__).resolve().parents[1]
        subprocess.run(["git", "clone", "--quiet", str(here), str(clone)], check=True)
        yield clone


def claim(holds: bool, sentence: str) -> None:
    """Prints a sentence that holds; AssertionError for one that does not."""
    assert holds, sentence
    print(f"ok      {sentence}", flush=True)


def say(sentence: str) -> None:
    """Prints what is no claim."""
    print(f"        {sentence}", flush=True)


class ComposeProject:
    """One project of a Compose program, on a port of its own."""

    def __init__(
        self, clone: Path, *, name: str, port: int, compose: Sequence[str] = ("podman-compose",), engine: str = "podman"
    ) -> None:
        """Names the project; nothing is started.

        Args:
            clone: folder with the Compose files.
            name: of the project; containers and volumes carry it.
            port: where its service is to listen.
            compose: the Compose program, such as ("docker", "compose").
            engine: the program behind it, podman or docker.
        """
        self.clone = clone
        self.settings: dict[str, str] = {"PORT": str(port)}
        self._name, self._port, self._engine = name, port, engine
        self._compose = [*compose, "-p", name]

    def up(self, *words: str, wait_seconds: float, size: int | None = None) -> float:
        """`compose WORDS`, `compose up -d` without any; returns the seconds until the service is ready."""
        started = time.monotonic()
        self.compose(*(words or ("up", "-d")))
        self.wait(wait_seconds, size=size)
        return time.monotonic() - started

    def down(self) -> None:
        """Stops and removes the containers; volumes stay."""
        self.compose("down")

    def compose(self, *words: str) -> str:
        """Runs the Compose program; AssertionError when it fails."""
        return self.run([*self._compose, *words])

    def wait(self, seconds: float, *, size: int | None = None) -> None:
        """Until a search is answered, from a gallery of that size if one is given."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            try:
                found = self.get("/readyz")["gallery"]["size"]
            except OSError:
                found = None
            if found is not None and size in (None, found):
                return
            time.sleep(0.05)
        raise AssertionError(f"the service was not ready within {seconds:.0f} s")

    def generation(self) -> str:
        """The generation that is served."""
        return str(self.get("/info")["gallery"]["generation"])

    def search(self, sketch: bytes) -> dict[str, Any]:
        """The answer to a sketch."""
        boundary = secrets.token_hex(16)
        head = f'--{boundary}\r\nContent-Disposition: form-data; name="sketch"; filename="s.png"\r\n\r\n'.encode()
        body = head + sketch + f"\r\n--{boundary}--\r\n".encode()
        headers = {"Content-Type": f"multipart/form-data; boundary={boundary}"}
        answer: dict[str, Any] = json.loads(self.fetch("/search", body, headers))
        return answer

    def get(self, path: str) -> dict[str, Any]:
        """The JSON at a path of the service."""
        answer: dict[str, Any] = json.loads(self.fetch(path))
        return answer

    def fetch(self, path: str, body: bytes | None = None, headers: dict[str, str] | None = None) -> bytes:
        """What the service answers to a GET, or to a POST of a body; OSError when it does not or refuses."""
        request = urllib.request.Request(f"http://127.0.0.1:{self._port}{path}", body, headers or {})
        with urllib.request.urlopen(request, timeout=20) as answer:
            return bytes(answer.read())

    def run(self, command: list[str]) -> str:
        """Runs a command in the clone with the settings; returns output and errors. AssertionError when it fails."""
        environment = {**os.environ, **self.settings}
        done = subprocess.run(command, cwd=self.clone, env=environment, capture_output=True, text=True)
        assert done.returncode == 0, f"{' '.join(command)} ended with status {done.returncode}:\n{done.stderr[-2000:]}"
        return (done.stdout + done.stderr).strip()

    def exec(self, service: str, *command: str) -> bytes:
        """Runs a command inside a running container; returns its output."""
        words = [self._engine, "exec", self.container(service), *command]
        done = subprocess.run(words, capture_output=True)
        assert done.returncode == 0, f"{' '.join(command)} in {service}: {done.stderr.decode()}"
        return done.stdout

    def fails_inside(self, service: str, *command: str) -> bool:
        """Whether a command inside a running container fails."""
        return (
            subprocess.run([self._engine, "exec", self.container(service), *command], capture_output=True).returncode
            != 0
        )

    def container(self, service: str) -> str:
        """The id of the newest container of a service; AssertionError without one."""
        labels = {"com.docker.compose.project": self._name, "com.docker.compose.service": service}
        filters = [word for name, value in labels.items() for word in ("--filter", f"label={name}={value}")]
        found = self.run([self._engine, "ps", "-aq", *filters]).split()
        assert found, f"there is no container of {service}"
        return found[0]

    def log(self, service: str) -> str:
        """What a service has printed."""
        return self.run([self._engine, "logs", self.container(service)])

    def last_lines(self, *services: str) -> str:
        """The end of what services have printed, for a report of a failure."""
        texts = []
        for service in services:
            try:
                texts.append(f"--- {service}\n" + "\n".join(self.log(service).splitlines()[-20:]))
            except AssertionError as error:
                texts.append(f"--- {service}\n{error}")
        return "\n".join(texts)

    def remove(self) -> None:
        """Removes containers and volumes of an earlier or of this run."""
        label = f"label=com.docker.compose.project={self._name}"
        for kind, remove in (("ps", ["rm", "--force"]), ("volume", ["volume", "rm", "--force"])):
            listing = [self._engine, "ps", "-aq"] if kind == "ps" else [self._engine, "volume", "ls", "-q"]
            found = subprocess.run([*listing, "--filter", label], capture_output=True, text=True).stdout.split()
            if found:
                subprocess.run([self._engine, *remove, *found], capture_output=True)
