"""The page to play with, in a real browser: what it shows is what the definitions compute."""

import itertools
import json
import re

import numpy as np
import pytest

import ghostnp
from ghostnp import ops
from ghostnp.course.explorer.offers import OFFERS
from tests.course.explorer.definitions import DEFINITIONS

BY_NAME = {offer.name: offer for offer in OFFERS}
WIDE, PHONE = (1280, 900), (390, 844)

# Fill each array that the reader can change with random numbers, as the page does itself; then compute.
RUN_ALL = """
const name = arguments[0], seed = arguments[1];
const offer = OFFERS.find(each => each.name === name), ran = [];
let random = seed;
const next = () => (random = (random * 48271) % 2147483647) / 2147483647;
for (const [choice, index] of Object.entries(offer.places)) {
  const scene = unpack(offer.scenes[index]);
  const values = new Float64Array(scene.size), gradients = new Float64Array(scene.size);
  if (scene.fill === "-inf") values.fill(-Infinity);
  for (const array of scene.arrays) for (const place of array.inside) {
    values[place] = array.role === "variance" ? next() : 4 * next() - 2;
    gradients[place] = 4 * next() - 2;
  }
  const given = scene.output.inside.map(place => gradients[place]);
  runForward(scene, values);
  runBackward(scene, values, gradients);
  ran.push({ choice, given, arrays: scene.arrays.map(array => ({ name: array.name, shape: array.shape, role: array.role,
    values: array.inside.map(place => values[place]), gradients: array.inside.map(place => gradients[place]) })) });
}
return JSON.stringify(ran);
"""


@pytest.fixture
def browser(chromium, page):
    """The browser, on the standard convolution of a wide and light window; afterwards nothing was complained of."""
    show(chromium, WIDE)
    load(chromium, page)
    yield chromium
    assert [entry for entry in chromium.get_log("browser") if entry["level"] != "INFO"] == []


def show(browser, size, scheme="light"):
    width, height = size
    metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 500}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    browser.execute_cdp_cmd("Emulation.setTouchEmulationEnabled", {"enabled": width < 500})
    features = [{"name": "prefers-color-scheme", "value": scheme}]
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})


def load(browser, page, address=""):
    browser.get("about:blank")
    browser.get(page.as_uri() + (f"#{address}" if address else ""))


def expected(offer, choice, numbers):
    options = dict(zip(BY_NAME[offer].options, choice.split(","), strict=True))
    return DEFINITIONS[offer](options, numbers)


def assert_same(shown, wanted):
    for name, array in wanted.items():
        np.testing.assert_allclose(shown[name], array.reshape(shown[name].shape), rtol=1e-9, atol=1e-11, err_msg=name)


# The numbers


@pytest.mark.parametrize("offer", BY_NAME)
def test_every_choice_gives_what_the_definitions_give(browser, offer):
    for seed in (11, 5000):
        ran = json.loads(browser.execute_script(RUN_ALL, offer, seed))
        assert len(ran) >= 2
        for run in ran:
            numbers, shown = {}, {}
            for array in run["arrays"]:
                values, gradients = (np.array(array[key]).reshape(array["shape"]) for key in ("values", "gradients"))
                shown |= {array["name"]: values, f"d{array['name']}": gradients}
                if array["role"] != "result":
                    numbers[array["name"]] = values
            numbers["dy"] = np.array(run["given"]).reshape(shown["y"].shape)
            wanted = expected(offer, run["choice"], numbers)
            assert np.abs(wanted["y"]).max() > 0
            assert_same(shown, wanted)
