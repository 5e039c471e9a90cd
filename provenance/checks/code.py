"""Code: the git commit that a run names exists, and the tree was that commit's.

What git says about the past cannot be forged without changing the commit's own digest, so a name
that resolves is enough. Where there is no repository, nothing can be said, and that is said.
"""

import re
import subprocess
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

from provenance.entry import Entry
from provenance.errors import Reason
from provenance.report import Finding

_COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
NO_COMMIT = "absent"
"""What a run outside a git checkout records."""


Again = Callable[[Entry], Entry | None]


@dataclass
class Code:
    """What came out.

    Attributes:
        findings: commits that do not exist, trees that were dirty.
        open_question: why a recorded commit could not be looked up, if one could not.
        evidence: which commits were found, and which runs name none.
    """

    findings: list[Finding] = field(default_factory=list)
    open_question: str | None = None
    evidence: list[str] = field(default_factory=list)


def check_code(
    entries: Iterable[Entry], root: Path, again: Again, *, clean: bool, commit: bool
) -> Code:
    """Look up the commit of every run.

    Args:
        entries: the runs; entries without `run.git` were not made by running code.
        root: inside the git repository.
        again: the run from a clean tree that made the same outputs as another one, if there is
            one: then it is known what code makes them.
        clean: whether a run from a dirty tree is refused (COMMIT alone does not say what ran).
        commit: whether a run outside git is refused.
    """
    out = Code()
    named: dict[str, list[Entry]] = {}
    for entry in entries:
        run = entry.body.get("run")
        if isinstance(run, dict) and "git" in run:
            named.setdefault(str(run["git"]), []).append(entry)
            if run.get("dirty") is not False and run["git"] != NO_COMMIT:
                _dirty(out, entry, again(entry), clean=clean)
    without = named.pop(NO_COMMIT, [])
    if without:
        numbers = ", ".join(str(entry.seq) for entry in without)
        message = f"no git commit is recorded for entries {numbers}: what code ran is not known"
        out.evidence.append(message)
        if commit:
            out.findings.append(Finding(Reason.COMMIT_MISSING, message, without[0].seq))
    if named:
        _look_up(out, named, root)
    return out


def _dirty(out: Code, entry: Entry, same: Entry | None, *, clean: bool) -> None:
    stage = entry.body.get("stage", entry.body["kind"])
    message = (
        f"entry {entry.seq} ({stage}) ran with tracked files that differ from commit "
        f"{str(entry.body['run']['git'])[:12]}"
    )
    if same is not None:
        out.evidence.append(f"{message}; entry {same.seq} made the same from a clean tree")
    elif clean:
        advice = "; commit them and run the stage again (`cairn run --force`)"
        out.findings.append(Finding(Reason.TREE_DIRTY, message + advice, entry.seq))
    else:
        out.evidence.append(f"{message}; the policy allows it")


def _look_up(out: Code, named: dict[str, list[Entry]], root: Path) -> None:
    shallow = _git(root, "rev-parse", "--is-shallow-repository")
    if shallow is None:
        out.open_question = (
            f"{len(named)} git commits are recorded, but {root} is no git repository: verify in a "
            "clone of it"
        )
        return
    for sha, entries in named.items():
        if _COMMIT.fullmatch(sha) and _git(root, "cat-file", "-e", f"{sha}^{{commit}}") is not None:
            out.evidence.append(f"code: commit {sha} of {len(entries)} runs exists")
        elif shallow == "true" and _COMMIT.fullmatch(sha):
            out.open_question = (
                f"commit {sha[:12]} is not in this shallow clone: git fetch --unshallow"
            )
        else:
            out.findings.append(
                Finding(
                    Reason.COMMIT_MISSING,
                    f"entry {entries[0].seq} says that it ran commit {sha[:40]!r}, which is not in "
                    "the repository",
                    entries[0].seq,
                )
            )


def _git(root: Path, *arguments: str) -> str | None:
    """What git prints, or None where it refuses or is not installed."""
    try:
        done = subprocess.run(
            ["git", "-C", str(root), *arguments], capture_output=True, text=True, check=True
        )
    except (OSError, subprocess.CalledProcessError):
        return None
    return done.stdout.strip()
