"""Which class of machine a latency was measured on: what of a processor decides how fast it is.

No maker, no model, no host name: instruction sets, cores, and the libraries that use them.
"""

import os
import platform
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

import psutil
import torch

FLAGS: Mapping[str, str] = {
    "avx2": "avx2",
    "avx512_f": "avx512f",
    "avx_vnni": "avx_vnni",
    "avx512_vnni": "avx512_vnni",
    "avx512_bf16": "avx512_bf16",
    "avx512_fp16": "avx512_fp16",
    "amx_tile": "amx_tile",
    "amx_int8": "amx_int8",
    "amx_bf16": "amx_bf16",
    "amx_fp16": "amx_fp16",
    "neon": "asimd",
    "dot": "asimddp",
    "fp16_arith": "asimdhp",
    "i8mm": "i8mm",
    "bf16": "bf16",
    "sve": "sve",
}
"""Names of torch.cpu.get_capabilities to those of Linux, of x86 and then of ARM. Of the sources at
hand it alone knows AMX and bfloat16: numpy's table ends at AVX512, and /proc is Linux's."""

VNNI = ("avx_vnni", "avx512_vnni", "asimddp")
BF16 = ("avx512_bf16", "amx_bf16", "bf16")
FP16 = ("avx512_fp16", "amx_fp16", "asimdhp")
AMX = ("amx_int8", "amx_bf16", "amx_fp16")

LIBRARIES = ("torch", "onnxruntime", "openvino")

QUOTA = Path("/sys/fs/cgroup/cpu.max")
"""Where Linux says how much processor time a container may take."""


@dataclass(frozen=True)
class Machine:
    """A class of machines.

    Args:
        architecture: as `x86_64`.
        flags: instruction sets of FLAGS that it has, by Linux's names, sorted.
        logical: cores that this process may use.
        physical: of them, those that are not another one's second thread.
        libraries: name to version of what computes.
    """

    architecture: str
    flags: tuple[str, ...]
    logical: int
    physical: int
    libraries: Mapping[str, str]

    @property
    def vnni(self) -> bool:
        """Whether int8 products are added up in 32 bits, in one instruction."""
        return self._any(VNNI)

    @property
    def bf16(self) -> bool:
        """Whether it computes in bfloat16."""
        return self._any(BF16)

    @property
    def fp16(self) -> bool:
        """Whether it computes in float16."""
        return self._any(FP16)

    @property
    def amx(self) -> bool:
        """Whether it multiplies tiles of matrices."""
        return self._any(AMX)

    @property
    def name(self) -> str:
        """Short, for cards and rows: `x86_64-avx2-2`, `x86_64-avx512-vnni-bf16-amx-8`."""
        widest = ("avx512f", "avx2", "sve", "asimd")
        vector = next((flag for flag in widest if flag in self.flags), "plain")
        more = [name for name in ("vnni", "bf16", "amx") if getattr(self, name)]
        parts = [self.architecture, vector.removesuffix("f"), *more, str(self.logical)]
        return "-".join(parts)

    def plain(self) -> dict[str, Any]:
        """As JSON types, the short name first."""
        return {
            "name": self.name,
            **asdict(self),
            "flags": list(self.flags),
            "libraries": dict(self.libraries),
        }

    @classmethod
    def of(cls, plain: Mapping[str, Any]) -> "Machine":
        """From what `plain` made."""
        given = {name: value for name, value in plain.items() if name != "name"}
        return cls(**{**given, "flags": tuple(given["flags"])})

    def _any(self, wanted: tuple[str, ...]) -> bool:
        return any(flag in self.flags for flag in wanted)


def machine_class() -> Machine:
    """The class of this machine, as far as this process may use it."""
    told = torch.cpu.get_capabilities()
    logical = _cores()
    return Machine(
        architecture=platform.machine(),
        flags=tuple(sorted(FLAGS[name] for name in FLAGS if told.get(name) is True)),
        logical=logical,
        physical=min(psutil.cpu_count(logical=False) or logical, logical),
        libraries={name: metadata.version(name) for name in LIBRARIES},
    )


def gate(measured: Machine, here: Machine) -> str | None:
    """Whether a latency measured on one class may be held against a budget on another.

    Returns:
        None where it may; else in words why it must be measured again.
    """
    pairs = {
        "architecture": (measured.architecture, here.architecture),
        "instruction sets": (_listed(measured), _listed(here)),
        "cores": (measured.logical, here.logical),
        "physical cores": (measured.physical, here.physical),
    } | {
        name: (measured.libraries.get(name, "absent"), here.libraries.get(name, "absent"))
        for name in LIBRARIES
    }
    differ = [f"{name} {old} -> {new}" for name, (old, new) in pairs.items() if old != new]
    if not differ:
        return None
    return (
        f"measured on {measured.name}, here is {here.name} ({'; '.join(differ)}): latencies cannot "
        "be compared, measure again"
    )


def fallback(technique: str, machine: Machine) -> str | None:
    """In words, what a technique does here instead of what it was made for; None if nothing.

    Args:
        technique: a name of models.compression.order.
        machine: where it will run.
    """
    match technique:
        case "bf16" | "openvino_bf16" if not machine.bf16:
            return f"{machine.name} has no bfloat16: computed in float32, correct but no faster"
        case "fp16" if not machine.fp16:
            return f"{machine.name} has no float16: stored in half, computed in float32"
        case "ort_fp16":
            return "onnxruntime has no float16 on processors: stored in half, computed in float32"
        case "ort_dynamic_int8" | "ort_static_int8" | "openvino_int8" if not machine.vnni:
            return (
                f"{machine.name} has no VNNI: weights keep to 7 bits, since sums of 16 bits would "
                "overflow; expect 1 to 2 times the speed, not 2 to 4"
            )
        case "torchao_int8" | "qat" if not machine.vnni:
            return f"{machine.name} has no VNNI: integers save bytes here, hardly any time"
    return None


def _listed(machine: Machine) -> str:
    return "+".join(machine.flags) or "none"


def _cores() -> int:
    """As many as affinity and, on Linux, the container's quota allow; at least 1."""
    if not hasattr(os, "sched_getaffinity"):
        return psutil.cpu_count() or 1
    allowed = len(os.sched_getaffinity(0))
    try:
        quota, period = QUOTA.read_text().split()
        return max(min(allowed, int(quota) // int(period)), 1)
    except (OSError, ValueError):  # no such file, or "max": no quota
        return allowed
