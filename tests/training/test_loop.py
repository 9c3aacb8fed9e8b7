import numpy as np
import pytest
import torch

from ghostnp.modules import Linear, Sequential, initializer
from ghostnp.training.digits import load_digits
from ghostnp.training.loop import accuracy, tiny_ghostnet, train


def test_it_is_the_descent_of_pytorch():
    rng = np.random.default_rng(0)
    images, labels = rng.standard_normal((6, 5)), rng.integers(0, 3, 6)
    with initializer(0, dtype=np.float64):
        model = Sequential(Linear(5, 3))
    other = torch.nn.Linear(5, 3, dtype=torch.float64)
    with torch.no_grad():
        for mine, theirs in zip(model.parameters().values(), other.parameters(), strict=True):
            theirs.copy_(torch.tensor(mine.copy()))
    # One batch an epoch, so that the order of the images does not matter.
    losses = list(train(model, images, labels, epochs=4, batch=6, rate=0.3, momentum=0.8, decay=0.01))
    descent = torch.optim.SGD(other.parameters(), lr=0.3, momentum=0.8, weight_decay=0.01)
    falling = torch.optim.lr_scheduler.CosineAnnealingLR(descent, T_max=4)
    expected = []
    for _ in range(4):
        descent.zero_grad()
        loss = torch.nn.functional.cross_entropy(other(torch.tensor(images)), torch.tensor(labels))
        loss.backward()
        descent.step()
        falling.step()
        expected.append(loss.item())
    np.testing.assert_allclose(losses, expected, rtol=1e-12)
    for mine, theirs in zip(model.parameters().values(), other.parameters(), strict=True):
        np.testing.assert_allclose(mine, theirs.detach().numpy(), rtol=1e-12)


@pytest.mark.parametrize("attention", [False, True])
def test_tiny_ghostnet_learns_digits(attention):
    learnt, held_out = load_digits()
    model = tiny_ghostnet(attention=attention)
    before = accuracy(model, *held_out)
    losses = list(train(model, *learnt, epochs=10))
    assert before < 0.3
    assert losses[-1] < 0.1 * losses[0]
    assert accuracy(model, *held_out) > 0.97


def test_more_images_than_there_are_cannot_make_a_batch():
    with pytest.raises(ValueError, match="batch=64: the rule is 1 to the 5 images that there are"):
        next(train(tiny_ghostnet(), np.zeros((5, 1, 8, 8), np.float32), np.zeros(5, int)))
