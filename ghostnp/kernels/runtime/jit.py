"""How kernels are compiled, and the one home of compiler flags.

Two kinds of compiled function make up the kernels:

- a *leaf* is a loop over contiguous rows. It allocates nothing and holds no references, so Numba's reference counting
  is left out of it (worth a factor 1.7 on short rows);
- a *driver* (see `drivers`) does one share of the work: some channels, or some blocks. It is compiled like any other
  function, without Numba's parallel loops, and a team of threads calls it once for each share.

Three things that cost speed without a word, for whoever writes another one: a literal number handed to a leaf compiles
it a second time (hand over ``dtype.type(0)``), a leaf whose output is also an input is not vectorised, and neither is
one that indexes ``row[first + p]`` (slice first, then count from 0).
"""

import gc
import uuid
from contextlib import contextmanager
from functools import cached_property

import numba
from llvmlite.binding import Linkage
from numba._dynfunc import make_function
from numba.core import sigutils
from numba.core.ccallback import CFunc
from numba.core.codegen import JITCodeLibrary
from numba.core.compiler import CompilerBase, DefaultPassBuilder
from numba.core.compiler_machinery import register_pass
from numba.core.registry import CPUDispatcher
from numba.core.typed_passes import NativeLowering

from ghostnp.kernels.runtime.cache import keep_on_disk
from ghostnp.kernels.runtime.interrupts import uninterrupted
from ghostnp.kernels.runtime.progress import watch

__all__ = ["JIT", "compile_shares", "leaf", "native"]

JIT = not numba.config.DISABLE_JIT

# Sums may be reordered and contracted, which is what lets a reduction use vector registers. "nnan" and "ninf" are left
# out on purpose: NaN and infinity have to come through a kernel as they come through its definition.
_FLAGS = {"fastmath": {"reassoc", "contract", "nsz", "arcp"}, "error_model": "numpy", "no_cfunc_wrapper": True}

# A leaf is inlined into its drivers, so that it need not be kept on disk. The option is Numba's own and not documented;
# a version without it is as right, and slower.
_LEAF_FLAGS = {"_nrt": False} if hasattr(numba.core.options.DefaultOptions, "_nrt") else {}

# A function of this linkage may be in several object files, of which the linker takes one.
_ANY_COPY = {Linkage.linkonce_any, Linkage.linkonce_odr, Linkage.weak_any, Linkage.weak_odr}

# LLVM's passes: all three levels vectorise loops. The leaves in a driver have had the third already.
_DRIVER_LEVEL, _LEAF_LEVEL = 1, 3


class _OptimizedOnce(JITCodeLibrary):
    """Code over which LLVM's passes go once.

    Numba runs them on each function, on the module, and on the module again, so that it can leave out reference counts
    in between. Kernels have next to none, and took twice the time to compile.
    """

    level: int

    def _optimize_functions(self, module):
        module.data_layout = self._codegen._data_layout

    def _optimize_final_module(self):
        made = self._codegen._module_pass_manager(opt=self.level)
        passes, *builder = made if isinstance(made, tuple) else [made]  # Numba 0.61 has no builder
        passes.run(self._final_module, *builder)


class _SelfContained(_OptimizedOnce):
    """A driver's machine code, in which it calls its own copies of leaves.

    Otherwise it would call the copy that the process met first, be it the leaf's own or another driver's. Each was
    optimised where it stands, and may add in another order: bits would depend on whether a kernel was compiled or read
    from the disk, and on which kernels came before it.

    The copies get names that nothing else has. Once they belong to one caller, LLVM may pass their arguments in a way
    of its own, and its linker finds even such a function by its name: code compiled elsewhere, with a copy of the same
    leaf, or of one of Numba's own functions, would call this one, and crash.
    """

    level = _DRIVER_LEVEL

    def __init__(self, codegen, name):
        super().__init__(codegen, name)
        self.enable_object_caching()
        self.private = set()  # names of more functions that are called from inside alone

    def _optimize_final_module(self):
        unique = uuid.uuid4().hex
        for function in self._final_module.functions:
            if function.linkage in _ANY_COPY or function.name in self.private:
                function.linkage = Linkage.internal
            if function.linkage == Linkage.internal:
                function.name = f"{function.name}.{unique}"
        super()._optimize_final_module()


class _Inlined(_OptimizedOnce):
    """A leaf's code: optimised, and never made machine code, since each driver has its own copy inside.

    It is optimised without the leaves that it calls. These are put beside it where it is called, or each of them would
    be optimised again for every leaf on the way to the driver.
    """

    level = _LEAF_LEVEL

    def __init__(self, codegen, name):
        super().__init__(codegen, name)
        self._called = {}  # libraries, each once

    def add_linking_library(self, library):
        library._ensure_finalized()
        self._called[library] = True

    def _get_module_for_linking(self):
        if self._shared_module is None:
            module = super()._get_module_for_linking().clone()
            for library in self._called:
                module.link_in(library._get_module_for_linking(), preserve=True)
            self._shared_module = module
        return self._shared_module

    def _finalize_final_module(self):
        self._finalize_dynamic_globals()
        self._finalized = True


@register_pass(mutates_CFG=True, analysis_only=False)
class _LeafLowering(NativeLowering):
    """Numba's last step for a function that nothing calls by its address."""

    _name = "leaf_lowering"

    def run_pass(self, state):
        state.flags.no_compile = True
        super().run_pass(state)
        code = state.cr.fndesc
        # What a dispatcher wants to have: Python's function, but of the address 0.
        function = make_function(code.lookup_module(), code.qualname, "", 0, state.cr.env, (state.library,))
        state.targetctx.insert_user_function(function, code, [state.library])
        state.cr = state.cr._replace(cfunc=function)
        return True


class _Leaf(CPUDispatcher):
    """Called from Python, as tests do, a leaf is compiled once more: as a function of its own."""

    def __call__(self, *arguments):
        return self._alone(*arguments)

    @cached_property
    def _alone(self):
        return numba.njit(**_FLAGS, **_LEAF_FLAGS)(self.py_func)


def leaf(function):
    """Compile a loop over rows: no allocation inside, called from compiled code."""
    if not JIT:
        return function
    flags = _FLAGS | _LEAF_FLAGS | {"no_cpython_wrapper": True, "pipeline_class": _pipeline(_Inlined, _LeafLowering)}
    compiled = numba.njit(**flags)(function)
    compiled.__class__ = _Leaf
    return compiled


class _Native:
    def __init__(self, function, signature):
        self._function, self._signature = function, signature

    @cached_property
    def _compiled(self):
        signature = sigutils.normalize_signature(self._signature)
        compiled = CFunc(
            self._function, signature, {}, {"error_model": "numpy"}, pipeline_class=_pipeline(_SelfContained)
        )
        keep_on_disk(compiled, self._function)
        with uninterrupted():
            compiled.compile()
        return compiled

    @property
    def address(self):
        """Where the machine code is."""
        return self._compiled.address

    def __call__(self, *words):
        """Call it from Python, without the interpreter's lock."""
        return self._compiled.ctypes(*words)


def native(signature):
    """Make a function of words one that other compiled code can call by its `address`; compiled when first needed."""
    return lambda function: _Native(function, signature)


class _Uninterrupted(CPUDispatcher):
    """Compiled to the end, or not begun."""

    def compile(self, sig):
        with uninterrupted():
            return super().compile(sig)


def compile_shares(function, lowering=NativeLowering):
    """Compile a driver's function, or one that calls drivers; `lowering` writes its machine code."""
    compiled = numba.njit(**_FLAGS, nogil=True, pipeline_class=_pipeline(_SelfContained, lowering))(function)
    compiled.__class__ = _Uninterrupted
    keep_on_disk(compiled, function)
    watch(compiled)
    return compiled


@contextmanager
def _nothing_collected():
    """Leave cyclic garbage for later: Python would look for it among all that a compiler makes, again and again."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def _pipeline(library, lowering=NativeLowering):
    """Numba's own steps from a function to machine code, with another library or another last step."""

    class Pipeline(CompilerBase):
        def __init__(self, typing, target, _, *rest):
            super().__init__(typing, target, library(target.codegen(), "kernels"), *rest)

        def compile_extra(self, function):
            with _nothing_collected():
                return super().compile_extra(function)

        def define_pipelines(self):
            passes = DefaultPassBuilder.define_nopython_pipeline(self.state)
            passes.passes = [(lowering if kind is NativeLowering else kind, text) for kind, text in passes.passes]
            passes.finalize()
            return [passes]

    return Pipeline
