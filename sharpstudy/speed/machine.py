"""The machine by name: what a latency belongs to."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

LIBRARIES = ("torch", "onnxruntime", "openvino", "opencv-python", "numpy")
FLAGS = {  # what fast kernels ask for, by the names that Linux gives them
    "avx2": "AVX2",
    "avx512f": "AVX-512",
    "avx512_vnni": "VNNI",
    "avx_vnni": "AVX-VNNI",
    "avx512_bf16": "BF16",
    "amx_int8": "AMX",
    "asimd": "NEON",
    "asimddp": "dot product",
    "i8mm": "I8MM",
}


@dataclass(frozen=True)
class Machine:
    """Processor, cores that this process may use, vector instructions, memory, system, versions."""

    processor: str
    cores: int
    instructions: tuple[str, ...]
    memory_gb: float | None
    system: str
    python: str
    libraries: dict[str, str]

    @property
    def label(self) -> str:
        """One line for a table's column."""
        return (
            f"{self.processor}, {self.cores} cores, {' '.join(self.instructions) or 'plain'}, {self.system}"
        )

    def rows(self) -> list[dict[str, str]]:
        """What is known as rows of name and value."""
        memory = "unknown" if self.memory_gb is None else f"{self.memory_gb:.0f} GiB"
        facts = {
            "processor": self.processor,
            "cores": str(self.cores),
            "instructions": " ".join(self.instructions) or "unknown",
            "memory": memory,
            "system": self.system,
            "Python": self.python,
            **self.libraries,
        }
        return [{"name": name, "value": value} for name, value in facts.items()]


def describe_machine() -> Machine:
    """The machine that this process runs on; host names and users are left out."""
    facts = _cpu_facts()
    return Machine(
        processor=facts.get("model name") or _processor_name(),
        cores=allowed_cores(),
        instructions=_instructions(facts.get("flags") or facts.get("Features") or ""),
        memory_gb=_memory_gb(),
        system=f"{platform.system()} {platform.machine()}",
        python=platform.python_version(),
        libraries={name: found for name in LIBRARIES if (found := _version(name))},
    )


def allowed_cores() -> int:
    """The cores that the system lets this process use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _cpu_facts() -> dict[str, str]:
    """The first processor's lines of /proc/cpuinfo, empty elsewhere than on Linux."""
    path = Path("/proc/cpuinfo")
    if not path.exists():
        return {}
    first = path.read_text(encoding="utf-8", errors="replace").split("\n\n")[0]
    pairs = (line.partition(":") for line in first.splitlines())
    return {name.strip(): value.strip() for name, _, value in pairs}


def _processor_name() -> str:
    if sys.platform == "darwin":
        asked = ["sysctl", "-n", "machdep.cpu.brand_string"]
        answer = subprocess.run(asked, capture_output=True, text=True, check=False)
        return answer.stdout.strip() or platform.machine()
    return platform.processor() or platform.machine() or "unknown"


def _instructions(flags: str) -> tuple[str, ...]:
    there = set(flags.split())
    if not there:
        there = {"asimd"} if platform.machine() in ("arm64", "aarch64") else set()
    return tuple(name for flag, name in FLAGS.items() if flag in there)


def _memory_gb() -> float | None:
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    except (AttributeError, ValueError, OSError):  # Windows has no sysconf
        return None


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None
