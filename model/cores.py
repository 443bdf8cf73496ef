"""The number of cores for this process, on a machine that it may share with other containers."""

import os
from pathlib import Path

_CGROUP_QUOTA = Path("/sys/fs/cgroup/cpu.max")


def usable_cores(quota_file: Path = _CGROUP_QUOTA) -> int:
    """Counts the cores this process may use: its affinity, or the limit of its container where that is lower."""
    affine = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    try:
        quota, period = quota_file.read_text(encoding="ascii").split()
        limit = affine if quota == "max" else max(1, int(quota) // int(period))
    except (OSError, ValueError):  # no container, or no Linux
        limit = affine
    return min(affine, limit)
