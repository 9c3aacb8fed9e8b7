"""Executed notebooks, made from the tutorials' scripts: the script is what people edit, the notebook what they look at.

What changes from run to run (times, counters, the machine's name) is left out, so that a notebook changes when its
source or its results do.
"""

from pathlib import Path

from ghostnp.files import read, replace

TIMEOUT = 300  # seconds for one cell; the slowest takes a minute with nothing compiled
_KERNEL = {"display_name": "Python 3", "language": "python", "name": "python3"}


def read_script(script):
    """A script in percent format as a notebook that has not run; OSError or ValueError if it is none."""
    import jupytext

    try:
        return jupytext.reads(read(script).decode(), fmt="py:percent")
    except UnicodeDecodeError as error:
        raise ValueError(f"{script} is no script ({error}): the rule is text in UTF-8 in percent format") from None


def _alts(output):
    """What is kept of an output's metadata: what its picture says."""
    return {kind: {"alt": data["alt"]} for kind, data in output.metadata.items() if "alt" in data}


def make_notebook(script):
    """Execute a script in percent format, cell by cell, and write the notebook next to it.

    Parameters
    ----------
    script : path-like
        Such as ``tutorials/01_convolution.py``.

    Returns
    -------
    pathlib.Path
        Of the notebook, ``tutorials/01_convolution.ipynb``.

    Raises
    ------
    ImportError
        If the extra "tutorials" is not installed.
    nbclient.exceptions.CellExecutionError
        If a cell fails; then nothing is written.
    OSError, ValueError
        If the script cannot be read, is no text, or the notebook cannot be written.
    """
    try:
        import nbformat
        from nbclient import NotebookClient

        script = Path(script)
        notebook = read_script(script)
    except ImportError as error:
        raise ImportError(f'notebooks need the extra "tutorials" (pip install ".[tutorials]"): {error}') from None
    notebook.metadata = {"kernelspec": _KERNEL, "language_info": {"name": "python"}}
    NotebookClient(
        notebook, timeout=TIMEOUT, coalesce_streams=True, resources={"metadata": {"path": script.parent}}
    ).execute()
    for number, cell in enumerate(notebook.cells):
        cell.id, cell.metadata = f"cell-{number}", {}
        if cell.cell_type == "code":
            cell.outputs = [output for output in cell.outputs if output.get("name") != "stderr"]
            for output in cell.outputs:
                if output.output_type == "stream":
                    output.pop("metadata", None)
                else:
                    output.metadata = _alts(output)
    notebook.metadata = {"kernelspec": _KERNEL, "language_info": {"name": "python"}}
    target = script.with_suffix(".ipynb")
    text = nbformat.writes(notebook)
    replace(target, (text + "\n" * (not text.endswith("\n"))).encode())
    return target
