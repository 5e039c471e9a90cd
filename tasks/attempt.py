"""Which attempt of a Prefect task this is, as MLflow sees it.

MLflow marks a run failed when a parameter is logged twice with other values, so a retry never
reuses its run: it is a new child run, tagged with the number of the attempt.
"""

from types import ModuleType


def attempt_tags(mlflow: ModuleType) -> dict[str, str]:
    """Tags of the run about to start: none outside a Prefect task.

    Returns:
        `prefect.task_run` and `attempt`, and from the second attempt on MLflow's parent tag.
    """
    # Imported here: the log and the tests of single steps need no Prefect.
    from prefect.context import TaskRunContext

    context = TaskRunContext.get()
    if context is None:
        return {}
    task_run = str(context.task_run.id)
    tags = {"prefect.task_run": task_run, "attempt": str(context.task_run.run_count)}
    if context.task_run.run_count > 1:
        first = mlflow.search_runs(
            filter_string=f"tags.`prefect.task_run` = '{task_run}' and tags.attempt = '1'",
            output_format="list",
        )
        if first:
            tags["mlflow.parentRunId"] = first[0].info.run_id
    return tags
