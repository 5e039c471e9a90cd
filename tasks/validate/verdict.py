"""What the suites said: a small, deterministic file, or one error that names what failed."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tasks.errors import CheckFailed

EXAMPLES = 3
"""Offending rows named per failed expectation."""


@dataclass(frozen=True)
class Finding:
    """What one expectation found.

    Args:
        about: the table it looked at.
        sentence: what was expected.
        passed: whether it holds.
        observed: what was seen: a value, or how many of how many rows break the rule.
        examples: some of the offending rows.
    """

    about: str
    sentence: str
    passed: bool
    observed: str
    examples: tuple[str, ...] = ()

    @classmethod
    def of(cls, about: str, key: str, result: dict[str, Any]) -> "Finding":
        """Read one result of Great Expectations, in its JSON form.

        Args:
            about: name of the suite.
            key: the column that names a row.
            result: `ExpectationValidationResult.to_json_dict()`.
        """
        return cls(
            about=about,
            sentence=result["expectation_config"]["description"],
            passed=result["success"],
            observed=_observed(result),
            examples=_examples(key, result["result"]),
        )

    @property
    def line(self) -> str:
        """The finding in one line, for the error message."""
        such = f", such as {'; '.join(self.examples)}" if self.examples else ""
        return f"{self.about}: {self.sentence}: {self.observed}{such}"


@dataclass(frozen=True)
class Verdict:
    """All findings about one manifest.

    Args:
        manifest: BLAKE3 digest of the manifest that was looked at.
        rows: how many rows it has.
        findings: one per expectation.
    """

    manifest: str
    rows: int
    findings: tuple[Finding, ...]

    @property
    def failed(self) -> list[Finding]:
        """Findings that break the suite, in the order of the verdict file."""
        return sorted((f for f in self.findings if not f.passed), key=lambda f: f.line)

    def json(self) -> str:
        """The verdict file: the same for the same manifest and bounds, to the byte."""
        content = {
            "expectations": {
                f"{finding.about}: {finding.sentence}": {
                    "observed": finding.observed,
                    "passed": finding.passed,
                }
                for finding in self.findings
            },
            "manifest": self.manifest,
            "passed": not self.failed,
            "rows": self.rows,
        }
        return json.dumps(content, indent=1, sort_keys=True, ensure_ascii=False) + "\n"

    def write(self, path: Path) -> None:
        path.write_text(self.json(), encoding="utf-8")

    def require(self, *, docs: str, set_aside: str) -> None:
        """Let a good manifest pass.

        Args:
            docs: where a person finds the Data Docs.
            set_aside: where a person finds the rows that ingest refused.

        Raises:
            CheckFailed: an expectation failed; names each one, what was seen, and example rows.
        """
        if not self.failed:
            return
        lines = "\n".join(f"  {finding.line}" for finding in self.failed)
        raise CheckFailed(
            f"the manifest fails {len(self.failed)} of {len(self.findings)} expectations:\n"
            f"{lines}\n"
            f"Look at the Data Docs: {docs}. Rows that ingest refused: {set_aside}. Mend the "
            "source and run again, or change the bounds in params.yaml, section `validate`."
        )


def _observed(result: dict[str, Any]) -> str:
    trouble = _exception(result["exception_info"])
    if trouble:
        return f"could not be checked ({trouble})"
    seen = result["result"]
    if "element_count" in seen:
        return f"{seen['unexpected_count']} of {seen['element_count']} rows break this"
    if "partial_missing_list" in seen:
        return _names(seen["partial_missing_list"], seen["partial_unexpected_list"])
    if isinstance(seen["observed_value"], list):
        mismatch = seen["details"]["mismatched"] if "details" in seen else {}
        return _names(mismatch.get("missing") or [], mismatch.get("unexpected") or [])
    return _plain(seen["observed_value"])


def _names(missing: list[str], unknown: list[str]) -> str:
    """Which names a set lacks, and which it should not have."""
    parts = [
        f"{kind} {', '.join(sorted(map(str, names)))}"
        for kind, names in (("missing", missing), ("unknown", unknown))
        if names
    ]
    return "; ".join(parts) or "complete"


def _plain(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.6g}"
    return "missing or NaN" if value is None else str(value)


def _examples(key: str, seen: dict[str, Any]) -> tuple[str, ...]:
    rows = seen.get("partial_unexpected_index_list") or []
    return tuple(_row(key, row) for row in rows[:EXAMPLES])


def _row(key: str, row: dict[str, Any]) -> str:
    values = [f"{name} {_plain(value)}" for name, value in row.items() if name != key]
    return f"{row[key]} ({', '.join(values)})" if values else str(row[key])


def _exception(info: dict[str, Any]) -> str | None:
    """The message of an expectation that could not be computed.

    Great Expectations gives one record, or one per metric under the metric's name.
    """
    records = [info] if "raised_exception" in info else list(info.values())
    messages = {str(r["exception_message"]) for r in records if r["raised_exception"]}
    return "; ".join(sorted(messages)) or None
