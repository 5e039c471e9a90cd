"""A stage whose pipeline was killed stops too.

The pipeline holds the workspace's lock for its stages. A kill -9 drops that lock, but DVC and the
stage live on as orphans, and a second run would start beside them. So a stage watches its holder.
"""

import os
import signal
import threading
import time

from flows.processes import alive
from tasks.lock import HOLDER

SECONDS_BETWEEN_LOOKS = 0.5


def stop_with_holder() -> None:
    """Interrupt this process, as Ctrl-C would, once the run that holds the lock for it is gone.

    Does nothing for a stage that runs by itself.
    """
    holder = os.environ.get(HOLDER)
    if holder is None or int(holder) == os.getpid():
        return
    threading.Thread(target=_watch, args=(int(holder),), name="watch", daemon=True).start()


def _watch(holder: int) -> None:
    while alive(holder):
        time.sleep(SECONDS_BETWEEN_LOOKS)
    os.kill(os.getpid(), signal.SIGINT)
