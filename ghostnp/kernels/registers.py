"""The innermost block of every matrix product, held in vector registers.

A compiler keeps one sum in a register while a loop runs, but not 8 rows of them: written as loops, each product would
be added to memory. Here the loop is spelled out in the compiler's own language, with one vector of sums for each row.
Each step loads one vector of x and 8 numbers of w, and makes 8 vectors of products: registers are filled by
arithmetic, not by waiting for memory.
"""

from llvmlite import binding, ir
from numba.core import types
from numba.extending import intrinsic, overload

ROWS = 8
# Bytes in a vector of sums. 8 of them have to fit in the processor's registers: half of AVX-512's 32 of 64 bytes (two of
# which work at a time), half of AVX2's 16 of 32 bytes, or half of NEON's 32 of 16 bytes.
VECTOR = 128 if binding.get_host_cpu_features().get("avx512f") else 32


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
def _multiply_block(typing_context, w, m, k_step, m_step, rows, x, p, pitch, depth, sums, width):
    def build(context, builder, signature, arguments):
        array = context.make_array(w)
        wi, m, k_step, m_step, rows, xi, p, pitch, depth, si, width = arguments
        w_data, x_data, sums_data = (array(context, builder, value).data for value in (wi, xi, si))
        number = context.get_data_type(w.dtype)
        vector = ir.VectorType(number, VECTOR // context.get_abi_sizeof(number))
        everywhere = ir.Constant(ir.VectorType(ir.IntType(32), vector.count), None)
        undefined = ir.Constant(vector, ir.Undefined)
        flags = ("reassoc", "contract", "nsz")

        def integer(value):
            return ir.Constant(p.type, value)

        def at(data, *terms):
            index = terms[0]
            for term in terms[1:]:
                index = builder.add(index, term)
            return builder.gep(data, [index])

        def vector_at(data, *terms):
            return builder.bitcast(at(data, *terms), vector.as_pointer())

        def times(r, step):
            return builder.mul(r, step)

        last = builder.sub(rows, integer(1))
        starts = []
        for r in range(ROWS):
            row = builder.select(builder.icmp_signed("<", integer(r), last), integer(r), last)
            starts.append(at(w_data, m, times(row, m_step)))

        entry, head = builder.block, builder.append_basic_block("head")
        body, end = builder.append_basic_block("body"), builder.append_basic_block("end")
        builder.branch(head)

        builder.position_at_end(head)
        k = builder.phi(p.type)
        totals = [builder.phi(vector) for _ in range(ROWS)]
        builder.cbranch(builder.icmp_signed("<", k, depth), body, end)

        builder.position_at_end(body)
        xs = builder.load(vector_at(x_data, times(k, pitch), p))
        xs.align = 4
        added = []
        for start, total in zip(starts, totals, strict=True):
            factor = builder.load(at(start, times(k, k_step)))
            first = builder.insert_element(undefined, factor, ir.IntType(32)(0))
            factors = builder.shuffle_vector(first, undefined, everywhere)
            added.append(builder.fadd(total, builder.fmul(factors, xs, flags), flags))
        following = builder.add(k, integer(1))
        builder.branch(head)

        for phi, first, then in zip([k, *totals], [integer(0)] + [ir.Constant(vector, None)] * ROWS, [following, *added], strict=True):
            phi.add_incoming(first, entry)
            phi.add_incoming(then, body)

        builder.position_at_end(end)
        for r, total in enumerate(totals):
            builder.store(total, vector_at(sums_data, times(integer(r), width), p)).align = 4
        return context.get_dummy_value()

    index = types.intp
    return types.void(w, index, index, index, index, x, index, index, index, sums, index), build
