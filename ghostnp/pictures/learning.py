"""How a training went: loss and accuracy, epoch by epoch."""

from ghostnp.pictures.style import GATE, GRADIENT, TEXT, plain_axes, sheet


def learning_curves(losses, accuracies, *, title=""):
    """Mean loss while learning, and the share of test images that were right.

    Parameters
    ----------
    losses, accuracies : sequence of float
        Of each epoch.
    title : str, default ""
        Above both.

    Returns
    -------
    matplotlib.figure.Figure
    """
    figure, grid = sheet(10, 3.6, nrows=1, ncols=2, left=0.08, right=0.97, bottom=0.16, top=0.8, wspace=0.2)
    epochs = range(1, len(losses) + 1)
    marker = "o-" if len(losses) <= 40 else "-"
    axes = plain_axes(figure.add_subplot(grid[0]), "mean loss while learning", x_label="epoch")
    axes.plot(epochs, losses, marker, color=GRADIENT, markersize=4)
    if losses and min(losses) > 0:
        axes.set_yscale("log")
    axes.xaxis.get_major_locator().set_params(integer=True)
    axes = plain_axes(figure.add_subplot(grid[1]), "share of test images that are right", x_label="epoch")
    axes.plot(epochs, accuracies, marker, color=GATE, markersize=4)
    axes.xaxis.get_major_locator().set_params(integer=True)
    if accuracies:
        axes.annotate(
            f"{accuracies[-1]:.1%}", (len(accuracies), accuracies[-1]), textcoords="offset points", xytext=(-4, -16),
            ha="right", **TEXT,
        )  # fmt: skip
    figure.suptitle(title, **TEXT)
    return figure
