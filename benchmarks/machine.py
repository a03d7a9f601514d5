"""What all benchmarks say of the machine, and where their tables go."""

from __future__ import annotations

import os
import platform
import re
from pathlib import Path

ROOT = Path(__file__).parent.parent


def machine() -> str:
    """Processor, cores, load of the last minute, Python."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        name = next(line.partition(": ")[2] for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        name = platform.processor() or platform.machine()
    load = f", load {os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else ""
    return f"{name}, {os.cpu_count()} cores{load}; Python {platform.python_version()}"


def put_into_readmes(name: str, table: str) -> None:
    """Replace what stands between `<!-- NAME -->` and `<!-- /NAME -->` in both READMEs."""
    for file in (ROOT / "README.md", ROOT / "README.ja.md"):
        text = file.read_text("utf-8")
        pattern = re.compile(f"(<!-- {name} -->\n).*?(<!-- /{name} -->)", re.DOTALL)
        file.write_text(pattern.sub(lambda match: f"{match[1]}{table}\n{match[2]}", text), "utf-8")
