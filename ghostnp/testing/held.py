"""The tests that ``pytest --ghostnp-operator`` runs: `ghostnp.testing.plugin` says on what."""

from ghostnp.testing.laws.table import assert_laws
from ghostnp.testing.matching import assert_matches


def test_matches(ghostnp_operator):
    """Each operator is what its definition says, and so are its gradients."""
    module, operator = ghostnp_operator
    backward = getattr(module, f"{operator}_backward", None)
    assert_matches(getattr(module, operator), operator, backward=backward, **getattr(module, "GHOSTNP", {}))


def test_law(ghostnp_law):
    """Each law is kept."""
    module, operator, law = ghostnp_law
    assert_laws(module, operator, laws=[law])
