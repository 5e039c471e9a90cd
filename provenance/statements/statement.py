"""in-toto Statement v1: "these files, by digest, have this said about them".

https://github.com/in-toto/attestation/blob/main/spec/v1/statement.md
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from provenance import canonical
from provenance.statements.parsing import as_list, as_object, as_text, bad, parse_object

TYPE = "https://in-toto.io/Statement/v1"


@dataclass(frozen=True)
class Statement:
    """What is said, about what.

    Args:
        subjects: digests by function name, by file name.
        predicate_type: URI of the predicate's format.
        predicate: what is said.
    """

    subjects: Mapping[str, Mapping[str, str]]
    predicate_type: str
    predicate: Mapping[str, Any]

    def encode(self) -> bytes:
        """Canonical JSON (RFC 8785); subjects by name in the order of code points."""
        return canonical.encode(
            {
                "_type": TYPE,
                "subject": [
                    {"name": name, "digest": dict(self.subjects[name])}
                    for name in sorted(self.subjects)
                ],
                "predicateType": self.predicate_type,
                "predicate": dict(self.predicate),
            }
        )


def parse_statement(payload: bytes) -> Statement:
    """Read a statement; believe it only if its envelope was verified.

    Raises:
        TamperedError: BAD_STATEMENT, not one statement of version 1.
    """
    value = parse_object(payload, "the statement")
    if value.get("_type") != TYPE:
        raise bad(f"the statement's _type is {str(value.get('_type'))[:80]!r}, {TYPE} is read here")
    subjects: dict[str, dict[str, str]] = {}
    for item in as_list(value.get("subject"), "subject"):
        subject = as_object(item, "a subject")
        name = as_text(subject.get("name"), "a subject's name")
        if name in subjects:
            raise bad(f"subject {name!r} is listed twice")
        digests = as_object(subject.get("digest"), f"digest of {name!r}")
        subjects[name] = {
            function: as_text(digest, f"{function} of {name!r}")
            for function, digest in digests.items()
        }
    if not subjects:
        raise bad("the statement has no subject: it says something about nothing")
    kind = as_text(value.get("predicateType"), "predicateType")
    return Statement(subjects, kind, as_object(value.get("predicate"), "predicate"))
