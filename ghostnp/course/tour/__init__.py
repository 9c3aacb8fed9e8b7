"""The guided tour: lessons that run each building block on a photo, and a page of pictures about them."""

from ghostnp.course.tour.guide import tour

__all__ = ["tour"]
