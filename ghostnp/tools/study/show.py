"""Show a picture, or the very lines of a definition: in a notebook below the cell, elsewhere as text.

What is shown of a definition is read from its file when it is shown, so it cannot differ from what runs.
"""

import inspect
import io
import textwrap

DPI = 80  # for a column of text; notebooks stay small enough for a browser to show them


def show(figure, dpi=DPI):
    """Show a picture in a notebook; in a plain script, draw it and forget it.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
        The picture.
    dpi : int, default 80
        Pixels to the inch.
    """
    drawn = io.BytesIO()
    figure.savefig(drawn, format="png", dpi=dpi)  # in a script too, so that a picture that fails is noticed
    if _in_notebook():
        from IPython.display import Image, display

        display(Image(data=drawn.getvalue(), format="png"))


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
    if _in_notebook():
        from IPython.display import Markdown, display

        display(Markdown(f"```python\n{text}\n```"))
    else:
        print(text)


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
