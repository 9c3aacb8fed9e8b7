from ghostnp.tools.counting import Token
from ghostnp.tools.engine.fold import fold
from ghostnp.tools.engine.homes import Homes
from ghostnp.tools.tape import record


class Plan:
    def __init__(self, model, shape, dtype, memo):
        self.recorded = record(model, Token(shape, dtype))
        self.tape = fold(self.recorded, memo)
        self.homes = Homes(self.tape)
