import json
import random

import pytest

from model.seal import SEAL, break_seal, sealed_text

VALUES = {"name": "Möbel", "sizes": {"10": 1, "5": 0.1}, "mean": [0.485, 1e-7], "none": None, "count": 3}


def test_what_was_sealed_is_read_back_without_the_seal() -> None:
    values = json.loads(sealed_text(VALUES))
    assert list(values)[-1] == SEAL
    assert break_seal(values)
    assert values == VALUES


@pytest.mark.parametrize("value", [{5: "b", 10: "a"}, {"mean": (1, 2)}])
def test_what_json_writes_otherwise_than_python_can_be_sealed(value: object) -> None:
    assert break_seal(json.loads(sealed_text({"value": value})))


def test_layout_is_not_content() -> None:
    assert break_seal(json.loads(json.dumps(json.loads(sealed_text(VALUES)), sort_keys=True)))


def test_a_file_without_a_seal_is_accepted_as_earlier_releases_wrote_it() -> None:
    values = dict(VALUES)
    assert break_seal(values)
    assert values == VALUES


def test_no_changed_byte_changes_a_value_unnoticed() -> None:
    text, dice, num_noticed = sealed_text(VALUES).encode(), random.Random(0), 0
    for place in range(len(text)):
        damaged = text[:place] + bytes([text[place] ^ dice.randrange(1, 256)]) + text[place + 1 :]
        try:
            values = json.loads(damaged.decode())
        except ValueError:
            num_noticed += 1
            continue
        if break_seal(values):
            assert {key: values.get(key) for key in VALUES} == VALUES
        else:
            num_noticed += 1
    assert num_noticed > 0.8 * len(text)
