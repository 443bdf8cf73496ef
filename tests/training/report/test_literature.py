import pytest

from training.report.literature import BENCHMARKS, find_benchmark


@pytest.mark.parametrize(
    ("dataset", "benchmark"),
    [
        ("QMUL-Shoe (Sketch Me That Shoe, CVPR 2016)", "QMUL-Shoe"),
        ("QMUL-Shoe-V2", "Shoe-V2"),
        ("ShoeV2", "Shoe-V2"),
        ("chair-v2, ours", "Chair-V2"),
        ("Sketchy (SIGGRAPH 2016)", "Sketchy"),
        ("my shoes", None),
    ],
)
def test_a_datasets_name_finds_its_published_results(dataset: str, benchmark: str | None) -> None:
    found = find_benchmark(dataset)
    assert (found and found.name) == benchmark


def test_published_results_are_percentages_that_grow_with_the_cut_off() -> None:
    for benchmark in BENCHMARKS:
        for row in benchmark.rows:
            assert 1 < row.acc_at_1 < (row.acc_at_10 or 100) <= 100
