"""The lineage page: one HTML document for an auditor, and the same as JSON."""

from provenance.page.render import lineage_json, lineage_page, render

__all__ = ["lineage_json", "lineage_page", "render"]
