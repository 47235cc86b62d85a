"""`python -m bench [NAME ...]`: run the measurements (all, or those named), each in a process of its own."""

from __future__ import annotations

import ast
import os
import platform
import subprocess
import sys
from pathlib import Path

MEASUREMENTS: dict[str, tuple[str, ...]] = {
    "acknowledge": (),
    "latency": (),
    "answers": (),
    "widget": (),
    "knowledge": (),
    "cut": (),
    "hostile": (),
    "visitors": (),
    "kill": (),
    "slack_events": (),
    "slack_kill": (),
    "slack_storm": (),
    "slack_acknowledge": (),
    "slack_hostile": (),
    "telegram_events": (),
    "telegram_kill": (),
    "telegram_budgets": (),
    "telegram_hostile": (),
    "telegram_latency": (),
    "first_run": (),
    "engine": (),
    "engine_load": (),
    "engine_soak": (),
    "gpu": (),
}


def usage() -> str:
    """The measurements with what each is; `python -m bench.NAME --help` has the options of one."""
    sources = {name: (Path(__file__).parent / f"{name}.py").read_text("utf-8") for name in MEASUREMENTS}
    about = {
        name: (ast.get_docstring(ast.parse(source)) or "").partition(": `")[0].partition("\n")[0]
        for name, source in sources.items()
    }
    lines = [f"  {name:<20}{about[name]}" for name in MEASUREMENTS]
    return "\n".join(["python -m bench [NAME ...]: run all measurements, or those named.", "", *lines])


def main() -> int:
    if {"-h", "--help"} & set(sys.argv[1:]):
        print(usage())
        return 0
    names = sys.argv[1:] or list(MEASUREMENTS)
    unknown = [name for name in names if name not in MEASUREMENTS]
    if unknown:
        print(f"There is no measurement {unknown[0]}. There are: {', '.join(MEASUREMENTS)}.", file=sys.stderr)
        return 2
    print(f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}, {platform.system()}\n")
    failed = []
    for name in names:
        print(f"── {name} " + "─" * (60 - len(name)), flush=True)
        if subprocess.run([sys.executable, "-m", f"bench.{name}", *MEASUREMENTS[name]], check=False).returncode:
            failed.append(name)
        print(flush=True)
    if failed:
        print(f"Not finished or below its bar: {', '.join(failed)}", file=sys.stderr)
    return bool(failed)


if __name__ == "__main__":
    sys.exit(main())
