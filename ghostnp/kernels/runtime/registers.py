"""The innermost block of every matrix product, held in vector registers.

A compiler keeps one sum in a register while a loop runs, but not 8 rows of them: written as loops, each product would
be added to memory. Here the loop is spelled out in the compiler's own language, LLVM's, with one vector of sums for
each row. A step loads one vector of x and 8 numbers of w for 8 vectors of products, and stores nothing.
"""

from llvmlite import ir
from numba.core import types
from numba.core.codegen import get_host_cpu_features
from numba.extending import intrinsic, overload

ROWS = 8
# Bytes in a vector of sums. 8 of them take half of a processor's registers: of AVX-512's 32 of 64 bytes, two of which
# make a vector then, of AVX2's 16 of 32 bytes, or of NEON's 32 of 16 bytes.
VECTOR = 128 if "+avx512f" in get_host_cpu_features() else 32
ALIGNMENT = 4  # a vector may begin at any number
_FLAGS = ("contract",)  # a product and a sum in one instruction


def multiply_block(w, m, k_step, m_step, rows, x, p, pitch, depth, sums, width):
    """sums[r, p:p+n] = Σ_k w[r, k] · x[k, p:p+n], for 8 rows r and the n numbers of a vector.

    All three are flat: w[r, k] is w[m + r·m_step + k·k_step], x[k, p] is x[k·pitch + p], and sums[r, p] is
    sums[r·width + p]. Where w has less than 8 `rows`, the last one is repeated.
    """
    n = VECTOR // x.itemsize
    for r in range(ROWS):
        row = m + min(r, rows - 1) * m_step
        total = sums[r * width + p : r * width + p + n]
        total[:] = 0
        for k in range(depth):
            total += w[row + k * k_step] * x[k * pitch + p : k * pitch + p + n]


@overload(multiply_block)
def _compiled(w, m, k_step, m_step, rows, x, p, pitch, depth, sums, width):
    def call(w, m, k_step, m_step, rows, x, p, pitch, depth, sums, width):
        _multiply_block(w, m, k_step, m_step, rows, x, p, pitch, depth, sums, width)

    return call


@intrinsic
def _multiply_block(_, w, m, k_step, m_step, rows, x, p, pitch, depth, sums, width):
    index = types.intp
    signature = types.void(w, index, index, index, index, x, index, index, index, sums, index)
    return signature, _build_block


def _build_block(context, builder, signature, arguments):
    """Write `multiply_block` with LLVM's instructions: a loop over k, which carries one vector of sums for each row."""
    w, m, k_step, m_step, rows, x, p, pitch, depth, sums, width = arguments
    w, x, sums = (
        context.make_array(kind)(context, builder, array).data
        for kind, array in ((signature.args[0], w), (signature.args[5], x), (signature.args[9], sums))
    )
    number = w.type.pointee
    vector = ir.VectorType(number, VECTOR // context.get_abi_sizeof(number))
    lane, undefined = ir.IntType(32), ir.Constant(vector, ir.Undefined)
    everywhere = ir.Constant(ir.VectorType(lane, vector.count), None)

    def at(pointer, begin, count, step):
        return builder.gep(pointer, [builder.add(begin, builder.mul(count, step))])

    def vector_at(pointer, begin, count, step):
        return builder.bitcast(at(pointer, begin, count, step), vector.as_pointer())

    numbers = [p.type(r) for r in range(ROWS)]
    last = builder.sub(rows, p.type(1))
    starts = [at(w, m, builder.select(builder.icmp_signed("<", r, last), r, last), m_step) for r in numbers]

    entry, head = builder.block, builder.append_basic_block("head")
    body, end = builder.append_basic_block("body"), builder.append_basic_block("end")
    builder.branch(head)

    builder.position_at_end(head)
    k, totals = builder.phi(p.type), [builder.phi(vector) for _ in range(ROWS)]
    builder.cbranch(builder.icmp_signed("<", k, depth), body, end)

    builder.position_at_end(body)
    xs = builder.load(vector_at(x, p, k, pitch), align=ALIGNMENT)
    following = [builder.add(k, p.type(1))]
    for start, total in zip(starts, totals, strict=True):
        factor = builder.load(builder.gep(start, [builder.mul(k, k_step)]))
        factors = builder.shuffle_vector(builder.insert_element(undefined, factor, lane(0)), undefined, everywhere)
        following.append(builder.fadd(total, builder.fmul(factors, xs, _FLAGS), _FLAGS))
    builder.branch(head)

    for value, after in zip([k, *totals], following, strict=True):
        value.add_incoming(ir.Constant(value.type, 0 if value is k else None), entry)
        value.add_incoming(after, body)

    builder.position_at_end(end)
    for r, total in zip(numbers, totals, strict=True):
        builder.store(total, vector_at(sums, p, r, width), align=ALIGNMENT)
    return context.get_dummy_value()
