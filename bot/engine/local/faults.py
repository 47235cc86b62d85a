"""What goes wrong in a step, told apart without torch, and in words that a person can act upon."""

from __future__ import annotations

_CPU_ALLOCATOR = "DefaultCPUAllocator"


def is_out_of_memory(error: BaseException) -> bool:
    """Whether memory was short: `torch.OutOfMemoryError` by its name, Python's own, or what torch says on a CPU."""
    names = {kind.__name__ for kind in type(error).__mro__}
    return bool(names & {"OutOfMemoryError", "MemoryError"}) or _CPU_ALLOCATOR in str(error)


def told(error: BaseException) -> str:
    """An error in one line: its kind and the first line of its text."""
    text = str(error).strip().partition("\n")[0][:300]
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
