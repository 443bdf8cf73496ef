"""How `run_pages` treats a command of a page: most just run, some serve until stopped, some cannot run here."""

import re
import shutil
from dataclasses import dataclass
from pathlib import Path

_SOURCE = Path(__file__).resolve().parents[1]
BARE_PORT = 18091
_NO_GPU = "" if shutil.which("nvidia-smi") else "there is no GPU here"
_NO_CLUSTER = "there is no cluster here; the manifests are checked against the schema by tests/docker"


@dataclass(frozen=True)
class Rule:
    """What to do with the commands that match a pattern.

    Attributes:
        pattern: regular expression, matched against the whole command.
        left_out: why it cannot run here; empty if it can.
        serves: it does not end by itself; ready means that /readyz answers.
        stays: it goes on while the next commands run.
        shortened: what is added to make it shorter.
        replacement: what runs in its place.
    """

    pattern: str
    left_out: str = ""
    serves: bool = False
    stays: bool = False
    shortened: str = ""
    replacement: str = ""


def _unit(name: str, *, background: str = "") -> str:
    """A shell line that runs ExecStart of a unit as its user and with its variables."""
    path = f"/etc/systemd/system/{name}"
    variables = f"$(sed -n 's/^Environment=//p' {path}) SKETCH_SEARCH_PORT={BARE_PORT}"
    start = f"$(sed -n 's/^ExecStart=//p' {path})"
    return (
        f"echo 'cd /opt/sketch-search && export '\"{variables}\"' && exec '\"{start}\" > /tmp/start && "
        f"su -s /bin/sh sketch-search -c '. /tmp/start' {background}"
    )


_ASK = f"import urllib.request as u; print(u.urlopen('http://127.0.0.1:{BARE_PORT}/readyz').read())"
_START_BARE = (
    _unit("sketch-search.service", background=">/tmp/log 2>&1 & sleep 8; ")
    + f'/opt/sketch-search/.venv/bin/python -c "{_ASK}"'
)

RULES = (
    Rule(r"\.venv/bin/python tools/run_pages\.py", left_out="it is what runs these commands"),
    Rule(r"make test", left_out="continuous integration runs it on every change"),
    Rule(r"make demo.*", serves=True),
    Rule(r"\.venv/bin/python -m service( .*)?", serves=True, stays=True),
    Rule(r"\.venv/bin/python -m training run .*", shortened=" --epochs 1"),
    Rule(r"(\w+=\S+ )?docker compose up", serves=True, stays=True),
    Rule(
        r"docker compose --profile monitoring up -d",
        left_out="its images have to be pulled, which cannot be done here; tools/prove_monitoring.py does the rest",
    ),
    Rule(
        r"docker compose --profile replicas up -d balancer",
        left_out="nginx's image has to be pulled, and replicas need a network of their own: neither can be done here",
    ),
    Rule(r"docker compose --profile gpu up service-gpu", left_out=_NO_GPU),
    Rule(r"python tools/prove_gpu\.py", left_out=_NO_GPU),
    Rule(r"uv (venv|pip install) .*\.venv-gpu.*", left_out=_NO_GPU),
    Rule(r"\.venv-gpu/.*", left_out=_NO_GPU),
    Rule(r"docker compose --profile train run --rm train .*", shortened=" --epochs 1"),
    Rule(r"docker push .*", left_out="there is no registry here"),
    Rule(r"kubectl .*", left_out=_NO_CLUSTER),
    Rule(r"systemctl daemon-reload", left_out="systemd does not run here; its units are checked by systemd-analyze"),
    Rule(r"systemctl start sketch-search-index\.service", replacement=_unit("sketch-search-index.service")),
    Rule(r"systemctl restart sketch-search\.service", left_out="systemd does not run here"),
    Rule(r"systemctl enable --now sketch-search\.service .*", replacement=_START_BARE),
    Rule(r".*/etc/nginx/.*", left_out="tests/docker/test_proxy.py does it in a folder of its own"),
    Rule(r"nginx -t", left_out="tests/docker/test_proxy.py does it in a folder of its own"),
    Rule(r"systemctl reload nginx", left_out="systemd does not run here"),
)
_WATCH = Rule(
    r"docker compose --profile watch up -d", left_out="this version of index_builder cannot follow a folder (--watch)"
)


def rule_for(text: str) -> Rule:
    """The first rule that matches the whole command; one that just runs it if none does."""
    can_watch = "--watch" in (_SOURCE / "index_builder" / "__main__.py").read_text(encoding="utf-8")
    for rule in RULES if can_watch else (*RULES, _WATCH):
        if re.fullmatch(rule.pattern, text):
            return rule
    return Rule("")
