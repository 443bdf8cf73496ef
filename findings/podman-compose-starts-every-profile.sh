#!/usr/bin/env bash
# podman-compose 1.0.3 starts services whose profile nobody asked for.
#
# One would guess: a service with `profiles: [gpu]` starts only with `--profile gpu`.
# What happens: version 1.0.3, which is what Debian 12 ships, knows no profiles: a plain `up` starts every service
#   of the file.
# Seen with: podman-compose 1.0.3. A stand-in for podman writes down what it is told; nothing is started.
# Why it matters: the extra services build images of many gigabytes and want a GPU. Services of other profiles
#   belong in a file of their own.
set -euo pipefail

packages=(podman-compose==1.0.3)
folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
cd "$folder"
if command -v uv >/dev/null; then
    uv venv --quiet --python 3.11 environment
    uv pip install --quiet --python environment/bin/python "${packages[@]}"
else
    python3 -m venv environment
    environment/bin/pip install --quiet "${packages[@]}"
fi

mkdir bin
cat >bin/podman <<'PODMAN'
#!/bin/sh
echo "$*" >>calls.txt
if [ "$1" = --version ]; then echo "podman version 4.3.1"; fi
PODMAN
chmod +x bin/podman
cat >docker-compose.yml <<'YAML'
services:
  search:
    image: example/search
  training:
    image: example/training
    profiles: [gpu]
YAML
PATH="$PWD/bin:$PATH" environment/bin/podman-compose --version 2>/dev/null | grep -i version | tail -1
PATH="$PWD/bin:$PATH" environment/bin/podman-compose up -d >log.txt 2>&1
started="$(sed -n 's/^run .*--label com.docker.compose.service=\([a-z]*\) .*/\1/p' calls.txt | tr '\n' ' ')"
echo "started by a plain 'up -d': $started"
if [ "$started" != "search training " ]; then
    echo "changed: profiles are respected"
    exit 1
fi
