"""The four sections of the bench: which rows each of them has."""

from collections.abc import Callable, Iterator
from dataclasses import replace

from ghostnp.bench import startup
from ghostnp.bench.contenders import CONTENDERS
from ghostnp.bench.roofline import work
from ghostnp.bench.session import Measurement
from ghostnp.bench.tasks import NetworkTask, network_calls
from ghostnp.bench.timing import Samples
from ghostnp.bench.worker import Worker, WorkerError
from ghostnp.ops.vocabulary import operator_named

NETWORKS: tuple[str, ...] = (
    "ghostnet_100",
    "ghostnetv2_100",
    "shufflenetv1_g3_1.0x",
    "shufflenetv1_g8_1.0x",
    "shufflenetv2_1.0x",
)
# The networks whose layers the section of operators measures.
LAYERS_OF: tuple[str, ...] = ("ghostnet_100", "ghostnetv2_100", "shufflenetv1_g3_1.0x")


def ops(session, networks, sizes, batches):
    """Each kind of call that the networks make, once, forward and backward, with what it is bound by."""
    for batch in batches:
        for size in sizes:
            calls = dict.fromkeys(call for network in networks for call in network_calls(network, size, batch))
            for call in sorted(calls, key=lambda call: call.op):
                for task, way in ((call, "forward"), (replace(call, backward=True), "backward")):
                    if not _moves_nothing(task):
                        labels = {"operator": task.op, "pass": way, "call": task.text}
                        yield session.row("ops", labels, task, work(task))


def networks(session, networks, sizes, batches):
    """Whole networks, inference and training step."""
    for task in _tasks(networks, sizes, batches):
        yield session.row("networks", _labels(task), task)


def memory(session, networks, sizes, batches):
    """Peak memory of the same, each in a process of its own."""
    for task in _tasks(networks, sizes, batches):
        samples, problems = {}, {}
        try:
            small, large = (sized.equipped() for sized in (replace(task, size=64, batch=2), task))
        except ValueError as error:  # the network cannot take so small an image, or so few
            yield Measurement("memory", _labels(task), {}, {"ghostnp": str(error)}, where=session.where)
            continue
        for contender in session.taking_part(task):
            session.progress(f"memory: {' '.join(_labels(task).values())}, {contender.name}")
            with Worker(contender.module, session.threads) as worker:
                try:
                    peak = worker.peak(contender.name, small, large)
                    samples[contender.name] = Samples((peak,))
                except WorkerError as error:
                    problems[contender.name] = str(error)
                    session.failures.append(f"memory: {contender.name}: {error}")
        yield Measurement("memory", _labels(task), samples, problems, where=session.where)


def start(session, networks, sizes, batches):
    """Start-up, always of the same network."""
    names = [contender.name for contender in session.contenders]
    for row in startup.rows(names, session.threads, min(session.repeat, 3), session.progress):
        yield replace(row, where=session.where)


SECTIONS: dict[str, Callable[..., Iterator[Measurement]]] = {
    "ops": ops,
    "networks": networks,
    "memory": memory,
    "startup": start,
}


def missing(contenders):
    """Which of these contenders are not installed, with what they need."""
    return {name: CONTENDERS[name].package for name in contenders if not CONTENDERS[name].installed}


def _moves_nothing(task):
    """Whether a call gives views and nothing else; the backward pass of a split is a concat, measured already."""
    row = operator_named(task.op)
    return row.is_view or (task.backward and row.is_view_backward)


def _tasks(networks, sizes, batches):
    for network in networks:
        for size in sizes:
            for batch in batches:
                for training in (False, True):
                    yield NetworkTask(network, size, batch, training)


def _labels(task):
    return {
        "network": task.network,
        "size": str(task.size),
        "batch": str(task.batch),
        "pass": "training step" if task.training else "inference",
    }
