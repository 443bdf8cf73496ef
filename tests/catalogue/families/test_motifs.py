"""Motifs are line drawings about as large as they say."""

import numpy as np
import pytest

from catalogue.families.motifs import motif


@pytest.mark.parametrize("name", ["heart", "star", "flower", "face", "zigzag", "waves", "letters", "steam"])
def test_a_motif_fills_its_square(name: str) -> None:
    points = np.concatenate(motif(name))
    assert np.abs(points).max() < 1.15
    assert np.ptp(points, axis=0).max() > 1.2


def test_no_motif_has_no_strokes() -> None:
    assert motif("none") == ()
