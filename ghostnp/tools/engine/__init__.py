from ghostnp.tools.engine.engine import Engine


def compile(model, *, plans=4):
    return Engine(model, plans)
