"""How much memory this process holds, and held at most, from the system itself."""

from __future__ import annotations

import sys
from pathlib import Path

STATUS = Path("/proc/self/status")


def peak_mb() -> float:
    """The most resident memory that this process has had, in MiB.

    On Linux from the process's own status: getrusage would carry over what the parent held when it forked.
    """
    if STATUS.exists():
        return _status_mb("VmHWM")
    if sys.platform == "win32":
        return _windows_mb("PeakWorkingSetSize")
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 2**20 if sys.platform == "darwin" else peak / 2**10


def resident_mb() -> float:
    """The resident memory of this process at present, in MiB; its peak where the system tells no more."""
    if STATUS.exists():
        return _status_mb("VmRSS")
    if sys.platform == "win32":
        return _windows_mb("WorkingSetSize")
    return peak_mb()


def _status_mb(field: str) -> float:
    for line in STATUS.read_text(encoding="ascii", errors="replace").splitlines():
        if line.startswith(f"{field}:"):
            return int(line.split()[1]) / 2**10
    raise ValueError(f"memory: expected a line {field} in {STATUS}, found none")


def _windows_mb(field: str) -> float:
    import ctypes
    from ctypes import wintypes

    names = ("PeakWorkingSetSize", "WorkingSetSize", *(f"unused{number}" for number in range(6)))
    fields = [("cb", wintypes.DWORD), ("PageFaultCount", wintypes.DWORD)]
    counters = type(
        "Counters",
        (ctypes.Structure,),
        {"_fields_": fields + [(name, ctypes.c_size_t) for name in names]},
    )()
    counters.cb = ctypes.sizeof(counters)
    kernel = ctypes.WinDLL("kernel32", use_last_error=True)
    kernel.GetCurrentProcess.restype = wintypes.HANDLE
    ask = kernel.K32GetProcessMemoryInfo
    ask.argtypes = [wintypes.HANDLE, ctypes.c_void_p, wintypes.DWORD]
    if not ask(kernel.GetCurrentProcess(), ctypes.byref(counters), counters.cb):
        raise ctypes.WinError(ctypes.get_last_error())
    return getattr(counters, field) / 2**20
