"""The words in which the suites speak: each makes one Great Expectations object with its sentence.

Great Expectations takes 5 to 8 seconds to import, and only this stage needs it: it is imported by
the functions, never by the module.
"""

from collections.abc import Sequence
from typing import Any

Bound = int | float | None


def present(column: str, *, where: str | None = None) -> Any:
    """No null and no NaN in the column, or in those of its rows in which `where` has a value."""
    return _gxe().ExpectColumnValuesToNotBeNull(
        column=column,
        row_condition=_has(where),
        description=f"{column} is given for each {where or 'row'}",
    )


def between(column: str, low: Bound = None, high: Bound = None, sentence: str | None = None) -> Any:
    """Every value that is there lies in [low, high]; None leaves a side open."""
    return _gxe().ExpectColumnValuesToBeBetween(
        column=column,
        min_value=low,
        max_value=high,
        description=sentence or f"{column} is {_range(low, high)}",
    )


def measured(column: str, of: str, low: Bound = None, high: Bound = None) -> list[Any]:
    """Each row that has an `of` has this measurement of it, inside [low, high]."""
    return [present(column, where=of), between(column, low, high)]


def one_of(column: str, values: Sequence[Any], sentence: str, condition: Any | None = None) -> Any:
    """Every value is one of these, or those in the rows for which the condition holds."""
    return _gxe().ExpectColumnValuesToBeInSet(
        column=column, value_set=list(values), row_condition=condition, description=sentence
    )


def matches(column: str, regex: str, sentence: str) -> Any:
    """Every value that is there matches the regular expression."""
    return _gxe().ExpectColumnValuesToMatchRegex(column=column, regex=regex, description=sentence)


def unique(column: str) -> Any:
    """No value comes twice."""
    return _gxe().ExpectColumnValuesToBeUnique(
        column=column, description=f"each {column} is given once"
    )


def exactly(column: str, values: Sequence[str], sentence: str) -> Any:
    """Each of these values comes at least once, and no other."""
    return _gxe().ExpectColumnDistinctValuesToEqualSet(
        column=column, value_set=list(values), description=sentence
    )


def filled(column: str, share: float, sentence: str) -> Any:
    """At least this share of the rows has a value."""
    return _gxe().ExpectColumnProportionOfNonNullValuesToBeBetween(
        column=column, min_value=share, max_value=1.0, description=sentence
    )


def rows(least: int, sentence: str) -> Any:
    """The table has at least this many rows."""
    return _gxe().ExpectTableRowCountToBeBetween(min_value=least, description=sentence)


def columns(names: Sequence[str], sentence: str) -> Any:
    """The table has these columns and no others, in any order."""
    return _gxe().ExpectTableColumnsToMatchSet(
        column_set=list(names), exact_match=True, description=sentence
    )


def stored_as(column: str, types: Sequence[str]) -> Any:
    """The column has one of these pandas types."""
    sentence = f"{column} is stored as {' or '.join(types)}"
    if len(types) == 1:
        return _gxe().ExpectColumnTypeToBe(column=column, type_=types[0], description=sentence)
    # For several types there is only the older expectation, which knows numbers but not `str`.
    return _gxe().ExpectColumnValuesToBeInTypeList(
        column=column, type_list=list(types), description=sentence
    )


def label_in(labels: Sequence[str], *, known: bool) -> Any:
    """The condition that a row's label is one of these, or is none of them."""
    from great_expectations.expectations.row_conditions import Column

    label = Column("label")
    return label.is_in(list(labels)) if known else label.is_not_in(list(labels))


def _has(column: str | None) -> Any:
    from great_expectations.expectations.row_conditions import Column

    return None if column is None else Column(column).is_not_null()


def _range(low: Bound, high: Bound) -> str:
    if high is None:
        return f"at least {low}"
    return f"between {low} and {high}"


def _gxe() -> Any:
    import great_expectations.expectations

    return great_expectations.expectations
