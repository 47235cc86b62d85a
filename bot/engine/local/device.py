"""What the machine has: which device and dtype to use, how many cores, how much memory."""

from __future__ import annotations

import os
from pathlib import Path

import torch

from bot.engine.base import EngineRefused
from bot.engine.local.settings import LocalSettings

DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}
BF16_FLAGS = frozenset({"avx512_bf16", "amx_bf16", "bf16"})
"""Instructions for products of bfloat16, as Linux names them (the last is Arm's)."""
_CPUINFO = Path("/proc/cpuinfo")
_MEMINFO = Path("/proc/meminfo")
_CGROUP_MEMORY = (
    (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory.current"), Path("/sys/fs/cgroup/memory.stat")),
    (
        Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"),
        Path("/sys/fs/cgroup/memory/memory.usage_in_bytes"),
        Path("/sys/fs/cgroup/memory/memory.stat"),
    ),
)


def device_of(settings: LocalSettings) -> torch.device:
    """The device that is asked for. Raises `EngineRefused` where there is none."""
    cuda = torch.cuda.is_available()
    if settings.device == "cuda" and not cuda:
        raise EngineRefused(
            "The engine's device is set to cuda, but torch sees no GPU here. Install the driver and a torch with CUDA, "
            'or set the device to "auto".',
            field="device",
        )
    if cuda and settings.device != "cpu":
        return torch.device("cuda", torch.cuda.current_device())
    return torch.device("cpu")


def dtype_of(settings: LocalSettings, device: torch.device, own: torch.dtype | None) -> torch.dtype:
    """The dtype to compute in: what is asked for, or what suits `device` and a model whose `own` dtype is given."""
    if settings.dtype != "auto":
        return DTYPES[settings.dtype]
    if device.type == "cuda":
        if own is torch.float16:
            return torch.float16
        return torch.bfloat16 if torch.cuda.is_bf16_supported(including_emulation=False) else torch.float16
    return torch.bfloat16 if BF16_FLAGS & _cpu_flags() else torch.float32


def use_threads(settings: LocalSettings) -> int:
    """Let torch compute with as many threads as set, or as there are physical cores for this process."""
    threads = settings.threads or physical_cores()
    torch.set_num_threads(threads)
    return threads


def physical_cores() -> int:
    """Cores that this process may use, each counted once however many threads it runs; at least 1."""
    allowed = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else set(range(os.cpu_count() or 1))
    cores = {core for number, core in _topology().items() if number in allowed}
    return max(1, min(len(cores) or len(allowed), _quota(len(allowed))))


def _topology() -> dict[int, tuple[str, str]]:
    """(package, core) of each logical processor, where Linux says so."""
    cores: dict[int, tuple[str, str]] = {}
    for stanza in _read(_CPUINFO).split("\n\n"):
        fields = dict(_pair(line) for line in stanza.splitlines() if ":" in line)
        if "core id" in fields and "processor" in fields:
            cores[int(fields["processor"])] = (fields.get("physical id", "0"), fields["core id"])
    return cores


def _quota(default: int) -> int:
    """Whole processors that a container's limit of time leaves."""
    limit, _, period = _read(Path("/sys/fs/cgroup/cpu.max")).partition(" ")
    if not limit.strip().isdigit() or not period.strip().isdigit():
        return default
    return max(1, int(limit) // int(period))


def _cpu_flags() -> frozenset[str]:
    for line in _read(_CPUINFO).splitlines():
        name, value = _pair(line)
        if name in {"flags", "Features"}:
            return frozenset(value.split())
    return frozenset()


def available_memory() -> int:
    """Bytes that this process can still take without others suffering: of the machine, or of its container."""
    return max(0, min(_machine_memory(), _container_memory()))


def _machine_memory() -> int:
    for line in _read(_MEMINFO).splitlines():
        name, value = _pair(line)
        if name == "MemAvailable":
            return int(value.split()[0]) * 1024
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2
    except (AttributeError, ValueError, OSError):
        return 4 << 30  # a system that does not tell, such as Windows: what any machine for this has


def _container_memory() -> int:
    """What a control group's limit leaves, pages of files that can be dropped not counted as used."""
    for limit, used, statistics in _CGROUP_MEMORY:
        most, now = _read(limit).strip(), _read(used).strip()
        if most.isdigit() and now.isdigit():
            dropped = [line.split()[1] for line in _read(statistics).splitlines() if line.startswith("inactive_file ")]
            return int(most) - int(now) + sum(map(int, dropped))
    return 1 << 62


def _pair(line: str) -> tuple[str, str]:
    name, _, value = line.partition(":")
    return name.strip(), value.strip()


def _read(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:
        return ""
