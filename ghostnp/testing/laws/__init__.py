"""The laws that every operator must obey: what kind of operator it is, its row in the vocabulary says.

`table` has them all, and which operators each binds; `algebra` those of linear maps and slopes, `symmetry` those of
what is alike, `handling` those of arrays, `assertions` three of them for tests of your own.
"""
