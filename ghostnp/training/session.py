"""A training in a folder: what was asked for, checkpoints, a log and a picture, so that it survives being killed.

    run.json                what was asked for; written once, when the first checkpoint is there
    checkpoint.safetensors  all that changes while it trains: weights, what the optimiser remembers, how far it is
    log.json                epoch by epoch: loss, accuracy, learning rate, seconds
    curves.png              the same as a picture
    weights.safetensors     what came out, for `ghostnp.load_weights`

Each file is there whole or not at all (`ghostnp.files`). What is drawn at random depends on the seed and the number of
the step, so from a checkpoint a training goes on to the same weights, bit for bit.
"""

import json
import os
from dataclasses import asdict, dataclass, field, fields
from hashlib import blake2b
from pathlib import Path
from time import perf_counter

import numpy as np

from ghostnp import files
from ghostnp.ops.checks import not_negative, shown
from ghostnp.training.blame import first_odd
from ghostnp.training.data import check_data, load_data
from ghostnp.training.dataset import resized
from ghostnp.training.loop import Training, accuracy
from ghostnp.training.networks import begin_with, check_network, network, usual_rate
from ghostnp.training.recipe import Recipe
from ghostnp.weights import load_weights, official_names, save_weights

_COLUMNS = ("loss", "accuracy", "rate", "seconds")


class TrainingError(ValueError):
    """A training that cannot begin or go on; one line says why."""


@dataclass(frozen=True)
class Request:
    """What is to be trained, on what, and how.

    Parameters
    ----------
    model : str
        One of `ghostnp.training.networks.list_networks`.
    data : str
        One of `ghostnp.training.data.list_data`.
    folder : str, optional
        Of the data's files.
    size : int, optional
        Images are resized to so many rows and columns.
    init : str, optional
        A file of weights to begin with, all but the classifier.
    compiled : bool, optional
        As in `Training`.
    recipe : Recipe
        All the rest.
    """

    model: str = "ghostnet_tiny"
    data: str = "digits"
    folder: str | None = None
    size: int | None = None
    init: str | None = None
    compiled: bool | None = None
    recipe: Recipe = field(default_factory=Recipe)

    @classmethod
    def read(cls, path):
        """The request that a training's ``run.json`` holds, and the digest of its data."""
        try:
            found = json.loads(files.read(path))
            digest, asked = found["digest"], found["request"]
            recipe = Recipe(**asked.pop("recipe"))
            return cls(**asked, recipe=recipe), digest
        except FileNotFoundError:
            raise TrainingError(
                f"no training in {path.parent}: the rule is a folder with {path.name}, as a training writes it"
            ) from None
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise TrainingError(f"{path} is damaged ({error}): the rule is the file as a training wrote it") from None

    def differences(self, other):
        """What another request asks for otherwise: lines of a name and both values."""
        return [
            f"{entry.name}={shown(getattr(other_part, entry.name))}, and here {shown(getattr(part, entry.name))}"
            for part, other_part in ((self, other), (self.recipe, other.recipe))
            for entry in fields(part)
            if entry.name != "recipe" and getattr(part, entry.name) != getattr(other_part, entry.name)
        ]


class Session:
    """A training in a folder.

    Parameters
    ----------
    folder : Path
        It is made if its parent exists.
    request : Request, optional
        None goes on with the training that is there.
    force : bool, default False
        Whether to begin anew where there is a training already.

    Attributes
    ----------
    training : Training
    history : list of tuple
        Of each epoch the `loss`, `accuracy`, `rate` and `seconds`.

    Raises
    ------
    OSError
        If a file is not there, or cannot be written.
    TypeError, ValueError
        If the request cannot be fulfilled, or what is there does not fit.
    """

    def __init__(self, folder, request=None, *, force=False):
        self.folder = Path(folder)
        goes_on = request is None
        if goes_on:
            request, digest = Request.read(self._path("run.json"))
        else:
            check_network(request.model)
            check_data(request.data)
            self._check_free(force)
        self.request = request
        self.data = _load(request)
        model = network(request.model, self.data, seed=request.recipe.seed)
        found = _digest(self.data)
        if goes_on and found != digest:
            raise TrainingError(f"the data {request.data} is not that of {self.folder} any more: the rule is the same")
        if request.init is not None and not goes_on:
            begin_with(model, official_names(load_weights(request.init)))
        images, labels = self.data.train
        self.training = Training(model, images, labels, request.recipe, compiled=request.compiled)
        self.history: list[tuple[float, ...]] = []
        self._seconds = 0.0
        if goes_on:
            self._restore()
        else:
            asked = json.dumps({"request": asdict(request), "digest": found}, indent=1)
            with files.new_folder(self.folder):
                self._path("run.json").unlink(missing_ok=True)
                self.checkpoint()
                files.replace(self._path("run.json"), asked.encode())
            self._log()

    def run(self, *, observe=None, stop=None, every=10.0):
        """Train to the end, or until it is asked to stop.

        Parameters
        ----------
        observe : callable, optional
            Called with this session after each step.
        stop : callable, optional
            Called before each step; if it returns True, this returns after a checkpoint.
        every : float, default 10.0
            A checkpoint is written after so many seconds, and at the end.

        Returns
        -------
        bool
            Whether it has come to the end.

        Raises
        ------
        TrainingError
            If the loss is no finite number; the error names the operator where that began.
        """
        every, training, last = not_negative("every", every), self.training, perf_counter()
        while training.done < training.steps:
            if stop is not None and stop():
                self._finish(is_whole=False)
                return False
            start = perf_counter()
            rate = training.recipe.rate_of(training.done, training.per_epoch)
            try:
                training.step()
            except FloatingPointError as error:
                raise TrainingError(f"{error}: {self._blame()}") from None
            self._seconds += perf_counter() - start
            if training.done % training.per_epoch == 0:
                right = accuracy(training.tested(), *self.data.test)
                self.history.append((training.mean_loss, right, rate, self._seconds))
                self._seconds = 0.0
                self._log()
            if perf_counter() - last >= every:
                self.checkpoint()
                last = perf_counter()
            if observe is not None:
                observe(self)
        self._finish(is_whole=True)
        return True

    @property
    def seconds(self):
        """How long the steps of this epoch have taken so far."""
        return self._seconds

    def checkpoint(self):
        """Write down all that changes, so that a training can go on from here."""
        arrays = {f"history.{number}": np.array(row) for number, row in enumerate(self.history)}
        save_weights(self._path("checkpoint.safetensors"), self.training.state() | arrays)

    def _restore(self):
        path = self._path("checkpoint.safetensors")
        try:
            state = load_weights(path)
            rows = {name: state.pop(name) for name in list(state) if name.startswith("history.")}
            self.training.load_state(state)
            self.history = [tuple(rows[f"history.{number}"].tolist()) for number in range(len(rows))]
        except (ValueError, KeyError) as error:
            raise TrainingError(f"{path} is no checkpoint of this training: {error}") from None

    def _path(self, name):
        return self.folder / name

    def _check_free(self, force):
        if os.path.exists(self._path("run.json")) and not force:  # Path.exists raises where a name is too long
            raise TrainingError(
                f"{self.folder} holds a training already: the rule is --resume to go on with it, --force to begin "
                f"anew, or another folder"
            )
        if not self.folder.parent.is_dir():
            raise TrainingError(f"no folder {self.folder.parent} for {self.folder.name}: the rule is one that exists")

    def _log(self):
        epochs = [dict(zip(("epoch", *_COLUMNS), (number, *row), strict=True)) for number, row in
                  enumerate(self.history, 1)]  # fmt: skip
        training = self.training
        found = {
            "request": asdict(self.request),
            "data": str(self.data),
            "compiled": training.compiled,
            "why not compiled": training.reason,
            "steps": training.done,
            "of": training.steps,
            "epochs": epochs,
        }
        files.replace(self._path("log.json"), json.dumps(found, indent=1).encode())

    def _finish(self, *, is_whole):
        """Leave checkpoint, log and picture, and at the end the weights."""
        self.checkpoint()
        self._log()
        from ghostnp.pictures.learning import learning_curves  # brings matplotlib
        from ghostnp.pictures.style import save

        losses, accuracies = [row[0] for row in self.history], [row[1] for row in self.history]
        title = f"{self.request.model} on {self.request.data}, {self.request.recipe.optimiser}"
        save(learning_curves(losses, accuracies, title=title), self._path("curves.png"))
        if is_whole:
            save_weights(self._path("weights.safetensors"), self.training.tested().state_dict())

    def _blame(self):
        """What to say of a loss that is no number: where it began, in this step or in the one before."""
        training, when = self.training, "in this step"
        recipe = training.recipe
        rate = min(recipe.rate / 10, usual_rate(self.request.model, recipe.optimiser))
        loose = recipe.clip is None or recipe.clip > 1
        failed, found = training.done, self._first_odd()
        if found.startswith("the weights themselves") and failed:
            # The loss before was a number, but not its gradients: back to the checkpoint, and on to the step before.
            self._restore()
            while training.done < failed - 1:
                training.step()
            when, found = "in the step before, whose update it spoilt", self._first_odd() or "the update"
        return (
            f"it began {when}, with {found}; the checkpoint in {self.folder} is as it was; the rule is a smaller step, "
            f"such as --rate {rate:g}{', or --clip 1' if loose else ''}"
        )

    def _first_odd(self):
        training = self.training
        return first_odd(
            training.model, *training.batch(), label_smoothing=training.recipe.label_smoothing, rng=training.dropout()
        )


def _load(request):
    """The images in the size that is asked for: photos are read in it, and all others resized to it."""
    if request.size is None:
        return load_data(request.data, folder=request.folder)
    if request.data == "folder":
        return load_data(request.data, folder=request.folder, size=request.size)
    return resized(load_data(request.data, folder=request.folder), request.size)


def _digest(data):
    digest = blake2b(digest_size=16)
    for part in (data.train, data.test):
        for array in part:
            digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()
