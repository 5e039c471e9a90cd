"""Audits that could fail: who was in the training, what an update gives away, what poison does.

Each runs the federation itself, in process, through the same client app and server as every run.
"""

from models.federated.audit.short import audit_updates

__all__ = ["audit_updates"]
