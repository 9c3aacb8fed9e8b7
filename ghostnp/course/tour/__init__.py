"""The guided tour: lessons that run each building block on a photo, and a page of pictures about them.

Read in this order: `lesson` (what a lesson is), `lessons` (all of them but the last, as data), `filters` (the weights
set by hand), `views` (what each shows), `whole_network` (the last one), `two_backends` (definitions against kernels)
and `guide`, which runs them and writes the page.

A new lesson is an entry of `LESSONS` with two functions: one in `lessons` that builds the module and its input, and one
in `views` that yields its pictures, which `ghostnp.pictures` draws. ``tests/course/test_tour.py`` lists it once more.
"""

from ghostnp.course.tour.guide import tour

__all__ = ["tour"]
