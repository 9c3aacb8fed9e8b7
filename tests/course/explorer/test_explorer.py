"""The page to play with, in a real browser: what it shows is what the definitions compute."""

import itertools
import json
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.keys import Keys

from ghostnp import ops, trace
from ghostnp.course.explorer import explorer_page
from ghostnp.course.explorer.offers import OFFERS
from ghostnp.ops.vocabulary import operators
from tests.course.explorer.browser import load, show
from tests.course.explorer.definitions import DEFINITIONS
from tests.course.explorer.picture import PICTURE, SCALE, SIZE

ROOT = Path(__file__).parents[3]

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


FUNCTIONS = """
const [name, numbers] = arguments, { of, slope } = FUNCTIONS[name];
return [numbers.map(number => of(number)), numbers.map(number => slope(number))];
"""


def test_functions_and_slopes_are_those_of_the_definitions(browser, page):
    """All that the page has, of which the root of a variance (below) alone is no operator; and it uses all of them."""
    names = set(browser.execute_script("return Object.keys(FUNCTIONS)"))
    used = {step["kind"] for offer in offers_of(page) for scene in offer["scenes"] for step in scene["steps"]}
    assert names == used - {"sum", "max"}
    assert names - set(operators("activation")) == {"rsqrt"}
    x = np.concatenate([np.random.default_rng(0).uniform(-9, 9, 300), [-800, -3, 0, 3, 800]])
    for name in names - {"rsqrt"}:
        values, slopes = browser.execute_script(FUNCTIONS, name, x.tolist())
        with np.errstate(under="ignore"):
            wanted = getattr(ops, f"{name}_backward")(np.ones_like(x), x)
            np.testing.assert_allclose(values, getattr(ops, name)(x), rtol=1e-14, atol=1e-300, err_msg=name)
            np.testing.assert_allclose(slopes, wanted, rtol=1e-13, atol=1e-15, err_msg=name)


def test_the_root_of_a_variance_is_the_one_of_batch_norm(browser):
    x = np.random.default_rng(0).uniform(0, 9, 300)
    one, zero = np.ones_like(x), np.zeros_like(x)
    values, slopes = browser.execute_script(FUNCTIONS, "rsqrt", x.tolist())
    normed = ops.batch_norm_eval(one[None, :, None, None], one, zero, zero, x)
    np.testing.assert_allclose(values, normed.ravel(), rtol=1e-14)
    np.testing.assert_allclose(slopes, -0.5 * normed.ravel() ** 3, rtol=1e-13)


@pytest.mark.parametrize("offer", ["standard", "grouped", "depthwise", "pointwise"])
def test_products_are_those_that_a_trace_takes_apart(page, offer):
    stored = next(each for each in offers_of(page) if each["name"] == offer)
    groups = {"depthwise": 2}
    for choice, place in stored["places"].items():
        options = dict(zip(stored["options"], map(int, choice.split(",")), strict=True))
        options = {name: options[name] for name in ("stride", "padding", "dilation", "groups") if name in options}
        if offer in groups:
            options["groups"] = groups[offer]
        scene = stored["scenes"][place]
        shapes = {array["name"]: array["shape"] for array in scene["arrays"]}
        steps = trace(ops.conv2d, np.zeros(shapes["x"]), np.ones(shapes["w"]), **options)
        names = names_of_numbers(scene["arrays"])
        terms = iter(scene["steps"][0]["terms"])
        for index in np.ndindex(*shapes["y"]):
            flat = next(terms)
            pairs = [(names[a], names[b]) for a, b in zip(flat[::2], flat[1::2], strict=True) if b >= 0]
            products = steps.pixel(len(steps.rows) - 1, index).products
            assert pairs == [(product.left, product.right) for product in products]


def offers_of(page):
    stored = re.search(r'<script type="application/json" id="offers">(.*?)</script>', page.read_text("utf-8"))
    return json.loads(stored[1])


def names_of_numbers(arrays):
    """For each number of a scene its name as in a trace, and None for one of the padding."""
    names = []
    for array in arrays:
        rims, shape = [(0, 0)] * (len(array["shape"]) - 2) + array["rim"], array["shape"]
        rims = rims[-len(shape) :]
        for place in np.ndindex(*(size + sum(rim) for size, rim in zip(shape, rims, strict=True))):
            at = [i - before for i, (before, _) in zip(place, rims, strict=True)]
            inside = all(0 <= i < size for i, size in zip(at, shape, strict=True))
            names.append(f"{array['name']}{at}" if inside else None)
    return names


# What a reader does


def cell(browser, name, side="value"):
    """The cell of a number, such as x[0, 1, 2]."""
    return browser.find_element("css selector", f'#stage td[data-side={side}][aria-label^="{name}"]')


def lit(browser, kind, side="value"):
    """Names of the numbers that are lit up in that way."""
    cells = browser.find_elements("css selector", f"#stage td.{kind}[data-side={side}]")
    return {re.match(r"[^\]]+\]", each.get_attribute("aria-label"))[0] for each in cells}


def named(array, *ranges):
    return {f"{array}{list(at)}".replace("-", "−") for at in itertools.product(*ranges)}


def text(browser, place):
    return browser.find_element("id", place).text


def number(shown):
    return float(shown.replace("−", "-"))


def hover(browser, element):
    ActionChains(browser).move_to_element(element).perform()


def press(browser, *keys):
    ActionChains(browser).send_keys(*keys).perform()


def arrays(browser):
    """The numbers of all arrays on the page, by name, gradients too, as their cells hold them; padding left out."""
    script = """
    const found = {};
    for (const array of state.scene.arrays) for (const side of ["value", "gradient"]) {
      const cells = array.inside.map(place => state.cells[side].get(place));
      if (cells[0]) found[side === "value" ? array.name : gradientName(array)] =
        { shape: array.shape, numbers: cells.map(cell => cell.dataset.number) };
    }
    return JSON.stringify(found);
    """
    found = json.loads(browser.execute_script(script))
    return {name: np.array(each["numbers"], float).reshape(each["shape"]) for name, each in found.items()}


def assert_page_agrees(browser):
    """What stands in the cells is what the definitions make of the numbers that stand there."""
    offer, choice = browser.execute_script("return [state.offer.name, Object.values(state.options).join(',')]")
    shown = arrays(browser)
    wanted = expected(offer, choice, {"dy": np.zeros_like(shown["y"])} | shown)
    assert_same(shown, {name: array for name, array in wanted.items() if name in shown})
    return shown


def assert_sum_adds_up(browser):
    """The products that are listed add up to the number above them; nothing is rounded in what is tried here."""
    results = [number(each.text) for each in browser.find_elements("css selector", "#sum .result")]
    assert sum(results) == number(text(browser, "number").partition(" = ")[2])
    return results


def test_hovering_lights_up_window_and_weights_and_shows_their_products(browser):
    before = text(browser, "number")
    hover(browser, cell(browser, "y[1, 0, 0]"))
    assert lit(browser, "chosen") == {"y[1, 0, 0]"}
    assert lit(browser, "factor") == named("x", range(2), range(-1, 2), range(-1, 2))
    assert lit(browser, "weighted") == named("w", [1], range(2), range(3), range(3)) | {"b[1]"}
    assert len(assert_sum_adds_up(browser)) == 2 * 4 + 1
    assert "and 10 products with padding, which are 0" in text(browser, "sum")
    lines = {line.text for line in browser.find_elements("css selector", "#sum .names")}
    assert "w[1, 1, 2, 1] · x[1, 1, 0]" in lines
    hover(browser, browser.find_element("id", "title"))
    assert text(browser, "number") == before


def test_hovering_an_input_shows_who_reads_it(browser):
    hover(browser, cell(browser, "x[0, 0, 0]"))
    assert lit(browser, "factor") == named("y", range(2), range(2), range(2))
    assert "a part in 8 numbers" in text(browser, "sum")


def test_backward_shows_what_reaches_a_pixel_and_a_weight(browser):
    browser.find_element("id", "backward").click()
    hover(browser, cell(browser, "dx[1, 0, 4]", "gradient"))
    assert lit(browser, "factor", "gradient") == named("dy", range(2), range(2), range(3, 5))
    assert lit(browser, "weighted") == named("w", range(2), [1], range(2), range(1, 3))
    assert len(assert_sum_adds_up(browser)) == 8
    hover(browser, cell(browser, "dw[0, 1, 2, 2]", "gradient"))
    assert lit(browser, "factor", "gradient") == named("dy", [0], range(5), range(5))
    assert lit(browser, "partner") == named("x", [1], range(1, 6), range(1, 6))
    assert len(assert_sum_adds_up(browser)) == 25


def test_one_number_is_changed_by_typing_and_all_that_depends_on_it_follows(browser):
    before = arrays(browser)["y"]
    browser.find_element("id", "backward").click()
    cell(browser, "w[1, 0, 2, 0]").click()
    edited = browser.find_element("id", "edited")
    edited.clear()
    edited.send_keys("7.5")
    after = assert_page_agrees(browser)
    assert after["w"][1, 0, 2, 0] == 7.5
    assert (after["y"][0, 0] == before[0, 0]).all()
    assert (after["y"][0, 1] != before[0, 1]).any()
    cell(browser, "dy[0, 3, 3]", "gradient").click()
    for button in ("more", "more", "less"):
        browser.find_element("id", button).click()
    moved = assert_page_agrees(browser)
    assert moved["dy"][0, 0, 3, 3] == after["dy"][0, 0, 3, 3] + 1
    # What was typed stays when the geometry changes, and the reset takes it back.
    browser.find_element("css selector", "#options input[name=stride][value='2']").click()
    assert assert_page_agrees(browser)["w"][1, 0, 2, 0] == 7.5
    browser.find_element("id", "reset").click()
    assert assert_page_agrees(browser)["w"][1, 0, 2, 0] != 7.5


@pytest.mark.parametrize("typed", ["", "-", "1e7", "e"])
def test_what_is_no_number_or_too_large_is_not_taken(browser, typed):
    before = arrays(browser)
    cell(browser, "x[0, 1, 1]").click()
    press(browser, Keys.ENTER, Keys.DELETE, *typed)
    taken = assert_page_agrees(browser)
    assert taken["x"][0, 0, 1, 1] in (before["x"][0, 0, 1, 1], 1)  # on the way to 1e7 there is a 1


def test_a_pointer_that_moves_meanwhile_takes_no_letter_away(browser):
    """Nor does one that rests on another number when Enter is pressed."""
    cell(browser, "x[0, 1, 1]").click()
    ActionChains(browser).move_to_element(cell(browser, "y[0, 0, 0]")).send_keys(
        Keys.ENTER, Keys.DELETE, "1e"
    ).perform()
    ActionChains(browser).move_to_element(cell(browser, "x[0, 0, 0]")).send_keys("5").perform()
    assert assert_page_agrees(browser)["x"][0, 0, 1, 1] == 1e5


def test_a_variance_cannot_be_below_zero(browser, page):
    load(browser, page, "batch-norm?mode=evaluation")
    cell(browser, "var[0]").click()
    press(browser, *"---------")
    assert assert_page_agrees(browser)["var"][0] >= 0


def test_a_result_and_the_padding_cannot_be_changed(browser):
    for name in ("y[0, 0, 0]", "x[0, −1, 2]"):
        cell(browser, name).click()
        assert text(browser, "number").startswith(name)
        assert not browser.find_element("id", "editor").is_displayed()


def test_everything_works_with_the_keyboard_alone(browser):
    cell(browser, "x[1, 4, 4]").click()
    press(browser, Keys.ARROW_UP, Keys.ARROW_UP, Keys.ARROW_LEFT)
    assert text(browser, "number").startswith("x[1, 2, 3]")
    before = arrays(browser)["x"][0, 1, 2, 3]
    press(browser, "+", "+", "-")
    assert arrays(browser)["x"][0, 1, 2, 3] == before + 1
    press(browser, Keys.ENTER)
    assert browser.switch_to.active_element.get_attribute("id") == "edited"
    press(browser, "4", Keys.ENTER)
    assert assert_page_agrees(browser)["x"][0, 1, 2, 3] == 4
    assert browser.switch_to.active_element.get_attribute("aria-label") == "x[1, 2, 3] = 4"
    # From one map to the next, and on to the next array with Tab.
    press(browser, *[Keys.ARROW_UP] * 4)
    assert text(browser, "number").startswith("x[0, 5, 3]")
    press(browser, Keys.TAB)
    assert text(browser, "number").startswith("w[0, 0, 0, 0]")
    assert "w[0, 0, 0, 0]" in browser.find_element("id", "spoken").get_attribute("textContent")
    # The options, with the arrows that choose among radio buttons.
    browser.execute_script("document.querySelector('#options input:checked').focus()")
    press(browser, Keys.ARROW_RIGHT)
    assert browser.execute_script("return state.options.kernel") == 5
    assert_page_agrees(browser)


def test_touching_a_number_shows_it_on_a_phone(browser, page):
    show(browser, PHONE)
    load(browser, page, "grouped?groups=4&direction=backward")
    touched = cell(browser, "dx[2, 1, 1]", "gradient")
    browser.execute_script("arguments[0].scrollIntoView({block: 'center'})", touched)
    box = browser.execute_script("return arguments[0].getBoundingClientRect().toJSON()", touched)
    point = {"x": box["x"] + box["width"] / 2, "y": box["y"] + box["height"] / 2}
    for kind, points in (("touchStart", [point]), ("touchEnd", [])):
        browser.execute_cdp_cmd("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
    assert text(browser, "number").startswith("dx[2, 1, 1] = ")
    assert lit(browser, "factor", "gradient") == named("dy", [2], range(3), range(3))
    assert browser.find_element("id", "sum").is_displayed()
    assert min(box["width"], box["height"]) >= 24  # WCAG 2.2, 2.5.8


# Every layer


@pytest.mark.parametrize("offer", BY_NAME)
def test_every_choice_can_be_clicked_and_agrees_with_the_definitions(browser, page, offer):
    load(browser, page, f"{offer}?direction=backward")
    assert text(browser, "title") == BY_NAME[offer].title
    assert_page_agrees(browser)
    for option, offered in BY_NAME[offer].options.items():
        for value in offered:
            choice = browser.find_element("css selector", f"#options input[name='{option}'][value='{value}']")
            if choice.is_enabled():
                browser.execute_script("arguments[0].click()", choice)
                browser.find_element("id", "random").click()
                assert_page_agrees(browser)


def test_counts_are_those_of_the_counters_with_their_working(browser, page):
    load(browser, page, "grouped?groups=4")
    assert "4·1·3·3 = 36" in text(browser, "counts")
    browser.find_element("css selector", "#options input[name=groups][value='1']").click()
    assert "4·4·3·3 = 144" in text(browser, "counts")
    assert "4·4·4·4·3·3 = 2,304" in text(browser, "counts")
    load(browser, page, "ghost?ratio=2")
    cost = ops.depthwise_conv2d_cost((1, 2, 4, 4), (2, 1, 3, 3), padding=1)
    assert cost.macs.working in text(browser, "counts")
    assert "in all 24 384 64" in text(browser, "counts")


def test_matrix_and_wiring_show_which_channel_reads_which(browser, page):
    load(browser, page, "shuffle?groups=2")
    source = ops.channel_shuffle(np.arange(6.0).reshape(1, 6, 1, 1), 2).ravel().astype(int)
    drawn = {
        (int(cell.get_attribute("data-out")), int(cell.get_attribute("data-in")))
        for cell in browser.find_elements("css selector", "#matrix .reads")
    }
    assert drawn == set(enumerate(source))
    wires = browser.find_elements("css selector", "#wiring .wire")
    assert {(int(w.get_attribute("data-out")), int(w.get_attribute("data-in"))) for w in wires} == drawn
    hover(browser, cell(browser, "y[3, 1, 0]"))
    (wire,) = browser.find_elements("css selector", "#wiring .wire.lit")
    assert wire.get_attribute("data-in") == str(source[3])


def test_reach_goes_through_all_steps(browser, page):
    load(browser, page, "squeeze-excite")
    hover(browser, cell(browser, "y[2, 0, 1]"))
    assert lit(browser, "reached") >= named("x", range(4), range(3), range(3))


# The page as a page


def test_a_phone_need_not_scroll_sideways(browser):
    """Every choice of every layer, half of them forward and half backward."""
    show(browser, PHONE)
    script = """
    history.replaceState = () => {};  // it may not be called so often
    const wide = {};
    for (const offer of OFFERS) for (const choice of Object.keys(offer.places)) for (const backward of [false, true]) {
      const chosen = choice.split(",");
      const options = Object.fromEntries(Object.entries(offer.options).map(([name, offered], i) =>
        [name, offered.find(value => String(value) === chosen[i])]));
      if (backward !== (offer.places[choice] % 2 === 0)) continue;
      choose(offer, options, backward);
      const inner = [...document.querySelectorAll("#stage .array, #stage table, aside table, aside p")];
      const right = Math.max(document.documentElement.scrollWidth, ...inner.map(e => e.getBoundingClientRect().right));
      if (right > innerWidth) wide[`${offer.name} ${choice} ${backward}`] = right;
    }
    return [innerWidth, wide];
    """
    assert browser.execute_script(script) == [PHONE[0], {}]


# Each text against what lies behind it, by the formula of WCAG 2.2, 1.4.3; lines through what cannot be chosen aside.
CONTRAST = """
const canvas = Object.assign(document.createElement("canvas"), { width: 1, height: 1 });
const pen = canvas.getContext("2d", { willReadFrequently: true });
const colour = (css, under) => {
  pen.fillStyle = under; pen.fillRect(0, 0, 1, 1);
  pen.fillStyle = css; pen.fillRect(0, 0, 1, 1);
  return [...pen.getImageData(0, 0, 1, 1).data].slice(0, 3);
};
const light = rgb => rgb.map(c => c / 255).map(c => (c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4))
  .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
const behind = element => {
  const chain = [];
  for (let at = element; at; at = at.parentElement) chain.unshift(getComputedStyle(at).backgroundColor);
  return chain.reduce((under, css) => `rgb(${colour(css, under)})`, "white");
};
const poor = [];
for (const element of document.querySelectorAll("body *")) {
  const own = [...element.childNodes].some(node => node.nodeType === 3 && node.textContent.trim());
  if (!own || !element.getClientRects().length || element.closest(".hidden, script, label:has(:disabled)")) continue;
  const style = getComputedStyle(element), under = behind(element);
  const ink = element.namespaceURI.endsWith("svg") ? style.fill : style.color;
  const [a, b] = [light(colour(ink, under)), light(colour(under, "white"))].sort((p, q) => q - p);
  const ratio = (a + 0.05) / (b + 0.05);
  if (ratio < 4.5) poor.push(`${element.outerHTML.slice(0, 80)}: ${ratio.toFixed(2)}`);
}
return poor;
"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("address", ["standard", "grouped?direction=backward", "dfc", "batch-norm?direction=backward"])
def test_text_stands_out_from_what_lies_behind_it(browser, page, address, scheme):
    show(browser, WIDE, scheme)
    load(browser, page, address)
    assert browser.execute_script(CONTRAST) == []


def test_a_page_may_begin_elsewhere_and_its_address_has_the_last_word(browser, tmp_path):
    shown_first = "return [state.offer.name, state.backward]"
    page = tmp_path / "explore.html"
    page.write_text(explorer_page("ghost", backward=True), encoding="utf-8")
    load(browser, page)
    assert browser.execute_script(shown_first) == ["ghost", True]
    load(browser, page, "pooling")
    assert browser.execute_script(shown_first) == ["pooling", False]


def test_page_is_one_small_file_that_asks_for_nothing(browser, page):
    html = page.read_text(encoding="utf-8")
    assert len(html.encode()) < 3_000_000
    assert re.findall(r"(?:src|href)=\"(?!#|data:,)[^\"]*\"|@import|url\(|fetch\(|XMLHttpRequest|import\(", html) == []
    assert set(re.findall(r"https?://[^\"\s]+", html)) == {"http://www.w3.org/2000/svg"}  # a name, and no address
    assert browser.execute_script("return performance.getEntriesByType('resource').length") == 0


def test_every_number_and_control_has_a_name_for_those_who_listen(browser):
    script = """
    return [...document.querySelectorAll("[tabindex], button, input, a, [role]")]
      .filter(e => !(e.getAttribute("aria-label") || e.getAttribute("aria-labelledby") || e.labels?.length ||
                     e.textContent.trim() || e.role === "row"))
      .map(e => e.outerHTML.slice(0, 80));
    """
    assert browser.execute_script(script) == []
    assert browser.find_elements("css selector", "#stage td:not([role=gridcell])") == []


def test_the_readme_opens_with_a_picture_of_it():
    (first, *_) = re.findall(r"!\[[^]]+\]\(([^)]+)\)", (ROOT / "README.md").read_text(encoding="utf-8"))
    assert ROOT / first == PICTURE
    with Image.open(PICTURE) as image:
        assert image.size == tuple(int(side * SCALE) for side in SIZE)
    assert PICTURE.stat().st_size < 400_000
