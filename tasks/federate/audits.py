"""Attack the run's settings on a small data set, and show in MLflow what came out."""

from models.federated.plan import Plan
from tasks.tracked import TrackedRun


def show_audits(run: TrackedRun, plan: Plan) -> None:
    """Tables and pictures of the short audits."""
    del run, plan
