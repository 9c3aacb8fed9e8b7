"""A page to play with: every layer as numbers that can be changed, and for each number what it is made of.

Read in this order: `asking` (the definitions give away their products), `scene` (a tape as arrays and products),
`normalizing` (batch norm, step by step), `offers` (all layers, their options and words) and `page`, which writes one
file of HTML. In the browser, ``arithmetic.js`` adds up the products forward and backward, and ``page.js`` draws.

A new operator is an entry of `OFFERS` in `offers`, and one of ``tests/course/explorer/definitions.py``.
"""

from ghostnp.course.explorer.page import explorer_page

__all__ = ["explorer_page"]
