"""The table and the plot of a benchmark: medians over rounds, ratios to the ceiling within each round."""

import statistics
from pathlib import Path
from typing import Any

from benchmarks.serving.contenders import TITLES

_COLUMNS = {
    "Ready, s": ("ready_seconds",),
    "Peak RSS, MB": ("memory", "peak_rss_mb"),
    "p50": ("alone", "p50_ms"),
    "p95": ("alone", "p95_ms"),
    "p99": ("alone", "p99_ms"),
    "Saturated, /s": ("saturation", "per_second"),
    "CPU, ms a search": ("saturation", "cpu_ms"),
    "80 % even: p50": ("load_80_fixed", "p50_ms"),
    "p99 ": ("load_80_fixed", "p99_ms"),
    "80 % random: p50": ("load_80_poisson", "p50_ms"),
    "p99  ": ("load_80_poisson", "p99_ms"),
    "2×: goodput, /s": ("overload", "goodput_per_second"),
    "refused in, ms (p50)": ("overload", "refusal_p50_ms"),
    "(p99)": ("overload", "refusal_p99_ms"),
}


def write_report(results: dict[str, Any], folder: Path) -> str:
    """Writes `serving.md` and `serving.png` into a folder and returns the Markdown."""
    text = "\n\n".join([_heading(results), _table(results), _ratios(results), _agreement(results)]) + "\n"
    (folder / "serving.md").write_text(text)
    _plot(results, folder / "serving.png")
    return text


def median(results: dict[str, Any], name: str, *path: str) -> float | None:
    """The median of a figure over the rounds in which the contender has one."""
    values = [value for one in results["rounds"] if (value := _dig(one.get(name), path)) is not None]
    return statistics.median(values) if values else None


def _dig(value: Any, path: tuple[str, ...]) -> Any:  # noqa: ANN401 - any JSON
    for key in path:
        value = None if value is None else value.get(key)
    return value


def ceiling_of(one: dict[str, Any], name: str) -> dict[str, Any]:
    """The encoder alone around a contender's turn in a round: the mean of the two measurements beside it.

    Returns:
        `p50_ms` of one caller that has all cores or one of them, whichever is faster; `per_second` of one caller with
        all cores; `best_per_second` of that or of a caller a core, whichever does more.
    """
    turn = [key for key in one if key in TITLES].index(name)
    beside = one["ceiling"][turn : turn + 2]
    alone = [each["one_caller_all_cores"] for each in beside]
    spread = [each["one_caller_a_core"] for each in beside]
    per_second = statistics.mean(each["per_second"] for each in alone)
    return {
        "p50_ms": statistics.mean(each["p50_ms"] for each in alone),
        "per_second": per_second,
        "best_per_second": max(per_second, statistics.mean(each["per_second"] for each in spread)),
    }


def _taking_part(results: dict[str, Any]) -> list[str]:
    return [name for name in TITLES if any(name in one for one in results["rounds"])]


def _heading(results: dict[str, Any]) -> str:
    about = results["about"]
    failed = [f" {TITLES[name]} failed: {why}" for one in results["rounds"] for name, why in one["failed"].items()]
    return (
        f"Bundle {about['bundle']} ({about['precision']}, {about['device']}), {about['gallery']:,} photos, "
        f"{about['sketches']} sketches, {about['cores']} cores, commit {about['commit']}, "
        f"{len(results['rounds'])} rounds of {about['plan']['seconds']:g} s a load; medians, latencies in ms; late "
        f"under overload means after {about['plan']['deadline_ms']:g} ms." + "".join(failed)
    )


def _table(results: dict[str, Any]) -> str:
    rows = ["| | " + " | ".join(_COLUMNS) + " |", "|-|" + "-|" * len(_COLUMNS)]
    for name in _taking_part(results):
        values = [_shown(median(results, name, *path)) for path in _COLUMNS.values()]
        rows.append(f"| {TITLES[name]} | " + " | ".join(values) + " |")
    for held, what in (("ceiling", "encoder alone"), ("ceiling_bf16", "encoder alone, bf16")):
        ceilings = [ceiling for one in results["rounds"] for ceiling in one.get(held, [])]
        rows += _rows_of_ceiling(ceilings, what) if ceilings else []
    return "\n".join(rows)


def _rows_of_ceiling(ceilings: list[dict[str, Any]], what: str) -> list[str]:
    rows = []
    for key, title in (("one_caller_all_cores", "all cores"), ("one_caller_a_core", "a caller a core")):
        medians = [statistics.median(ceiling[key][name] for ceiling in ceilings) for name in _OF_CEILING]
        values = ["", "", *(_shown(value) for value in medians)]
        rows.append(f"| {what}, {title} | " + " | ".join(values + [""] * (len(_COLUMNS) - len(values))) + " |")
    return rows


_OF_CEILING = ("p50_ms", "p95_ms", "p99_ms", "per_second", "cpu_ms")


def _ratios(results: dict[str, Any]) -> str:
    """What the issue asks for, computed within each round and then taken the median of."""
    rows = [
        "| | p50 / (1.25 × encoder + 2 ms) | saturated / ceiling | p99 / p50 at 80 % even | random (perfect queue) |"
    ]
    rows[0] += " goodput at 2× / ceiling | ceiling used, /s |"
    rows.append("|-|-|-|-|-|-|-|")
    for name in _taking_part(results):
        rounds = [_round_ratios(one, name) for one in results["rounds"] if name in one]
        middle = [statistics.median(column) for column in zip(*rounds, strict=True)]
        even, random, ideal = middle[2:5]
        cells = [f"{middle[0]:.2f}", f"{middle[1]:.2f}", f"{even:.1f}", f"{random:.1f} ({ideal:.1f})"]
        rows.append(f"| {TITLES[name]} | " + " | ".join([*cells, f"{middle[5]:.2f}", f"{middle[6]:.0f}"]) + " |")
    return "\n".join(rows)


def _round_ratios(one: dict[str, Any], name: str) -> tuple[float, ...]:
    ceiling, turn = ceiling_of(one, name), one[name]
    even, random = turn["load_80_fixed"], turn["load_80_poisson"]
    return (
        turn["alone"]["p50_ms"] / (1.25 * ceiling["p50_ms"] + 2),
        turn["saturation"]["per_second"] / ceiling["best_per_second"],
        even["p99_ms"] / even["p50_ms"],
        random["p99_ms"] / random["p50_ms"],
        random["ideal_p99_over_p50"],
        turn["overload"]["goodput_per_second"] / ceiling["best_per_second"],
        ceiling["best_per_second"],
    )


def _agreement(results: dict[str, Any]) -> str:
    """Do all contenders give the same first photo? Otherwise they would not be doing the same work."""
    shares = []
    for name in _taking_part(results):
        pairs = [
            (mine, theirs)
            for one in results["rounds"]
            if "ours" in one and name in one and name != "ours"
            for mine, theirs in zip(one["ours"]["first_photos"], one[name]["first_photos"], strict=True)
        ]
        if pairs:
            shares.append(f"{TITLES[name]} {sum(a == b for a, b in pairs) / len(pairs):.0%}")
    return "Same first photo as this service: " + (", ".join(shares) or "nobody else took part") + "."


def _shown(value: float | None) -> str:
    if value is None:
        return "–"
    return f"{value:.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def _plot(results: dict[str, Any], path: Path) -> None:
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    names = _taking_part(results)
    figure, axes = plt.subplots(1, 3, figsize=(13, 3.2), constrained_layout=True)
    bars = (
        ("Alone: p50 and p99, ms", (("alone", "p50_ms"), ("alone", "p99_ms"))),
        (
            "Searches a second: saturated, in time at 2×",
            (("saturation", "per_second"), ("overload", "goodput_per_second")),
        ),
        ("80 % load, random: p50 and p99, ms", (("load_80_poisson", "p50_ms"), ("load_80_poisson", "p99_ms"))),
    )
    for axis, (title, paths) in zip(axes, bars, strict=True):
        for offset, keys in enumerate(paths):
            values = [median(results, name, *keys) or 0 for name in names]
            places = [place + 0.4 * offset for place in range(len(names))]
            axis.barh(places, values, height=0.38, color=("#3b6ea5", "#e08b3c")[offset])
        axis.set_title(title, fontsize=10)
        axis.set_yticks([place + 0.2 for place in range(len(names))], [TITLES[name] for name in names], fontsize=8)
        axis.invert_yaxis()
    ceiling = statistics.median(
        ceiling_of(one, name)["best_per_second"] for one in results["rounds"] for name in names if name in one
    )
    axes[1].axvline(ceiling, color="black", linestyle="--", linewidth=1)
    axes[1].annotate(
        "encoder alone", (ceiling, 0.98), xycoords=("data", "axes fraction"), ha="right", va="top", fontsize=8
    )
    figure.savefig(path, dpi=120)
    plt.close(figure)
