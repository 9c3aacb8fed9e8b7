"""How kernels are compiled, kept on disk, and run by several threads: what is said here, no kernel has to know.

This is the one folder that knows Numba's private names, LLVM's language, and threads. Kernels write leaves and drivers,
whose rules `jit` and `drivers` explain.

Read the files in this order: `jit` (with `cache` and `progress`), `atomics`, `team`, `binding`, `drivers`,
`registers`, `memory`, `process`.
"""

from ghostnp.kernels.runtime import memory
from ghostnp.kernels.runtime.drivers import (
    FEW,
    SHARES,
    Launch,
    Program,
    Scratch,
    bounds,
    driver,
    empty,
    recording,
    shares_for,
    zeros,
)
from ghostnp.kernels.runtime.jit import leaf
from ghostnp.kernels.runtime.process import apply_settings, settings
from ghostnp.kernels.runtime.team import set_threads, threads

__all__ = [
    "FEW",
    "SHARES",
    "Launch",
    "Program",
    "Scratch",
    "apply_settings",
    "bounds",
    "driver",
    "empty",
    "leaf",
    "memory",
    "recording",
    "set_threads",
    "settings",
    "shares_for",
    "threads",
    "zeros",
]
