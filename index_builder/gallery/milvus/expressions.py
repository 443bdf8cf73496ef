"""Filters in the language of Milvus, with the same meaning as over files: a photo without a value matches none."""

import json
from collections.abc import Mapping, Sequence

from index_builder.gallery.filters import Condition


def expression(conditions: Sequence[Condition], fields: Mapping[str, str]) -> str:
    """The expression that holds where all of the conditions do.

    Args:
        conditions: checked against the types of the columns.
        fields: column of the metadata -> field of the collection.
    """
    return " and ".join(_one(condition, fields[condition.column]) for condition in conditions)


def _one(condition: Condition, field: str) -> str:
    if condition.operator not in ("=", "!="):
        return f"({field} is not null and {field} {condition.operator} {_literal(condition.values[0])})"
    if condition.type == "boolean":
        among = " or ".join(f"{field} == {_literal(value)}" for value in condition.values)
    else:
        among = f"{field} in [{', '.join(_literal(value) for value in condition.values)}]"
    return f"({field} is not null and {'' if condition.operator == '=' else 'not '}({among}))"


def _literal(value: str | float | bool) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return repr(value) if isinstance(value, float) else json.dumps(value, ensure_ascii=False)
