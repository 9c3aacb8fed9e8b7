"""Flow diagrams: boxes below each other, joined by arrows, with notes next to them."""

from matplotlib.patches import FancyArrowPatch, FancyBboxPatch

from ghostnp.pictures.style import TEXT

_LINE = "#555555"


class Diagram:
    """Boxes and arrows on axes whose unit is an inch, with y running down.

    Parameters
    ----------
    axes : matplotlib.axes.Axes
        Where to draw.
    width, height : float
        In inches.
    """

    def __init__(self, axes, width, height):
        self.axes = axes
        axes.set(xlim=(0, width), ylim=(height, 0), aspect="equal")
        axes.set_axis_off()

    def box(self, x, y, text, colour, *, width=1.9, height=0.42, dark=True):
        """A rounded box in the middle of which stands `text`; gives its centre and size, for `arrow`."""
        self._round(x, y, width, height, 0.08, facecolor=colour, edgecolor="none")
        self.axes.text(x, y, text, ha="center", va="center", fontsize=10.5, color="white" if dark else "#222222")
        return x, y, width, height

    def word(self, x, y, text, **style):
        """Text without a box."""
        self.axes.text(x, y, text, **TEXT | {"fontsize": 10, "ha": "center", "va": "center"} | style)
        return x, y, 0.3, 0.24

    def sum(self, x, y, sign="+"):
        """A small circle in which two paths meet."""
        self._round(x, y, 0.26, 0.26, 0.13, facecolor="white", edgecolor=_LINE, linewidth=1.3)
        self.axes.text(x, y - 0.01, sign, ha="center", va="center", fontsize=12, color="#222222")
        return x, y, 0.26, 0.26

    def arrow(self, start, end, note=""):
        """From below `start` to above `end`."""
        (x0, y0, _, h0), (x1, y1, _, h1) = start, end
        y0, y1 = y0 + h0 / 2, y1 - h1 / 2
        self._line((x0, y0), (x1, y1))
        if note:
            self.word((x0 + x1) / 2 + 0.3, (y0 + y1) / 2 - 0.04, note, ha="left")

    def around(self, start, end, x, through=None):
        """From the side of `start` down at `x`, perhaps `through` a box there, into the side of `end`."""
        (x0, y0, w0, _), (x1, y1, w1, _) = start, end
        x0, x1 = (x0 - w0 / 2, x1 - w1 / 2) if x < x0 else (x0 + w0 / 2, x1 + w1 / 2)
        top = y0
        if through is not None:
            _, y, _, h = through
            self.axes.plot([x0, x], [y0, y0], color=_LINE, linewidth=1.3)
            self._line((x, y0), (x, y - h / 2))
            x0, top = x, y + h / 2
        self.axes.plot([x0, x, x], [top, top, y1], color=_LINE, linewidth=1.3, solid_joinstyle="round")
        self._line((x, y1), (x1, y1))

    def _line(self, start, end):
        line = FancyArrowPatch(start, end, arrowstyle="-|>", mutation_scale=11, shrinkA=0, shrinkB=0)
        line.set(color=_LINE, linewidth=1.3)
        self.axes.add_patch(line)

    def _round(self, x, y, width, height, radius, **paint):
        style = f"round,pad=0,rounding_size={radius}"
        self.axes.add_patch(FancyBboxPatch((x - width / 2, y - height / 2), width, height, boxstyle=style, **paint))
