"""Published results that a report shows beside its own, as printed in the papers: acc@1 and acc@10 in percent."""

import re
from dataclasses import dataclass

CAVEAT = (
    "Protocols differ: papers differ in the number of queries, in which sketches they keep, and often report the best "
    "epoch on the test split. Read these rows as orientation, not as a ranking."
)


@dataclass(frozen=True)
class Result:
    """One row of a paper's table; None where the paper gives no figure."""

    method: str
    acc_at_1: float
    acc_at_10: float | None


@dataclass(frozen=True)
class Benchmark:
    """A dataset of the field.

    Attributes:
        name: as the field calls it.
        pattern: what a manifest's name of letters and digits alone, in lower case, must match.
        photos: in the gallery of its published test split.
        rows: published results.
    """

    name: str
    pattern: str
    photos: int
    rows: tuple[Result, ...]


BENCHMARKS = (
    Benchmark(
        "Shoe-V2",
        r"shoe(s)?v2",
        200,
        (
            Result("Yu et al., CVPR 2016", 28.71, 71.56),
            Result("Yang et al., ICCV 2021", 32.33, 79.63),
            Result("Sain et al., CVPR 2021", 36.47, 81.83),
            Result("Bhunia et al., CVPR 2021", 39.10, 87.50),
            Result("Chowdhury et al., CVPR 2022", 39.90, 82.90),
            Result("Bhunia et al., CVPR 2022", 43.70, None),
            Result("XModalViT, BMVC 2022", 45.05, 90.23),
            Result("SketchPVT, 2023", 44.2, None),
            Result("Koley et al., 2024", 45.3, None),
        ),
    ),
    Benchmark(
        "Chair-V2",
        r"chair(s)?v2",
        100,
        (
            Result("Yu et al., CVPR 2016", 47.65, 84.24),
            Result("Yang et al., ICCV 2021", 52.89, 94.88),
            Result("Sain et al., CVPR 2021", 62.86, 91.14),
            Result("Bhunia et al., CVPR 2021", 62.20, 90.80),
            Result("Bhunia et al., CVPR 2022", 64.80, None),
            Result("XModalViT, BMVC 2022", 63.48, 95.02),
            Result("SketchPVT, 2023", 71.2, None),
            Result("Koley et al., 2024", 72.1, None),
            Result("ARNet, 2025 (281 queries, best epoch on test)", 75.45, None),
        ),
    ),
    Benchmark(
        "QMUL-Shoe",
        r"qmulshoe",
        115,
        (
            Result("Yu et al., CVPR 2016", 39.13, 87.83),
            Result("Song et al. (DSSA), 2017", 61.74, 94.78),
        ),
    ),
    Benchmark(
        "QMUL-Chair",
        r"qmulchair",
        97,
        (
            Result("Yu et al., CVPR 2016", 69.07, 97.94),
            Result("Song et al. (DSSA), 2017", 81.44, 95.88),
        ),
    ),
    Benchmark(
        "Sketchy",
        r"sketchy",
        1250,
        (
            Result("Human (Sangkloy et al., 2016)", 54.27, None),
            Result("Sangkloy et al., 2016", 37.10, None),
            Result("Yu et al., CVPR 2016", 25.87, None),
            Result("Pang et al., 2017", 50.14, None),
            Result("Wang et al., 2020 (S+I)", 40.16, 92.00),
            Result("Wang et al., 2020 (S+I+D)", 46.20, 96.49),
            Result("XModalViT, BMVC 2022", 56.15, 96.86),
            Result("Seddati et al., 2022", 62.25, None),
        ),
    ),
)


def find_benchmark(dataset: str) -> Benchmark | None:
    """The benchmark whose name occurs in a manifest's name ("ShoeV2", "QMUL Shoe-V2, ours"), or None."""
    plain = re.sub(r"[^a-z0-9]", "", dataset.lower())
    return next((benchmark for benchmark in BENCHMARKS if re.search(benchmark.pattern, plain)), None)
