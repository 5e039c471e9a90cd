"""A client that is asked for the same round again answers as it did the first time.

A SuperLink that dies in mid-round asks again when it is back. Clients that trained already have
changed what they keep (control variates, what compression owes); they go back to what it was.
"""

from flwr.app import ConfigRecord, Context, Message
from flwr.clientapp.typing import ClientAppCallable

from models.federated.client import CONFIG

BEFORE, ROUND = "before/", "before-round"


def repeatable(message: Message, context: Context, call_next: ClientAppCallable) -> Message:
    """A mod that keeps the state of before the last round, and goes back to it where needed."""
    if CONFIG not in message.content:
        return call_next(message, context)
    number, state = int(message.content[CONFIG]["server-round"]), context.state
    names = [name for name in state if name != ROUND]
    if ROUND in state and int(state[ROUND]["number"]) == number:
        for name in [name for name in names if not name.startswith(BEFORE)]:
            del state[name]
        for name in [name for name in names if name.startswith(BEFORE)]:
            state[name.removeprefix(BEFORE)] = state[name].copy()
        return call_next(message, context)
    for name in [name for name in names if name.startswith(BEFORE)]:
        del state[name]
    for name in [name for name in names if not name.startswith(BEFORE)]:
        state[BEFORE + name] = state[name].copy()
    state[ROUND] = ConfigRecord({"number": number})
    return call_next(message, context)
