"""The first page of the Data Docs: which suites hold, and all that fails, on one screen."""

from collections.abc import Sequence
from html import escape
from pathlib import Path

from tasks.validate.offline import LOOKS
from tasks.validate.verdict import Finding

HOLDS = '<i class="fas fa-check-circle"></i>'
FAILS = '<i class="fas fa-times"></i>'


def front_page(findings: Sequence[Finding], site: Path) -> str:
    """An index.html to take the place of Great Expectations' own, which a script fills in.

    Args:
        findings: of all suites.
        site: folder with the pages that Great Expectations made, to link to.
    """
    failed = [finding for finding in findings if not finding.passed]
    suites = list(dict.fromkeys(finding.about for finding in findings))
    rows = "".join(_row(about, findings, site) for about in suites)
    wrong = "".join(f"<li>{escape(finding.line)}</li>" for finding in failed)
    title = (
        f"The manifest fails {len(failed)} of {len(findings)} expectations"
        if failed
        else f"The manifest meets all {len(findings)} expectations"
    )
    return (
        f'<!DOCTYPE html>\n<html lang="en"><head><meta charset="UTF-8"><title>{title}</title>\n'
        f'{LOOKS}\n</head><body><div class="container-fluid"><h1>{title}</h1><ul>{wrong}</ul>\n'
        "<table><thead><tr><th>Suite</th><th>Status</th><th>Expectations</th><th>Failed</th></tr>"
        f"</thead><tbody>{rows}</tbody></table></div></body></html>\n"
    )


def _row(about: str, findings: Sequence[Finding], site: Path) -> str:
    own = [finding for finding in findings if finding.about == about]
    failed = sum(not finding.passed for finding in own)
    page = next((site / "validations" / about).rglob("*.html")).relative_to(site).as_posix()
    return (
        f'<tr><td><a href="{escape(page)}">{escape(about)}</a></td>'
        f"<td>{FAILS if failed else HOLDS}</td><td>{len(own)}</td><td>{failed}</td></tr>"
    )
