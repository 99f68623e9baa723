"""How long one call takes: warmed up, synchronised, every call timed, on a machine that is watched.

Nothing here knows the study's models. A callable goes in, and in tests a clock.
"""

from __future__ import annotations

from .interleave import Ratio, Turn, interleave, paired_ratio
from .machine import Machine, describe_machine
from .memory import peak_mb, resident_mb
from .operators import OpTime, parse_openvino_profile, parse_ort_profile
from .quiet import Check, QuietLimits, Watch, reference_workload
from .timing import PROTOCOLS, Protocol, Steady, Timing, nothing_to_wait_for, summarise, time_calls, warm_up

__all__ = [
    "PROTOCOLS",
    "Check",
    "Machine",
    "OpTime",
    "Protocol",
    "QuietLimits",
    "Ratio",
    "Steady",
    "Timing",
    "Turn",
    "Watch",
    "describe_machine",
    "interleave",
    "nothing_to_wait_for",
    "paired_ratio",
    "parse_openvino_profile",
    "parse_ort_profile",
    "peak_mb",
    "reference_workload",
    "resident_mb",
    "summarise",
    "time_calls",
    "warm_up",
]
