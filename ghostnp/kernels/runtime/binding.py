"""Binding: how a call from Python becomes a launch: addresses of code and of arguments, and a number of shares.

A driver's function is compiled as usual, ``work(share, shares, *arguments)``. Around it stand two small functions,
written here in LLVM's language, since Numba has no words for an address:

    share(number, where)                      takes the arguments from memory, and calls work(number, ...)
    launch(receiver, shares, *arguments)      writes the arguments to memory, and hands `share` to the receiver

Python calls the second one, as if it were the driver. A *receiver* is the address of some words, the first of which is
again the address of a function (receiver, share, where, shares, size). A team's has all shares done (see `team`), and a
recording's keeps the launch for later (see `drivers`); the arguments are `size` bytes on the caller's stack.

A share returns 0, or the address of Numba's description of what it raised. The receiver returns one of those, and from
there on it is an error like any other.
"""

from llvmlite import ir
from numba.core import cgutils, types
from numba.core.callconv import RETCODE_USEREXC, excinfo_ptr_t
from numba.core.callwrapper import PyCallWrapper
from numba.core.compiler_machinery import register_pass
from numba.core.lowering import Lower
from numba.core.typed_passes import NativeLowering
from numba.extending import intrinsic

from ghostnp.kernels.runtime.atomics import RECEIVER, SHARE, WORD

__all__ = ["ShareLowering", "raise_error"]


class _Lower(Lower):
    """Writes a driver's machine code, with `launch` as what Python calls."""

    def create_cpython_wrapper(self, release_gil=False):
        """Write `share`, `launch`, and the call of `launch` from Python."""
        module = self.context.create_module("launch")
        launch = self._launch(module, self._share(module))
        # Numba's own: takes Python's objects apart, lets go of the interpreter, and raises an error.
        PyCallWrapper(self.context, module, launch, self.fndesc, self.env, self.call_helper, release_gil).build()
        self.library.add_ir_module(module)
        self.library.private.add(self.fndesc.llvm_func_name)

    def _function(self, module, kind, name):
        function = ir.Function(module, kind, f"{self.fndesc.llvm_func_name}.{name}")
        function.linkage = "internal"
        return function, ir.IRBuilder(function.append_basic_block())

    def _structure(self):
        """How arguments lie in memory: all but the share's number, one after the other."""
        return ir.LiteralStructType([self.context.get_value_type(kind) for kind in self.fndesc.argtypes[1:]])

    def _share(self, module):
        function, builder = self._function(module, SHARE, "share")
        number, where = function.args
        arguments = builder.load(builder.bitcast(where, self._structure().as_pointer()), align=8)
        values = [builder.extract_value(arguments, i) for i in range(len(self.fndesc.argtypes) - 1)]
        work = self.context.declare_function(module, self.fndesc)
        status, _ = self.context.call_conv.call_function(
            builder, work, self.fndesc.restype, self.fndesc.argtypes, [number, *values]
        )
        raised = builder.ptrtoint(status.excinfoptr, WORD)
        builder.ret(builder.select(status.is_error, raised, WORD(0)))
        return function

    def _launch(self, module, share):
        conventions, kinds = self.context.call_conv, self.fndesc.argtypes
        function, builder = self._function(module, conventions.get_function_type(self.fndesc.restype, kinds), "launch")
        packer = self.context.get_arg_packer(kinds)
        receiver, *values = packer.from_arguments(builder, conventions.get_arguments(function))
        structure = self._structure()
        arguments = ir.Constant(structure, ir.Undefined)
        for i, (kind, value) in enumerate(zip(kinds[1:], values, strict=True)):
            arguments = builder.insert_value(arguments, self._without_owners(builder, kind, value), i)
        where = cgutils.alloca_once(builder, structure)
        builder.store(arguments, where, align=8)
        receive = builder.load(builder.inttoptr(receiver, RECEIVER.as_pointer().as_pointer()))
        size = WORD(self.context.get_abi_sizeof(structure))
        addresses = builder.ptrtoint(share, WORD), builder.ptrtoint(where, WORD)
        raised = builder.call(receive, [receiver, *addresses, values[0], size])
        _return_if_raised(conventions, builder, raised)
        conventions.return_native_none(builder)
        return function

    def _without_owners(self, builder, kind, value):
        """The same arrays, without the object that counts their references.

        A recorded launch outlives it. And a work function would count every slice it takes, all threads at once.
        """
        if isinstance(kind, types.Array):
            array = self.context.make_array(kind)(self.context, builder, value)
            array.meminfo = ir.Constant(array.meminfo.type, None)
            return array._getvalue()
        if isinstance(kind, types.BaseTuple):
            for i, part in enumerate(kind.types):
                inner = self._without_owners(builder, part, builder.extract_value(value, i))
                value = builder.insert_value(value, inner, i)
        return value


@register_pass(mutates_CFG=True, analysis_only=False)
class ShareLowering(NativeLowering):
    """What Numba's compiler does last, with the functions above."""

    _name = "share_lowering"
    lowering_class = _Lower


def _return_if_raised(conventions, builder, raised):
    with cgutils.if_unlikely(builder, builder.icmp_unsigned("!=", raised, WORD(0))):
        builder.store(builder.inttoptr(raised, excinfo_ptr_t), builder.function.args[1])
        builder.ret(RETCODE_USEREXC)


@intrinsic
def raise_error(_, raised):
    """Raise what a share raised; nothing, if that is 0."""

    def build(context, builder, signature, arguments):
        _return_if_raised(context.call_conv, builder, arguments[0])
        return context.get_dummy_value()

    return types.void(types.int64), build
