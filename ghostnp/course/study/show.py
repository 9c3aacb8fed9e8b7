"""Show a picture, the very lines of a definition, or a claim checked: in a notebook below the cell, elsewhere as text.

What is shown of a definition is read from its file when it is shown, so it cannot differ from what runs.
"""

import inspect
import io
import itertools
import textwrap

from ghostnp.course.documents import find_claim
from ghostnp.course.study.script import picture_file, running_script

_numbers = itertools.count(1)  # of the pictures that a script has shown

DPI = 80  # for a column of text; notebooks stay small enough for a browser to show them


def show(figure, says, dpi=DPI):
    """Show a picture in a notebook; in a script, write it into a folder beside it, and print where and what it says.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
        The picture.
    says : str
        What there is to see in it, for those who cannot see it.
    dpi : int, default 80
        Pixels to the inch.

    Raises
    ------
    OSError
        If a script's picture cannot be written.
    """
    drawn = _png(figure, dpi)  # wherever it runs, so that a picture that fails is noticed
    if _in_notebook():
        from IPython.display import display

        picture = {"image/png": drawn, "text/plain": says}
        display(picture, raw=True, metadata={"image/png": {"alt": says}})
    elif script := running_script():
        path = picture_file(script, next(_numbers))
        path.write_bytes(drawn)
        print(f"[{path}: {says}]")


def source(function, *, docstring=False):
    """Show the source of a function or class.

    Parameters
    ----------
    function : function or type
        What to show.
    docstring : bool, default False
        Whether its docstring is shown too.
    """
    text = _source(function, docstring)
    _show_markdown(f"```python\n{text}\n```", plain=text)


def claims(*identifiers):
    """Check statements of the documents, and show what came of it as a table.

    Parameters
    ----------
    *identifiers : str
        Such as "N13"; ``ghostnp claims`` lists them all.
    """
    rows = ["| claim | document | says | computed here | verdict | why |", "|---|---|---|---|---|---|"]
    for claim in map(find_claim, identifiers):
        finding = claim.check()
        cells = [claim.identifier, claim.document, claim.says, finding.gives, finding.verdict, claim.why]
        rows.append(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |")
    _show_markdown("\n".join(rows))


def _png(figure, dpi):
    """The picture as a file: without an alpha channel, which would be a tenth of it."""
    from PIL import Image

    drawn, opaque = io.BytesIO(), io.BytesIO()
    figure.savefig(drawn, format="png", dpi=dpi)
    Image.open(drawn).convert("RGB").save(opaque, "png", optimize=True)
    return opaque.getvalue()


def _show_markdown(text, plain=None):
    if _in_notebook():
        from IPython.display import Markdown, display

        display(Markdown(text))
    else:
        print(text if plain is None else plain)


def _source(function, docstring):
    text = textwrap.dedent(inspect.getsource(function)).rstrip()
    said = inspect.getdoc(function)
    if docstring or not said:
        return text
    before, _, after = text.partition('"""')
    return before.rstrip() + after.partition('"""')[2]


def _in_notebook():
    try:
        from IPython import get_ipython
    except ImportError:
        return False
    shell = get_ipython()
    return shell is not None and "IPKernelApp" in shell.config
