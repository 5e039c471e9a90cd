"""The six verifications of a workspace; `cairn verify` and the release stage ask here."""

from tasks.verification.ask import Asked, verify_target
from tasks.verification.policy import record_policy

__all__ = ["Asked", "record_policy", "verify_target"]
