"""Run suites with Great Expectations and build the Data Docs of that run."""

from pathlib import Path
from typing import Any

from tasks.validate.front import front_page
from tasks.validate.offline import make_offline
from tasks.validate.suite import Suite
from tasks.validate.verdict import Finding

SITE = "cairn"


class Examination:
    """One context, any number of suites, one site of Data Docs.

    Nothing outlives it but the site: the context is in memory, and telemetry is off.

    Args:
        docs: folder to build the site in.

    Attributes:
        findings: one per expectation checked so far, in no particular order.
    """

    def __init__(self, docs: Path) -> None:
        # Imported here: it costs 5 to 8 seconds, and only this stage needs it.
        import great_expectations as gx
        from great_expectations.data_context.types import base

        config = base.DataContextConfig(
            analytics_enabled=False,
            data_docs_sites={SITE: _site(docs)},
            progress_bars=base.ProgressBarsConfig(globally=False, metric_calculations=False),
            store_backend_defaults=base.InMemoryStoreBackendDefaults(),
        )
        self.context: Any = gx.get_context(mode="ephemeral", project_config=config)
        self.docs = docs
        self.findings: list[Finding] = []
        self.source: Any = self.context.data_sources.add_pandas("manifest")

    def run(self, suite: Suite) -> None:
        """Check one suite; adds one finding per expectation."""
        import great_expectations as gx

        expectations = gx.ExpectationSuite(name=suite.about, expectations=suite.expectations)
        table = self.source.add_dataframe_asset(suite.about)
        definition = self.context.validation_definitions.add(
            gx.ValidationDefinition(
                name=suite.about,
                data=table.add_batch_definition_whole_dataframe("all"),
                suite=self.context.suites.add(expectations),
            )
        )
        answer = definition.run(
            batch_parameters={"dataframe": suite.frame},
            result_format={
                "result_format": "SUMMARY",
                "unexpected_index_column_names": [suite.key],
            },
        )
        self.findings += [
            Finding.of(suite.about, suite.key, result.to_json_dict()) for result in answer.results
        ]

    def build(self) -> None:
        """Write the site: index.html and what it links to, readable without a network."""
        self.context.build_data_docs(site_names=[SITE])
        make_offline(self.docs)
        page = front_page(self.findings, self.docs)
        (self.docs / "index.html").write_text(page, encoding="utf-8")


def _site(folder: Path) -> dict[str, Any]:
    return {
        "class_name": "SiteBuilder",
        "site_index_builder": {"class_name": "DefaultSiteIndexBuilder"},
        "store_backend": {
            "class_name": "TupleFilesystemStoreBackend",
            "base_directory": str(folder),
        },
    }
