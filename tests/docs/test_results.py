"""The page of results says what the benchmarks wrote, digit by digit."""

from benchmarks.results import PAGE, TABLES, filled, markdown


def test_tables_are_those_of_the_files():
    page = PAGE.read_text(encoding="utf-8")
    assert all(f"<!-- {name} -->" in page for name in TABLES)
    assert filled(page) == page


def test_markdown_table():
    assert markdown([["a", "b"], ["1", "2"]]) == "| a | b |\n| --- | --- |\n| 1 | 2 |\n"
    assert markdown([["|1>"]]) == "| \\|1> |\n| --- |\n"
