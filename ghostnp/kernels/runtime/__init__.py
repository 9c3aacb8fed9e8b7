"""How kernels are compiled, kept on disk, and run by several threads: kernels use it and need not know how it works.

This is the one folder that knows Numba's private names, LLVM's language, and threads. A kernel is made of *leaves*
(loops over rows) and *drivers* (what one thread's share of the work is); `jit` and `drivers` have their rules.

Read the files in this order: `jit` (with `cache`, `interrupts` and `progress`), `atomics`, `team` (how long threads
spin, and when they sleep), `binding`, `drivers`, `ahead`, `rows`, `strips`, `flat`, `registers`, `memory`, `process`.

A new environment variable is read in the file that it is for, as `team` and `memory` do, and a value that it cannot
have is a ValueError. `process.settings` says what is in force, and "Settings" in the README lists it.
"""

from ghostnp.kernels.runtime import memory
from ghostnp.kernels.runtime.ahead import compile_ahead
from ghostnp.kernels.runtime.drivers import (
    FEW,
    SHARES,
    Launch,
    Program,
    Scratch,
    bounds,
    driver,
    empty,
    number_in,
    pieces_for,
    recorded,
    recording,
    shares_for,
    side_by_side,
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
    "compile_ahead",
    "driver",
    "empty",
    "leaf",
    "memory",
    "number_in",
    "pieces_for",
    "recorded",
    "recording",
    "set_threads",
    "settings",
    "shares_for",
    "side_by_side",
    "threads",
    "zeros",
]
