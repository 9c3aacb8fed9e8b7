"""The laws that operators must obey; an operator's row in the vocabulary says which of them hold for it.

`table` has them all, and for which operators each holds; `algebra` has the laws of linear maps and slopes, `symmetry`
those of axes that can be put in another order, `handling` those of arrays, `assertions` three for tests of your own.

A new law is a check in one of these files and an entry of `LAWS` in `table`, which says for which rows it holds. A
mistake that breaks it goes into ``tests/testing/broken_operators.py``.
"""
