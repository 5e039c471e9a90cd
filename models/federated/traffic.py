"""The client's end of compressed messages: unpack what comes, pack what goes.

The server sends the difference to the weights that a client already has (`base`), or all of them.
Outermost of a client's mods: what it sees of the client is what will travel.
"""

import numpy as np
from flwr.app import ArrayRecord, ConfigRecord, Context, Error, Message
from flwr.clientapp.typing import ClientAppCallable, Mod

from models.federated.arrays import Arrays, add, arrays_of, record_of, subtract, zeros
from models.federated.client import ARRAYS, CONFIG, CONTROL
from models.federated.codec import Codec, decode, encode

BASE, VERSION, RESIDUAL = "base", "base-version", "residual"
MOD_FAILED = 3
FULL = -1
"""In place of a base's version: the message holds the weights themselves."""


def traffic_mod(upload: Codec, download: Codec) -> Mod:
    """A mod that decodes downloads and encodes uploads, for training messages."""

    def mod(message: Message, context: Context, call_next: ClientAppCallable) -> Message:
        if CONFIG not in message.content:  # a step of secure aggregation without weights
            return call_next(message, context)
        if download.lossy:
            base = int(message.content[CONFIG]["base"])
            if base != FULL and _version(context) != base:
                reason = f"lost_base: has version {_version(context)}, the difference is to {base}"
                return Message(Error(code=MOD_FAILED, reason=reason), reply_to=message)
            weights = _unpack(message.content[ARRAYS], context, download, full=base == FULL)
            version = int(message.content[CONFIG]["version"])
            context.state[BASE] = record_of(weights)
            context.state[VERSION] = ConfigRecord({"version": version})
            message.content[ARRAYS] = record_of(weights)
        sent = arrays_of(message.content[ARRAYS])
        reply = call_next(message, context)
        if reply.has_error() or not upload.lossy:
            return reply
        update = subtract(arrays_of(reply.content[ARRAYS]), sent)
        reply.content[ARRAYS] = _pack(update, context, upload, ARRAYS)
        if CONTROL in reply.content:
            change = arrays_of(reply.content[CONTROL])
            reply.content[CONTROL] = _pack(change, context, upload, CONTROL)
        return reply

    return mod


def unpack_deltas(record: ArrayRecord, base: Arrays, download: Codec) -> Arrays:
    """A base with all the differences in a record added, oldest first."""
    found = arrays_of(record)
    weights = base
    for step in sorted({int(name.split("/", 1)[0]) for name in found}):
        prefix = f"{step}/"
        encoded = {k.removeprefix(prefix): v for k, v in found.items() if k.startswith(prefix)}
        weights = add(weights, decode(download, encoded, base))
    return weights


def _unpack(record: ArrayRecord, context: Context, download: Codec, *, full: bool) -> Arrays:
    if full:
        return arrays_of(record)
    return unpack_deltas(record, arrays_of(context.state[BASE]), download)


def _pack(update: Arrays, context: Context, codec: Codec, what: str) -> ArrayRecord:
    """Encode it with what was lost before, and remember what is lost now."""
    key = f"{RESIDUAL}-{what}"
    lost = arrays_of(context.state[key]) if key in context.state else zeros(update)
    wanted = add(update, lost)
    encoded = encode(codec, wanted)
    missing = subtract(wanted, decode(codec, encoded, wanted))
    if all(np.isfinite(value).all() for value in missing.values()):
        context.state[key] = record_of(missing)  # else the server refuses it, and nothing is owed
    return record_of(encoded)


def _version(context: Context) -> int:
    return int(context.state[VERSION]["version"]) if VERSION in context.state else FULL
