"""The fast path on a CPU: kernels and a whole model's step in C++, compiled at first use and called through ctypes."""

from bot.engine.local.native.forward import NativeForward, native_forward
from bot.engine.local.native.kernels import NativeKernels, native_kernels

__all__ = ["NativeForward", "NativeKernels", "native_forward", "native_kernels"]
