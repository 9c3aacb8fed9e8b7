"""Papers as a page to print on A4: each student's begins on a sheet of its own and says on every sheet whose it is."""

from ghostnp.course.worksheets.heading import PLAIN, points
from ghostnp.course.worksheets.language import _, in_language_of_plan
from ghostnp.course.worksheets.paper import checked
from ghostnp.course.worksheets.question import LETTERS


@in_language_of_plan
def to_html(plan, papers, heading=PLAIN):
    """All papers, without answers."""
    from jinja2 import Environment, PackageLoader, StrictUndefined  # slow to import, and no other format needs it

    environment = Environment(
        loader=PackageLoader("ghostnp.course.worksheets", "writing"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("paper.html.j2").render(
        plan=plan, papers=checked(plan, papers, heading), heading=heading, points=points, letters=LETTERS, _=_
    )
