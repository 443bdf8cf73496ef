"""The benchmark's table: medians over rounds, ratios to the encoder beside each turn, failures named."""

from pathlib import Path
from typing import Any

import pytest

from benchmarks.serving.report import ceiling_of, write_report


def loop(milliseconds: float, per_second: float) -> dict[str, float]:
    return {**dict.fromkeys(("p50_ms", "p95_ms", "p99_ms", "cpu_ms"), milliseconds), "per_second": per_second}


def turn(milliseconds: float, per_second: float, photo: str) -> dict[str, Any]:
    latencies = {"p50_ms": milliseconds, "p95_ms": milliseconds, "p99_ms": 2 * milliseconds}
    return {
        "ready_seconds": 1.5,
        "memory": {"peak_rss_mb": 200},
        "first_photos": [photo, "b"],
        "alone": latencies,
        "saturation": latencies | {"per_second": per_second, "cpu_ms": 12.0},
        "load_80_fixed": latencies,
        "load_80_poisson": latencies | {"ideal_p99_over_p50": 4.9},
        "overload": {"goodput_per_second": per_second / 2, "refusal_p50_ms": None, "refusal_p99_ms": None},
    }


@pytest.fixture
def results() -> dict[str, Any]:
    around = [(10.0, 100.0, 150.0), (14.0, 80.0, 150.0), (30.0, 10.0, 20.0)]
    ceilings = [
        {"one_caller_all_cores": loop(ms, all_), "one_caller_a_core": loop(ms, each)} for ms, all_, each in around
    ]
    failed = {"ray-serve": "Nobody answered."}
    one = {"ceiling": ceilings, "failed": failed, "ours": turn(17, 120, "a"), "litserve": turn(40, 15, "c")}
    about = {"bundle": "b", "precision": "int8", "device": "cpu", "gallery": 2115, "sketches": 2, "cores": 2}
    return {"about": about | {"commit": "c", "plan": {"seconds": 4, "deadline_ms": 500}}, "rounds": [one]}


def test_the_ceiling_of_a_turn_is_measured_just_before_and_after_it(results: dict[str, Any]) -> None:
    one = results["rounds"][0]
    assert ceiling_of(one, "ours") == {"p50_ms": 12, "per_second": 90, "best_per_second": 150}
    assert ceiling_of(one, "litserve") == {"p50_ms": 22, "per_second": 45, "best_per_second": 85}


def test_the_report_holds_ratios_agreement_and_who_failed(results: dict[str, Any], tmp_path: Path) -> None:
    text = write_report(results, tmp_path)
    assert "| this service | 1.00 | 0.80 | 2.0 | 2.0 (4.9) | 0.40 | 150 |" in text
    assert "LitServe, same ONNX 50%" in text
    assert "encoder alone, bf16" not in text
    assert "Ray Serve, same ONNX failed: Nobody answered." in text
    assert (tmp_path / "serving.md").read_text() == text
    assert (tmp_path / "serving.png").stat().st_size > 1000


def test_bf16_has_an_encoder_of_its_own_beside_the_common_one(results: dict[str, Any], tmp_path: Path) -> None:
    one = results["rounds"][0]
    own = {"one_caller_all_cores": loop(4.5, 220.0), "one_caller_a_core": loop(6.1, 330.0)}
    one |= {"ceiling_bf16": [own], "ours-bf16": turn(12, 150, "a")}
    one["ceiling"].append(one["ceiling"][0])
    text = write_report(results, tmp_path)
    assert "| encoder alone, bf16, a caller a core |  |  | 6.10 | 6.10 | 6.10 | 330 |" in text
    assert "| this service, bf16 in OpenVINO | 0.44 |" in text
