"""How long a model takes and how much memory its process holds; shared by both probes.

Imports nothing that a bare interpreter lacks but psutil: what is measured comes after.
"""

import io
import statistics
import struct
import time
import wave
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

import psutil

from services.question import Question

T = TypeVar("T")

FEWEST = 5
"""Passes that are timed, however slow they are."""
FEWEST_ALSO = 2
"""The same of large batches, which take seconds each."""


@dataclass
class Clock:
    """Milliseconds of each pass, by the wall and of the processor (all threads added up)."""

    wall: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)

    def time(self, call: Callable[[], T]) -> T:
        """Call, and note how long it took."""
        wall, cpu = time.perf_counter(), time.process_time()
        found = call()
        self.cpu.append(1e3 * (time.process_time() - cpu))
        self.wall.append(1e3 * (time.perf_counter() - wall))
        return found

    def plain(self) -> dict[str, float]:
        """Medians and 99th percentiles, interpolated between the passes next to them."""
        return {
            f"{kind}p{share}_ms": round(percentile(times, share), 4)
            for kind, times in (("", self.wall), ("cpu_", self.cpu))
            for share in (50, 99)
        }


def percentile(times: list[float], share: int) -> float:
    """Of at least one time; linear between neighbours, as numpy.percentile."""
    if len(times) == 1:
        return times[0]
    return statistics.quantiles(times, n=100, method="inclusive")[share - 1]


def measure(
    views: Mapping[str, Callable[[], T]],
    fuse: Callable[[dict[str, T]], object],
    *,
    batch: int,
    repeats: int,
    seconds: float,
    fewest: int = FEWEST,
) -> dict[str, Any]:
    """Time whole questions, and each view inside them.

    Args:
        views: name to what asks it.
        fuse: joins what the views said.
        batch: questions that one pass answers.
        repeats: passes.
        seconds: stop before all repeats when they take longer.
        fewest: passes that are timed, however slow they are.

    Returns:
        `whole` and `views` with p50_ms, p99_ms and the same of the processor's time; the passes
        made; questions a second.
    """
    clocks = {name: Clock() for name in views}

    def ask(noted: bool = True) -> object:
        if not noted:
            return fuse({name: call() for name, call in views.items()})
        return fuse({name: clocks[name].time(call) for name, call in views.items()})

    ask(noted=False)  # the first pass of a shape plans and allocates
    whole = Clock()
    started = time.perf_counter()
    while len(whole.wall) < repeats:
        whole.time(ask)
        if len(whole.wall) >= fewest and time.perf_counter() - started > seconds:
            break
    return {
        "whole": whole.plain(),
        "views": {name: clock.plain() for name, clock in clocks.items()},
        "batch": batch,
        "passes": len(whole.wall),
        "throughput_per_s": round(1e3 * batch * len(whole.wall) / sum(whole.wall), 3),
    }


def resident() -> int:
    """Bytes of this process in memory, with the shared libraries that it touched (RSS)."""
    size: int = psutil.Process().memory_info().rss
    return size


def sample_question() -> Question:
    """One of everything: a picture of 256 pixels, two words' worth of text, a second of sound.

    Made by the standard library, so that making it loads nothing that answering does not.
    """
    return Question(
        image=_png(256), caption="a red fire engine on its way home", text="pompiers", audio=_wav()
    )


def _png(side: int) -> bytes:
    """Slopes of red, green and blue; format: https://www.w3.org/TR/png-3."""
    rows = b"".join(
        b"\0" + b"".join(bytes((x, y, (x + y) % 256)) for x in range(side)) for y in range(side)
    )
    header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(rows)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in chunks
    )


def _wav() -> bytes:
    """One second of a saw of 200 Hz at 16 kHz."""
    file = io.BytesIO()
    with wave.open(file, "wb") as made:
        made.setnchannels(1)
        made.setsampwidth(2)
        made.setframerate(16_000)
        made.writeframes(b"".join(struct.pack("<h", 200 * (i % 80) - 8000) for i in range(16_000)))
    return file.getvalue()
