// What is shown, and what the reader does. The numbers come from arithmetic.js.

const OFFERS = JSON.parse(document.getElementById("offers").textContent);
const $ = id => document.getElementById(id);
const state = { offer: null, options: {}, scene: null, values: null, gradients: null, backward: false,
  chosen: null, hovered: null, cells: { value: new Map(), gradient: new Map() } };

// Words and numbers

const minus = text => text.replace("-", "−");

function short(number) {
  if (number === -Infinity) return "−∞";
  if (Math.abs(number) >= 10000) return minus(number.toExponential(0).replace("e+", "e"));
  if (Number.isInteger(number)) return minus(String(number || 0));
  const size = Math.abs(number);
  const text = number.toFixed(size >= 100 ? 0 : size >= 10 ? 1 : 2);
  return Number(text) === 0 ? "~0" : minus(text.replace(/^(-?)0\./, "$1.").replace(/\.0+$/, ""));
}

function exact(number) {
  if (number === -Infinity) return "−∞";
  return minus(String(Number(number.toPrecision(5)) || 0));
}

const bracketed = number => (number < 0 ? `(${exact(number)})` : exact(number));

function arrayOf(place) {
  return state.scene.arrays.findLast(array => array.offset <= place);
}

const isEditable = (side, array) => (side === "value" ? array.role !== "result" : array === state.scene.output);

const isOneImage = array => array.shape.length === 4 && array.shape[0] === 1 && array.role !== "weight";

// x[1, 0, 2], as in the formulas: without the image where there is one, and without row and column of a single pixel.
function nameOf(place, side = "value") {
  const array = arrayOf(place), at = unravel(place - array.offset, array.padded);
  const [[top], [left]] = array.rim;
  if (at.length === 4) { at[2] -= top; at[3] -= left; }
  if (at.length === 4 && array.padded[2] * array.padded[3] === 1) at.length = 2;
  if (isOneImage(array)) at.shift();
  return `${side === "gradient" ? gradientName(array) : array.name}[${at.map(i => minus(String(i))).join(", ")}]`;
}

const gradientName = array => (array.name.includes(" ") ? `d(${array.name})` : `d${array.name}`);
const isRim = place => !arrayOf(place).inside.includes(place);

// Elements

function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name === "class") made.className = value;
    else if (value !== false && value !== null) made.setAttribute(name, value === true ? "" : value);
  }
  made.append(...children.filter(child => child !== null));
  return made;
}

const SVG = "http://www.w3.org/2000/svg";
function drawn(tag, attributes, ...children) {
  const made = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children);
  return made;
}

// Which layer, with which options

function readAddress() {
  const address = decodeURIComponent(location.hash.slice(1)) || document.documentElement.dataset.start;
  const [name, query] = address.split("?");
  const offer = OFFERS.find(each => each.name === name) ?? OFFERS[0];
  const asked = new URLSearchParams(query ?? "");
  const options = {};
  for (const [option, offered] of Object.entries(offer.options)) {
    options[option] = offered.find(value => String(value) === asked.get(option)) ?? offered[0];
  }
  choose(offer, sceneOf(offer, options) ? options : start(offer), asked.get("direction") === "backward");
}

const start = offer => Object.fromEntries(Object.entries(offer.options).map(([name, [first]]) => [name, first]));
const sceneOf = (offer, options) => offer.scenes[offer.places[Object.values(options).join(",")]];

function choose(offer, options, backward = state.backward) {
  const { scene, values, gradients } = state, before = offer === state.offer ? { scene, values, gradients } : null;
  Object.assign(state, { offer, options, backward, scene: unpack(sceneOf(offer, options)), hovered: null });
  state.values = new Float64Array(state.scene.size);
  state.gradients = new Float64Array(state.scene.size);
  fill(seeded(offer.name), before);
  compute();
  const query = new URLSearchParams(options);
  if (backward) query.set("direction", "backward");
  history.replaceState(null, "", `#${offer.name}?${query}`);
  drawAll();
}

// Whole numbers, or quarters where there is a gate that would be shut or open throughout. Of one array the same ones
// whatever the options, and what the reader typed stays.
function fill(generator, before) {
  const { scene, values, gradients, offer } = state;
  if (scene.fill === "-inf") values.fill(-Infinity);
  for (const array of scene.arrays) {
    const isOutput = array === scene.output;
    if (array.role === "result" && !isOutput) continue;
    const next = generator(array), target = isOutput ? gradients : values;
    const same = before?.scene.arrays.find(old =>
      old.name === array.name && old.role === array.role && String(old.shape) === String(array.shape));
    array.inside.forEach((place, i) => {
      const whole = Math.floor(next() * 6) - 2;
      const unit = array.role === "weight" ? offer.unit : 1;
      target[place] = same
        ? (isOutput ? before.gradients : before.values)[same.inside[i]]
        : array.role === "variance" ? Math.abs(whole) + 1 : (isOutput ? Math.max(-2, whole - 1) : whole) * unit;
    });
  }
}

// A small generator of numbers between 0 and 1 (mulberry32), so that everybody starts from the same ones.
function seeded(word) {
  return array => {
    let seed = [...`${word} ${array.name}`].reduce((sum, letter) => (sum * 31 + letter.codePointAt(0)) | 0, 7);
    return () => {
      seed = (seed + 0x6d2b79f5) | 0;
      let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
      t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
      return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
    };
  };
}

function compute() {
  runForward(state.scene, state.values);
  runBackward(state.scene, state.values, state.gradients);
}

// No number, one beyond the limits that the field names, or a variance below 0 is not taken.
function setNumber(side, place, number) {
  const isTaken = Math.abs(number) <= 1e6 && !(arrayOf(place).role === "variance" && number < 0);
  if (!isTaken) return false;
  (side === "value" ? state.values : state.gradients)[place] = number;
  compute();
  writeNumbers();
  light();
  return true;
}

// Drawing: once for each choice

function drawAll() {
  const { offer, scene } = state;
  document.title = `${offer.title} · ghostnp explore`;
  for (const link of $("layers").children) {
    if (link.dataset.name === offer.name) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  $("title").textContent = offer.title;
  $("text").textContent = offer.text;
  const formula = state.backward ? offer.backward : offer.forward;
  $("formula").replaceChildren(...formula.map(line => element("code", {}, line)));
  const isSingle = scene.steps.length === 1 && scene.arrays.some(array => array.role === "weight");
  $("stage").className = isSingle ? "single" : "chain";
  $("forward").setAttribute("aria-pressed", String(!state.backward));
  $("backward").setAttribute("aria-pressed", String(state.backward));
  document.body.classList.toggle("is-backward", state.backward);
  drawOptions();
  state.channels = colourChannels();
  state.cells = { value: new Map(), gradient: new Map() };
  const inputs = scene.arrays.filter(array => array.role !== "result" && array.role !== "weight");
  const shown = new Set(inputs);
  const block = (label, title, arrays) => element("section", { class: "step", "aria-label": label }, title,
    element("div", { class: "arrays" }, ...arrays.map(drawArray)));
  const blocks = [block("input", null, inputs)];
  for (const step of scene.steps) {
    const weights = scene.arrays.filter(array => array.role === "weight" && !shown.has(array) &&
      step.terms.some(row => row.some(term => [term.a, term.b].some(at => at >= 0 && arrayOf(at) === array))));
    weights.forEach(array => shown.add(array));
    const title = scene.steps.length > 1 ? element("h2", {}, step.title) : null;
    blocks.push(block(step.title, title, [...weights, step.array]));
  }
  $("stage").replaceChildren(...blocks);
  state.chosen = state.backward ? firstChosen("gradient", scene.arrays[0])
    : firstChosen("value", scene.output, scene.steps.length > 1);
  drawCounts();
  drawChannels();
  writeNumbers();
  light();
}

// The middle of the first map, or the last; if nothing is to be seen there, the next number that is not 0.
function firstChosen(side, array, last = false) {
  const [n, c, h, w] = array.shape, map = last ? (n * c - 1) * h * w : 0;
  const numbers = side === "value" ? state.values : state.gradients;
  const middle = array.inside[map + (h >> 1) * w + (w >> 1)];
  return { side, place: [middle, ...array.inside.slice(map), ...array.inside].find(at => numbers[at] !== 0) ?? middle };
}

function drawOptions() {
  const { offer, options } = state;
  $("options").replaceChildren(...Object.entries(offer.options).map(([name, offered]) => {
    const choices = offered.slice().sort((a, b) => (typeof a === "number" ? a - b : 0)).map(value => {
      const asked = { ...options, [name]: value };
      const fits = Boolean(sceneOf(offer, asked));
      const input = element("input", { type: "radio", name, value, checked: value === options[name], disabled: !fits });
      input.addEventListener("change", () => {
        choose(offer, asked);
        document.querySelector(`#options input[name="${name}"]:checked`).focus();
      });
      return element("label", fits ? {} : { title: "does not fit together with the other choices" }, input,
        element("span", {}, String(value)));
    });
    return element("fieldset", {}, element("legend", {}, name), element("div", { class: "choices" }, ...choices));
  }));
}

function drawArray(array) {
  const heading = (name, note, kind) => element("h3", { class: kind }, element("b", {}, name), " ",
    element("span", { class: "shape" }, note));
  const values = [heading(array.name, sizeText(array), "value"), drawMaps(array, "value")];
  const hasGradient = array.role !== "statistic" && array.role !== "variance";
  const gradients = [];
  if (state.backward && hasGradient) {
    const note = array === state.scene.output ? "given: the slope of the loss" : sizeText(array);
    gradients.push(heading(gradientName(array), note, "gradient"), drawMaps(array, "gradient"));
  }
  return element("div", { class: `array ${array.role}`, "data-array": array.name }, ...gradients, ...values);
}

function sizeText(array) {
  return (isOneImage(array) ? array.shape.slice(1) : array.shape).join("×");
}

// An array as tables: a map or a kernel each, or one table where each of them would be a single number. The rim of
// padding has no gradient, so it is drawn around the numbers alone.
function drawMaps(array, side) {
  const isGradient = side === "gradient", label = isGradient ? gradientName(array) : array.name;
  const shape = isGradient ? array.shape : array.padded;
  const isWeight = array.role === "weight";
  const placeAt = i => (isGradient ? array.inside[i] : array.offset + i);
  const table = (name, first, rows, columns) => element("table", { role: "grid", "aria-label": name },
    ...count(rows).map(r => element("tr", { role: "row" },
      ...count(columns).map(q => drawCell(placeAt(first + r * columns + q), side)))));
  const holder = element("div", { class: `maps ${side}`, role: "group", "aria-label": `${label}, ${sizeText(array)}` });
  if (shape.length === 1) {
    holder.append(table(label, 0, 1, shape[0]));
    return holder;
  }
  const [n, c, h, w] = shape;
  if (h * w === 1) {
    holder.append(table(label, 0, n, c));
    return holder;
  }
  for (const i of count(n)) {
    const maps = count(c).map(k => {
      const image = !isWeight && n > 1 ? `image ${i}, ` : "";
      const colours = array === state.scene.arrays[0] ? state.channels.input
        : array === state.scene.output ? state.channels.output : [];
      const dot = Number.isInteger(colours[k]) ? element("span", { class: `dot colour-${colours[k]}` }) : null;
      const caption = n * c === 1 || (isWeight && c === 1) ? null
        : element("figcaption", {}, dot, `${image}channel ${k}`);
      const filter = isWeight ? `filter ${i}, ` : "";
      return element("figure", { class: "map" }, caption,
        table(`${label}, ${filter}${image}channel ${k}`, (i * c + k) * h * w, h, w));
    });
    if (!isWeight) holder.append(...maps);
    else {
      holder.append(element("figure", { class: "filter" }, element("figcaption", {}, `filter ${i}`),
        element("div", { class: "kernels" }, ...maps)));
    }
  }
  return holder;
}

const count = n => Array.from({ length: n }, (_, i) => i);

function drawCell(place, side) {
  const cell = element("td", { role: "gridcell", tabindex: "-1", class: isRim(place) ? "rim" : "" });
  cell.dataset.place = place;
  cell.dataset.side = side;
  state.cells[side].set(place, cell);
  return cell;
}

function writeNumbers() {
  const { scene, values, gradients, cells } = state;
  for (const [side, numbers] of [["value", values], ["gradient", gradients]]) {
    for (const array of scene.arrays) {
      const scale = Math.max(1e-12, ...array.inside.map(place => Math.abs(numbers[place])));
      for (let place = array.offset; place < array.offset + array.size; place++) {
        const cell = cells[side].get(place);
        if (!cell) continue;
        const number = numbers[place];
        const text = short(number);
        cell.textContent = text;
        cell.classList.toggle("long", text.length > 4);
        cell.dataset.number = number;
        cell.setAttribute("aria-label", `${nameOf(place, side)}${isRim(place) ? ", padding" : ""} = ${text}`);
        cell.classList.toggle("negative", number < 0 && number > -Infinity);
        cell.style.setProperty("--strength", Number.isFinite(number) ? (Math.abs(number) / scale).toFixed(2) : 0);
      }
    }
  }
}

// Costs, and who reads whom

function drawCounts() {
  const counted = state.scene.steps.filter(step => step.cost);
  const kinds = { params: "parameters", macs: "multiply-adds", other: "other operations" };
  const line = (name, texts, kind) => element("tr", { class: kind }, element("th", { scope: "row" }, name),
    ...Object.entries(kinds).map(([key, word]) => element("td", { "data-of": word }, texts[key])));
  const rows = counted.map(({ cost: { of, params, macs, other } }) =>
    line(of, { params: params[1], macs: macs[1], other: other[1] }, ""));
  if (counted.length > 1) {
    const sum = key => counted.reduce((total, step) => total + step.cost[key][0], 0).toLocaleString("en");
    rows.push(line("in all", { params: sum("params"), macs: sum("macs"), other: sum("other") }, "total"));
  }
  const heads = ["operator", ...Object.values(kinds)].map(text => element("th", { scope: "col" }, text));
  $("counts").replaceChildren(element("thead", {}, element("tr", {}, ...heads)), element("tbody", {}, ...rows));
  const instead = counted.map(({ cost }) => cost.instead).find(Boolean);
  $("instead").textContent = instead
    ? `A standard convolution in its place: ${instead[0]} parameters, ${instead[1]} multiply-adds.` : "";
}

function channelsOf(array) {
  return array.padded[1] ?? array.padded[0];
}

function channelOf(place) {
  const array = arrayOf(place), at = unravel(place - array.offset, array.padded);
  return at.length === 1 ? at[0] : at[1];
}

// For each output channel, the input channels that reach it.
function channelReach() {
  const { scene } = state, input = scene.arrays[0];
  const reads = Array.from({ length: channelsOf(scene.output) }, () => new Set());
  for (const place of scene.output.inside) {
    for (const from of reach(scene, place)) if (arrayOf(from) === input) reads[channelOf(place)].add(channelOf(from));
  }
  return reads;
}

// A colour for each input channel, or for each group; an output channel has it if it reads nothing else.
function colourChannels() {
  const ins = channelsOf(state.scene.arrays[0]), each = state.options.groups ? ins / state.options.groups : 1;
  const input = count(ins).map(c => Math.floor(c / each) % COLOURS), reads = channelReach();
  const output = reads.map(set => {
    const colours = new Set([...set].map(c => input[c]));
    return colours.size === 1 ? [...colours][0] : null;
  });
  return { input, output, reads };
}

const COLOURS = 6;

function drawChannels() {
  const { reads, input, output } = state.channels, ins = input.length, outs = output.length;
  const named = k => (k === null ? "plain" : `colour-${k}`);
  const step = 44, width = Math.max(ins, outs) * step + 8, box = (k, y, many, word, side) => {
    const x = 8 + (k + (Math.max(ins, outs) - many) / 2) * step;
    return drawn("g", { class: `node ${side}`, "data-channel": k },
      drawn("rect", { x, y, width: 36, height: 28, rx: 5, class: named((side === "in" ? input : output)[k]) }),
      drawn("text", { x: x + 18, y: y + 19, "text-anchor": "middle" }, `${word}${k}`));
  };
  const centre = (k, many) => 8 + (k + (Math.max(ins, outs) - many) / 2) * step + 18;
  const lines = reads.flatMap((set, o) => [...set].map(c => drawn("line", {
    x1: centre(c, ins), y1: 30, x2: centre(o, outs), y2: 102, class: `wire ${named(input[c])}`,
    "data-in": c, "data-out": o })));
  const x = state.scene.arrays[0].name;
  $("wiring").replaceChildren(drawn("svg", { role: "img",
    viewBox: `0 0 ${width + 8} 134`, style: `width: ${width + 8}px`,
    "aria-label": reads.map((set, o) => `y${o} reads ${[...set].map(c => x + c).join(", ")}`).join("; ") },
    ...lines, ...Array.from({ length: ins }, (_, c) => box(c, 2, ins, x, "in")),
    ...Array.from({ length: outs }, (_, o) => box(o, 102, outs, "y", "out"))));
  const head = element("tr", {}, element("td", {}), ...Array.from({ length: ins }, (_, c) =>
    element("th", { scope: "col" }, `${x}${c}`)));
  const rows = reads.map((set, o) => element("tr", {}, element("th", { scope: "row" }, `y${o}`),
    ...Array.from({ length: ins }, (_, c) => {
      const cell = element("td", { class: set.has(c) ? `reads ${named(input[c])}` : "" },
        element("span", { class: "hidden" }, set.has(c) ? "reads" : "does not read"));
      cell.dataset.in = c; cell.dataset.out = o;
      return cell;
    })));
  $("matrix").replaceChildren(element("thead", {}, head), element("tbody", {}, ...rows));
}

// Lighting up what belongs to one number

function light() {
  const { scene, cells } = state, { side, place } = state.hovered ?? state.chosen;
  for (const map of Object.values(cells)) {
    for (const cell of map.values()) {
      cell.classList.remove("chosen", "factor", "weighted", "reached", "marked", "partner");
    }
  }
  const mark = (of, at, name) => {
    if (name !== "reached" || !isRim(at)) cells[of].get(at)?.classList.add(name);
  };
  if (side === "value") {
    for (const at of reach(scene, place)) mark("value", at, "reached");
    for (const at of reach(scene, place, true)) mark("value", at, "reached");
    for (const term of scene.madeBy[place]?.terms ?? []) {
      for (const at of [term.a, term.b]) if (at >= 0) mark("value", at, kindOf(at));
    }
    if (!scene.madeBy[place]) {
      for (const use of scene.users[place]) {
        mark("value", use.o, "factor");
        if (use.other >= 0) mark("value", use.other, kindOf(use.other));
      }
    }
  } else {
    // A gradient comes from those of all results that its number has a part in.
    for (const at of reach(scene, place, true)) mark("gradient", at, "reached");
    for (const use of scene.users[place]) {
      if (use.step.kind === "max" && largest(use.terms, state.values) !== use.term) continue;
      mark("gradient", use.o, "factor");
      if (use.other >= 0) mark("value", use.other, arrayOf(use.other).role === "weight" ? "weighted" : "partner");
    }
    if (place !== undefined && scene.madeBy[place]) {
      for (const at of reach(scene, place)) mark("gradient", at, "reached");
    }
  }
  mark(side, place, "chosen");
  for (const [of, map] of Object.entries(cells)) {
    const own = new Map();
    for (const [at, cell] of map) {
      const array = arrayOf(at);
      if (!own.has(array)) own.set(array, cell);
      cell.tabIndex = -1;
      if (of === state.chosen.side && at === state.chosen.place) own.set(array, cell);
    }
    for (const cell of own.values()) cell.tabIndex = 0;
  }
  lightChannels(place);
  tell(side, place);
}

function lightChannels(place) {
  const { scene } = state, input = scene.arrays[0];
  const all = [place, ...reach(scene, place), ...reach(scene, place, true)];
  const ins = new Set(all.filter(at => arrayOf(at) === input).map(channelOf));
  const outs = new Set(all.filter(at => arrayOf(at) === scene.output).map(channelOf));
  for (const shown of document.querySelectorAll("#wiring .wire, #matrix td[data-in]")) {
    shown.classList.toggle("lit", ins.has(Number(shown.dataset.in)) && outs.has(Number(shown.dataset.out)));
  }
  for (const node of document.querySelectorAll("#wiring .node")) {
    const set = node.classList.contains("in") ? ins : outs;
    node.classList.toggle("lit", set.has(Number(node.dataset.channel)));
  }
}

// The sum, in numbers

// A factor of a product: a number that stands in a cell, or a coefficient.
function factor(kind, name, number, side, place) {
  return { made: element("span", { class: `number ${kind}`, title: name }, bracketed(number)),
    name, number, kind, side, place };
}

const placed = (side, place) => factor(side === "gradient" ? "factor" : kindOf(place), nameOf(place, side),
  (side === "gradient" ? state.gradients : state.values)[place], side, place);

const kindOf = place => (arrayOf(place).role === "weight" ? "weighted" : "factor");

// Parts of a sum: factors, and their product.
function partsForward(place) {
  const { scene, values } = state, made = scene.madeBy[place];
  return made.terms.map(term => {
    const factors = [];
    if (term.coefficient !== 1) factors.push(factor("plain", "", term.coefficient));
    for (const at of [term.a, term.b]) if (at >= 0) factors.push(placed("value", at));
    return { factors, result: product(term, values), isPadding: [term.a, term.b].some(at => at >= 0 && isRim(at)) };
  });
}

function partsBackward(place) {
  const { scene, values, gradients } = state;
  return scene.users[place].flatMap(use => {
    const result = share(use, values, gradients);
    if (use.step.kind === "max" && largest(use.terms, values) !== use.term) return [];
    const factors = [placed("gradient", use.o)];
    if (use.step.kind === "sum") {
      if (use.term.coefficient !== 1) factors.push(factor("plain", "", use.term.coefficient));
      if (use.other >= 0) factors.push(placed("value", use.other));
    } else if (use.step.kind !== "max") {
      const slope = use.term.coefficient * FUNCTIONS[use.step.kind].slope(use.term.coefficient * values[place]);
      factors.push(factor("plain", `slope of ${use.step.kind.replace("_", " ")}`, slope));
    }
    return { factors, result, isPadding: false };
  });
}

function tell(side, place) {
  const { scene, values, gradients } = state, array = arrayOf(place);
  const number = (side === "value" ? values : gradients)[place], made = scene.madeBy[place];
  const name = nameOf(place, side);
  $("number").replaceChildren(element("b", {}, name), isRim(place) ? " (padding)" : "", ` = ${exact(number)}`);
  drawEditor(side, place, array, number);
  const content = [];
  let spoken = `${name} = ${exact(number)}`;
  if (side === "value" && made) {
    const parts = partsForward(place);
    spoken += made.step.kind === "sum" ? `, the sum of ${parts.length} products` : "";
    content.push(...worked(made.step.kind, parts, number, place));
  } else if (side === "gradient" && array !== scene.output) {
    const parts = partsBackward(place);
    spoken += `, the sum of ${parts.length} shares`;
    if (parts.length) content.push(...worked("sum", parts, number, place));
    else content.push(element("p", {}, "No number of y depends on it here, so its gradient is 0."));
  } else if (side === "gradient") {
    content.push(
      element("p", {}, "How much the loss changes with this number of y. It is given, and you may change it."),
      goesTo(place));
  }
  if (side === "value" && !isRim(place)) {
    const uses = scene.users[place];
    if (uses.length) content.push(usedIn(uses));
  }
  if (isRim(place)) {
    content.push(element("p", {}, "A pixel of the padding. It is not part of the input, and gets no gradient."));
  }
  $("sum").replaceChildren(...content);
  if (!state.hovered) $("spoken").textContent = spoken;
}

function worked(kind, parts, number, place) {
  const inside = parts.filter(part => !part.isPadding), padded = parts.length - inside.length;
  const line = element("p", { class: "line" });
  if (kind === "sum") {
    inside.forEach((part, i) => {
      if (i) line.append(" + ");
      part.factors.forEach((each, k) => line.append(...(k ? ["·"] : []), each.made.cloneNode(true)));
    });
    if (!inside.length) line.append("nothing but padding");
  } else if (kind === "max") {
    line.append("max(", inside.map(part => exact(part.result)).join(", "), ")");
  } else {
    line.append(FUNCTIONS[kind].text(exact(parts[0].result)));
  }
  line.append(" = ", element("b", {}, exact(number)));
  const rows = inside.map(part => {
    const row = element("tr", {},
      element("td", { class: "names" }, ...part.factors.flatMap((each, k) =>
        [...(k ? [" · "] : []), element("span", { class: `name ${each.kind}` }, each.name || exact(each.number))])),
      element("td", { class: "numbers" }, ...(part.factors.length === 1 ? []
        : part.factors.flatMap((each, k) => [...(k ? [" · "] : []), each.made]))),
      element("td", { class: "result" }, exact(part.result)));
    row.addEventListener("pointerenter", () => markPart(part, true));
    row.addEventListener("pointerleave", () => markPart(part, false));
    return row;
  });
  const result = [line];
  if (rows.length > 1 || kind === "sum") {
    result.push(element("table", { class: "products" }, element("tbody", {}, ...rows)));
  }
  if (kind === "max") {
    const taken = largest(state.scene.madeBy[place].terms, state.values);
    result.push(element("p", {}, `The largest is ${nameOf(taken.a)}: all of dy will go there.`));
  }
  if (padded) {
    const one = kind === "sum" ? "product with padding, which is 0" : "pixel of padding, which is never taken";
    const many = kind === "sum" ? "products with padding, which are 0" : "pixels of padding, which are never taken";
    result.push(element("p", { class: "soft" }, `and ${padded} ${padded === 1 ? one : many}`));
  }
  return result;
}

function markPart(part, on) {
  for (const each of part.factors) {
    if (each.side) state.cells[each.side].get(each.place)?.classList.toggle("marked", on);
  }
}

// How many there are, and the names of the first of them.
function listed(before, places, one, many, side) {
  const names = [...places].slice(0, 8).map(at => nameOf(at, side)).join("  ");
  const text = `${before} ${places.size} ${places.size === 1 ? one : many}: ${names}${places.size > 8 ? " …" : ""}`;
  return element("p", { class: "soft" }, text);
}

function usedIn(uses) {
  const outputs = new Set(uses.map(use => use.o));
  return listed("It has a part in", outputs, "number of the next step", "numbers of the next step", "value");
}

function goesTo(place) {
  const read = state.scene.madeBy[place].terms.flatMap(term => [term.a, term.b]);
  const targets = new Set(read.filter(at => at >= 0 && !isRim(at)));
  return listed("It is sent on to", targets, "gradient", "gradients", "gradient");
}

// Changing one number

function drawEditor(side, place, array, number) {
  const editor = $("editor");
  const can = isEditable(side, array) && !isRim(place);
  editor.hidden = !can;
  if (!can || document.activeElement === $("edited")) return;
  $("edited").value = String(Number(number.toPrecision(12)));
  $("edited").min = array.role === "variance" ? 0 : -1e6;
  $("edited").setAttribute("aria-label", `${nameOf(place, side)}, change it`);
}

function edit() {
  if (state.hovered) { state.hovered = null; light(); }
  if ($("editor").hidden) return;
  $("edited").focus();
  $("edited").select();
}

function bump(by) {
  const { side, place } = state.chosen;
  if (!isEditable(side, arrayOf(place)) || isRim(place)) return;
  const numbers = side === "value" ? state.values : state.gradients;
  if (setNumber(side, place, numbers[place] + by)) $("edited").value = String(Number(numbers[place].toPrecision(12)));
}

function renew(generator) {
  fill(generator);
  compute();
  writeNumbers();
  light();
}

// What the reader does

function cellOf(event) {
  return event.target.closest?.("td[data-place]");
}

const whereIs = cell => ({ side: cell.dataset.side, place: Number(cell.dataset.place) });

function pick(cell, focus = false) {
  state.chosen = whereIs(cell);
  state.hovered = null;
  light();
  if (focus) cell.focus();
}

function moveFocus(cell, rows, columns) {
  const table = cell.closest("table"), tables = [...cell.closest(".maps").querySelectorAll("table")];
  const row = cell.parentElement.rowIndex + rows, column = cell.cellIndex + columns;
  const find = (of, r, c) => of?.rows[r]?.cells[c];
  let next = find(table, row, column);
  if (!next) {
    const step = columns || rows, neighbour = tables[tables.indexOf(table) + step];
    next = columns ? find(neighbour, row, columns > 0 ? 0 : neighbour?.rows[0].cells.length - 1)
      : find(neighbour, rows > 0 ? 0 : neighbour?.rows.length - 1, column);
  }
  if (next?.dataset.place) next.focus();
}

const stage = $("stage");
stage.addEventListener("pointerover", event => {
  if (event.pointerType === "touch" || document.activeElement === $("edited")) return;  // who types is not disturbed
  const cell = cellOf(event);
  const hovered = cell ? whereIs(cell) : null;
  if (hovered?.place === state.hovered?.place && hovered?.side === state.hovered?.side) return;
  state.hovered = hovered;
  light();
});
stage.addEventListener("pointerleave", () => { if (state.hovered) { state.hovered = null; light(); } });
stage.addEventListener("click", event => { const cell = cellOf(event); if (cell) pick(cell, true); });
stage.addEventListener("dblclick", event => { if (cellOf(event)) edit(); });
stage.addEventListener("focusin", event => { const cell = cellOf(event); if (cell) pick(cell); });
stage.addEventListener("keydown", event => {
  const cell = cellOf(event);
  if (!cell || event.ctrlKey || event.metaKey || event.altKey) return;
  const moves = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };
  if (event.key in moves) moveFocus(cell, ...moves[event.key]);
  else if (event.key === "Enter") edit();
  else if (event.key === "+") bump(1);
  else if (event.key === "-") bump(-1);
  else return;
  event.preventDefault();
});
$("edited").addEventListener("input", () => {
  const { side, place } = state.chosen, text = $("edited").value.trim();
  if (text !== "") setNumber(side, place, Number(text));
});
$("edited").addEventListener("keydown", event => {
  if (event.key === "Enter" || event.key === "Escape") {
    const { side, place } = state.chosen;
    state.cells[side].get(place).focus();
  }
});
$("less").addEventListener("click", () => bump(-1));
$("more").addEventListener("click", () => bump(1));
$("forward").addEventListener("click", () => choose(state.offer, state.options, false));
$("backward").addEventListener("click", () => choose(state.offer, state.options, true));
$("random").addEventListener("click", () => renew(() => Math.random));
$("reset").addEventListener("click", () => renew(seeded(state.offer.name)));
window.addEventListener("hashchange", readAddress);

for (const offer of OFFERS) {
  const link = element("a", { href: `#${offer.name}`, "data-name": offer.name }, offer.title);
  $("layers").append(link);
}
readAddress();
