"""Questions of an auditor: the answer depends on the log, not on a cache beside it."""

import sqlite3

from provenance.index import Index
from provenance.layout import Layout
from provenance.queries import models_from_commit, models_using
from tests.provenance.conftest import Bench
from tests.provenance.statements.released import COMMIT, make_release


def test_a_forged_index_hides_no_model(bench: Bench) -> None:
    """Rows can be taken out while the index goes on saying that it reaches the newest entry."""
    log = make_release(bench).log
    layout = Layout(log.folder)
    index = Index.open(layout)
    index.refresh(log.history())
    index.close()
    with sqlite3.connect(layout.index) as database:
        for table in ("inputs", "runs", "commits", "artifacts"):
            database.execute(f"DELETE FROM {table}")  # noqa: S608  # fixed names
    database.close()
    assert {
        model for use in models_using(log, "data/manifest.parquet") for model in use.models
    } == {"tiny/1"}
    assert {model for use in models_from_commit(log, COMMIT) for model in use.models} == {"tiny/1"}
