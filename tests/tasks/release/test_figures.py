"""Every measured figure gets into the card, whatever it is called."""

from tasks.release.figures import table, tables


def test_a_table_escapes_what_would_break_it() -> None:
    assert table(["a"], [["x|y"]]) == "| a |\n| --- |\n| x\\|y |"


def test_groups_of_figures_are_rows_and_groups_of_groups_get_a_heading() -> None:
    blocks = list(
        tables(
            {
                "image": {"accuracy": 0.78, "accuracy_low": 0.7, "accuracy_high": 0.8, "ece": 0.02},
                "fused": {"accuracy": {"value": 0.91, "low": 0.88, "high": 0.93}},
                "retrieval": {"speech_to_text": {"r1": 0.61}},
                "clips": 1327,
            }
        )
    )
    assert blocks == [
        "| figure | value |\n| --- | --- |\n| clips | 1,327 |",
        "|  | accuracy | ece |\n| --- | --- | --- |\n"
        "| fused | 0.91 (0.88 to 0.93) |  |\n"
        "| image | 0.78 (0.7 to 0.8) | 0.02 |",
        "### Retrieval",
        "|  | r1 |\n| --- | --- |\n| speech_to_text | 0.61 |",
    ]


def test_deeper_groups_name_the_way_to_them() -> None:
    blocks = list(tables({"a": {"b": {"c": {"d": 1.5}}}}))
    assert blocks == ["### A, b", "|  | d |\n| --- | --- |\n| c | 1.5 |"]


def test_what_could_not_be_computed_says_so_and_texts_are_left_out() -> None:
    (block,) = tables({"loss": None, "note": "x", "done": True})
    assert block == "| figure | value |\n| --- | --- |\n| loss | not computed |"


def test_no_figures_no_tables() -> None:
    assert list(tables({})) == []
