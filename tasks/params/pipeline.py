"""The `pipeline:` section of params.yaml: how a whole run behaves, whatever its stages are."""

from typing import Annotated, Literal

from pydantic import Field

from tasks.params.base import Section


class PipelineParams(Section):
    """Waits, notifications and other manners of a whole run."""

    retry_seconds: list[Annotated[float, Field(ge=0.0, le=3600.0)]]
    """Waits before the second, third, ... attempt where a failure may pass; [] is no retry."""
    api_startup_seconds: Annotated[float, Field(gt=0.0, le=600.0)]
    """How long a Prefect API of our own may take to answer."""
    stop_seconds: Annotated[float, Field(gt=0.0, le=600.0)]
    """How long an interrupted stage may take to clean up before it is killed."""
    notify_on: list[Literal["completed", "failed"]]
    """When to post to CAIRN_WEBHOOK_URL, if that is set."""
    notify_seconds: Annotated[float, Field(gt=0.0, le=60.0)]
    """How long the webhook may take to answer."""
