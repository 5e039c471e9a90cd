"""Release: hold the model against the gate, register it, decide who is champion, verify everything.

gate.py says no, decision.py and promote.py say who is champion, card.py tells people what the model
is, registry.py talks to MLflow, summary.py re-verifies and prints; task.py puts them in order.

Byte-stable outputs: release.json and model_card.md depend on what ingest and train made and on
params.yaml alone. Who is champion depends on history too, so it stands in the log, in MLflow and on
the terminal.
"""

from tasks.release.task import release_model

__all__ = ["release_model"]
