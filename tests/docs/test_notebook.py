"""The notebook's cells, run in their order; without Jupyter, so that nothing has to be installed for it."""

import json
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture
def notebook(root: Path) -> Any:
    return json.loads((root / "docs" / "notebooks" / "search.ipynb").read_text(encoding="utf-8"))


def test_the_notebook_holds_no_outputs(notebook: Any) -> None:
    assert (notebook["nbformat"], notebook["cells"][0]["cell_type"]) == (4, "markdown")
    for cell in notebook["cells"]:
        assert cell["id"]
        assert not cell.get("outputs")
        assert cell.get("execution_count") is None


def test_every_cell_runs_and_most_drawings_find_their_photo(
    notebook: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("embreex")
    pyplot = pytest.importorskip("matplotlib.pyplot")
    pyplot.switch_backend("Agg")
    shown = []
    monkeypatch.setattr(pyplot, "show", lambda: shown.append(pyplot.gcf()))
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {"__name__": "notebook"}
    for cell in notebook["cells"]:
        if cell["cell_type"] == "code":
            exec(compile("".join(cell["source"]), cell["id"], "exec"), names)
    (figure,) = shown
    assert len(figure.axes) == 20
    is_first = names["cosines"].argmax(axis=1) == range(24)
    assert is_first.mean() > 0.5
    assert names["neighbours"][0].photo_id == names["hits"][0].photo_id
    assert all(hit.metadata[names["column"]] == names["value"] for hit in names["alike"])
    pyplot.close(figure)
