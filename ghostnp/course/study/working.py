"""The arithmetic of a worked solution: sentences with sums in braces, which are worked out when they are shown.

So a solution's numbers cannot differ from its sums, and a test compares the last of them with the answer.
"""

import ast
import math
import operator
import re
from functools import cached_property

_SIGNS = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
    ast.Pow: operator.pow,
}
_FUNCTIONS = {"sqrt": math.sqrt, "log": math.log}


class Working:
    """A text with arithmetic in braces; the last pair of braces has the result.

    Parameters
    ----------
    text : str
        Such as ``"A filter has 3 kernels and one bias: {64*(3*49 + 1)}."``. What is in braces is written as in Python:
        numbers, the signs ``+ - * / // % **``, ``sqrt`` and ``log``, or a tuple of these.

    Examples
    --------
    >>> working = Working("A filter has 3 kernels of 7x7 and one bias: {64*(3*7*7 + 1)}.")
    >>> print(working)
    A filter has 3 kernels of 7x7 and one bias: 64·(3·7·7 + 1) = 9,472.
    >>> working.result
    9472
    """

    def __init__(self, text):
        self.text = text

    @cached_property
    def result(self):
        """The value of the last braces: an int, a float or a tuple of them."""
        return arithmetic(re.findall(r"\{([^}]*)\}", self.text)[-1])

    def __str__(self):
        return re.sub(r"\{([^}]*)\}", lambda braces: _worked(braces[1]), self.text)


def arithmetic(expression):
    """The value of a sum that is written as in Python.

    Parameters
    ----------
    expression : str
        Numbers, the signs ``+ - * / // % **``, ``sqrt`` and ``log``, or a tuple of these.

    Returns
    -------
    int, float or tuple

    Raises
    ------
    ValueError
        If it contains anything else.

    Examples
    --------
    >>> arithmetic("(224 + 2*3 - 7)//2 + 1")
    112
    """
    return _value(ast.parse(expression, mode="eval").body, expression)


def _value(node, expression):
    match node:
        case ast.Constant(value=int() | float() as number):
            return number
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return -_value(operand, expression)
        case ast.BinOp(left=left, op=sign, right=right) if type(sign) in _SIGNS:
            return _SIGNS[type(sign)](_value(left, expression), _value(right, expression))
        case ast.Call(func=ast.Name(id=name), args=[inner], keywords=[]) if name in _FUNCTIONS:
            return _FUNCTIONS[name](_value(inner, expression))
        case ast.Tuple(elts=parts):
            return tuple(_value(part, expression) for part in parts)
    raise ValueError(f"expression {expression!r}: the rule is numbers, + - * / // % **, sqrt(), log() and tuples")


def _worked(expression):
    value = arithmetic(expression)
    shown = expression.replace("**", "^").replace("*", "·")
    if isinstance(value, tuple):
        numbers, exact = zip(*map(_number, value), strict=True)
        number, is_exact = f"({', '.join(numbers)})", all(exact)
    else:
        number, is_exact = _number(value)
    if shown.replace(" ", "") == number.replace(",", "").replace(" ", "") or shown == number:
        return number
    return f"{shown} {'=' if is_exact else '≈'} {number}"


def _number(value):
    """The value as text, and whether it is the exact one."""
    if value == int(value):
        return f"{int(value):,}", True
    text = f"{value:.5g}"
    return text, math.isclose(float(text), value, rel_tol=1e-12)
