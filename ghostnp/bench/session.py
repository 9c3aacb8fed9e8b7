"""One run of the bench: its workers, its settings, and a row for each task."""

from collections.abc import Callable
from contextlib import ExitStack, nullcontext
from dataclasses import dataclass, field
from functools import partial
from time import sleep

import numpy as np

from ghostnp.bench.busy_core import busy_core
from ghostnp.bench.contenders import CALL, CONTENDERS, INFERENCE, TRAINING
from ghostnp.bench.roofline import Machine, Work, measure
from ghostnp.bench.same_results import disagreement, tolerance
from ghostnp.bench.surroundings import Others, processor
from ghostnp.bench.tasks import CallTask
from ghostnp.bench.timing import Samples, rounds
from ghostnp.bench.worker import Worker, WorkerError

# A row is disturbed when other programs take so much of the machine: it is measured again, up to so many times, each
# after so many seconds of waiting. What stays disturbed is shown without ratios: who waits for its threads by spinning
# becomes ten times as slow, and who sleeps does not.
BUSY, _TRIES, _PAUSE = 0.1, 5, 1.0


@dataclass(frozen=True)
class Measurement:
    """What was measured for one task.

    Parameters
    ----------
    section : str
        "ops", "networks", "memory" or "startup".
    labels : dict of str to str
        What the task was.
    samples : dict of str to Samples
        By contender: seconds, or bytes in the section "memory".
    problems : dict of str to str
        By contender: why there are none.
    work : Work, optional
        Of a call.
    others : float, optional
        Share of the machine that other programs took meanwhile.
    where : dict of str to str
        The processor, and how many threads each contender had.
    machine : Machine, optional
        What a call's time is held against.
    """

    section: str
    labels: dict[str, str]
    samples: dict[str, Samples]
    problems: dict[str, str] = field(default_factory=dict)
    work: Work | None = None
    others: float | None = None
    where: dict[str, str] = field(default_factory=dict)
    machine: Machine | None = None

    @property
    def text(self):
        """All labels in one line."""
        return _line(self.labels, self.where)

    @property
    def disturbed(self):
        """Whether other programs took so much of the machine that times say little."""
        return (self.others or 0.0) >= BUSY

    @property
    def failures(self):
        """The problems, but for those of contenders that only lack the operation, as textbooks do."""
        return {name: why for name, why in self.problems.items() if not why.startswith(NotImplementedError.__name__)}


class Session:
    """Workers that take turns; a context manager.

    Parameters
    ----------
    contenders : iterable of str
        Names of `CONTENDERS`; those that are not installed are left out.
    threads : int
        For each of them.
    repeat : int
        At most so many rounds for each row.
    seconds : float
        No further round after so many seconds.
    busy : bool
        Whether a core is kept busy by another program while times are taken.
    progress : callable
        Is told in a few words what is going on.

    Attributes
    ----------
    where : dict of str to str
        What is said of every row.
    failures : list of str
        Every result that was wrong, and every contender that failed.
    """

    def __init__(
        self,
        contenders,
        *,
        threads,
        repeat,
        seconds=3.0,
        busy=False,
        progress: Callable[[str], None] = lambda text: None,
    ):
        self.contenders = [CONTENDERS[name] for name in contenders if CONTENDERS[name].installed]
        self.threads, self.repeat, self.seconds, self.busy, self.progress = threads, repeat, seconds, busy, progress
        self.where = {"processor": processor(), "threads": f"{threads}{' beside a busy core' * busy}"}
        self._machine: Machine | None = None
        self.failures: list[str] = []
        self._workers: dict[str, Worker] = {}
        self._open = ExitStack()

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self._open.close()

    def worker(self, module):
        """The process that serves a module; it begins when it is first asked for."""
        if module not in self._workers:
            self._workers[module] = self._open.enter_context(Worker(module, self.threads))
        return self._workers[module]

    def measure_machine(self):
        """Measure peak and bandwidth, for the rows of calls that follow."""
        self.progress("peak and bandwidth of this machine")
        self._machine = measure(self.worker("roofline"))

    def taking_part(self, task):
        """Contenders that can do a task."""
        kind = CALL if isinstance(task, CallTask) else TRAINING if task.training else INFERENCE
        return [contender for contender in self.contenders if kind in contender.tasks]

    def row(self, section, labels, task, work=None):
        """Prepare a task with everyone, compare what they get, and let those who are right take turns."""
        text = _line(labels, self.where)
        self.progress(f"{section}: {text}")
        if not isinstance(task, CallTask):
            try:
                task = task.equipped()
            except ValueError as error:  # the network cannot take so small an image, or so few
                return Measurement(section, labels, {}, {"ghostnp": str(error)}, where=self.where)
        turns, problems = self._checked(task)
        samples: dict[str, Samples] = {}
        others = None
        if turns:
            try:
                samples, others = self._quiet_rounds(turns)
            except WorkerError as error:
                problems["all"] = f"{error} while it was timed"
        self._forget()
        row = Measurement(section, labels, samples, problems, work, others, self.where, self._machine)
        self.failures += [f"{text}: {name}: {problem}" for name, problem in row.failures.items()]
        return row

    def _checked(self, task):
        """The turns of those who got what ghostnp got, and what is wrong with the others, by name."""
        turns: dict[str, Callable[[], float]] = {}
        results: dict[str, dict[str, np.ndarray]] = {}
        problems: dict[str, str] = {}
        compared = task if isinstance(task, CallTask) else task.comparable()
        for contender in self.taking_part(task):
            worker = self.worker(contender.module)
            try:
                results[contender.name], _ = worker.prepare(contender.name, compared)
                if compared is not task:
                    worker.prepare(contender.name, task)
                turns[contender.name] = partial(worker.turn, contender.name)
            except WorkerError as error:
                problems[contender.name] = str(error)
        ours = next(iter(results.values()), {})
        for name, theirs in results.items():
            wrong = disagreement(ours, theirs, tolerance(task))
            if wrong:
                problems[name] = wrong
                del turns[name]
        return turns, problems

    def _forget(self):
        """Let go of a row's memory; a process that has ended is replaced when it is next asked for."""
        for module, worker in list(self._workers.items()):
            try:
                worker.forget()
            except WorkerError:
                del self._workers[module]

    def _quiet_rounds(self, turns):
        """All rounds, and again when other programs were in the way: those that they disturbed least."""
        tries: list[tuple[float, dict[str, Samples]]] = []
        while len(tries) < _TRIES:
            sleep(_PAUSE if tries else 0.0)
            with busy_core() if self.busy else nullcontext() as program:
                others = Others([*(worker.process for worker in self._workers.values()), *filter(None, [program])])
                samples = rounds(turns, repeat=self.repeat, seconds=self.seconds)
                tries.append((others.share or 0.0, samples))
            if tries[-1][0] < BUSY:
                break
        share, samples = min(tries, key=lambda tried: tried[0])
        return samples, share


def _line(labels, where):
    threads = where.get("threads")
    return " ".join([*labels.values(), *([f"(threads: {threads})"] if threads else [])])
