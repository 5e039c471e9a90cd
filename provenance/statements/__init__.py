"""What a release says about itself, signed: for auditors, and for the tools of others.

provenance.dsse.json   in-toto statement with SLSA provenance: from which data, code, settings
model.sig              OMS model signature over every file of the version
receipt.txt            proof that the release stands in the log, checkable without the log
"""

from provenance.statements.check import check_parameters, check_statements, read_statement
from provenance.statements.place import (
    BUNDLE,
    NAMES,
    RECEIPT,
    STATEMENT,
    first_release,
    release_entry,
    version_folder,
)
from provenance.statements.write import write_statements

__all__ = [
    "BUNDLE",
    "NAMES",
    "RECEIPT",
    "STATEMENT",
    "check_parameters",
    "check_statements",
    "first_release",
    "read_statement",
    "release_entry",
    "version_folder",
    "write_statements",
]
