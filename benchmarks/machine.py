"""The machine and the software of a measurement, in general terms."""

import os
import platform
from importlib.metadata import version
from pathlib import Path

CPU_INFO = Path("/proc/cpuinfo")
PACKAGES = ("torch", "numpy", "torch-fidelity")


def describe_machine() -> dict[str, str]:
    """Return processor, cores, load at this time, and versions."""
    import torch

    import facegen

    load = os.getloadavg()[0]
    return {
        "processor": f"{processor_name()}, {torch.backends.cpu.get_cpu_capability()}",
        "cores": str(os.cpu_count()),
        "load": f"{load:.1f}",
        "system": f"{platform.system()} {platform.machine()}, Python {platform.python_version()}",
        "versions": ", ".join([f"facegen {facegen.__version__}", *(f"{name} {version(name)}" for name in PACKAGES)]),
    }


def processor_name() -> str:
    """Return the model name of the processor, as the system gives it."""
    if CPU_INFO.exists():
        for line in CPU_INFO.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
