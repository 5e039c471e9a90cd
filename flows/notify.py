"""Tell a chat or a pager how a run ended, by a POST to the URL in CAIRN_WEBHOOK_URL.

The URL is a secret, so it comes from the environment and is never printed. A notification that
cannot be delivered is said aloud and changes nothing.
"""

import json
import os
import urllib.request
from http.client import HTTPException
from typing import Literal

from flows.summary import Summary
from tasks.params.pipeline import PipelineParams
from tasks.progress import say

WEBHOOK = "CAIRN_WEBHOOK_URL"


def notify(
    status: Literal["completed", "failed"], summary: Summary, params: PipelineParams
) -> None:
    """Post the summary as JSON; `text` is what Slack, Mattermost and the like show."""
    url = os.environ.get(WEBHOOK)
    if not url or status not in params.notify_on:
        return
    if not url.startswith(("http://", "https://")):
        say(f"cairn: no notification sent: {WEBHOOK} is not an http(s) URL")
        return
    body = {"text": _text(status, summary), "status": status, "run": summary.values()}
    request = urllib.request.Request(  # noqa: S310  # scheme checked above
        url,
        data=json.dumps(body).encode(),
        headers={"Content-Type": "application/json", "User-Agent": "cairn"},
    )
    try:
        with urllib.request.urlopen(request, timeout=params.notify_seconds):  # noqa: S310  # scheme checked above
            pass
    except (OSError, ValueError, HTTPException) as error:
        # Only the kind of error: some carry the URL in their text.
        reason = getattr(error, "code", type(getattr(error, "reason", error)).__name__)
        say(f"cairn: the notification was not delivered ({reason})")


def _text(status: str, summary: Summary) -> str:
    if summary.failed:
        row = summary.failed[0]
        return f"Cairn run {summary.id} failed: stage {row.stage}: {row.why}"
    ran = [row.stage for row in summary.rows if row.outcome == "ran"]
    did = f"ran {', '.join(ran)} in {summary.seconds:.0f} s" if ran else "everything is up to date"
    return f"Cairn run {summary.id} {status}: {did}"
