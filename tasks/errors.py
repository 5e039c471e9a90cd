"""Errors that end in one clear line for a person.

Exit codes, as documented in docs/cli.md:
    1  a check failed: verification, a gate, the validation suite
    2  bad input: parameters, data, usage, a missing tool
    3  someone else is at work: the workspace is locked
"""


class CairnError(Exception):
    """Base of all errors that a user can act upon; the message says what to do next."""

    exit_code = 1


class InputError(CairnError):
    """Something the user gave is wrong: names the value, what is allowed and what to do next."""

    exit_code = 2


class CheckFailed(CairnError):
    """A gate or a check said no: names what failed and by how much."""


class BusyError(CairnError):
    """Another process holds the workspace: names its pid and since when."""

    exit_code = 3


class UnreachableError(InputError):
    """Something outside did not answer, a mirror or a server; the pipeline tries again."""
