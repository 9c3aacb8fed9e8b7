// All the arithmetic of this page. It knows no convolution: it adds up products that ghostnp's definitions gave away.
//
// A scene has one long row of numbers, those of all its arrays one after the other. A step makes one array. For each
// of its numbers it has terms, and a term is a coefficient and two places in the row (the second is -1 where there is
// only one). Backward, every product passes dy times the other factor to each factor, whatever the layer is.

// Functions of one number, and their slopes.
const FUNCTIONS = {
  relu: { of: v => Math.max(v, 0), slope: v => (v > 0 ? 1 : 0), text: v => `max(${v}, 0)` },
  sigmoid: {
    of: v => 1 / (1 + Math.exp(-v)),
    slope: v => { const y = 1 / (1 + Math.exp(-v)); return y * (1 - y); },
    text: v => `1 / (1 + exp(−(${v})))`,
  },
  hard_sigmoid: {
    of: v => Math.min(Math.max(v + 3, 0), 6) / 6,
    slope: v => (Math.abs(v) >= 3 ? 0 : 1 / 6),
    text: v => `min(max(${v} + 3, 0), 6) / 6`,
  },
  rsqrt: { of: v => (v + 1e-5) ** -0.5, slope: v => -0.5 * (v + 1e-5) ** -1.5, text: v => `1 / √(${v} + 0.00001)` },
};

// What is stored, with each step's terms as objects, each array's places, and for each number who uses it.
function unpack(stored) {
  let offset = 0;
  const arrays = stored.arrays.map((array, index) => {
    const [[top, bottom], [left, right]] = array.rim;
    const padded = array.shape.slice();
    if (top + bottom + left + right) {
      padded[padded.length - 2] += top + bottom;
      padded[padded.length - 1] += left + right;
    }
    const size = padded.reduce((a, b) => a * b, 1);
    const made = { ...array, index, offset, padded, size, inside: [] };
    for (let place = 0; place < size; place++) {
      const at = unravel(place, padded);
      const [row, column] = at.slice(-2);
      const isRim = top + bottom + left + right > 0 &&
        (row < top || row >= padded.at(-2) - bottom || column < left || column >= padded.at(-1) - right);
      if (!isRim) made.inside.push(offset + place);
    }
    offset += size;
    return made;
  });
  const users = Array.from({ length: offset }, () => []);
  const madeBy = new Array(offset).fill(null);
  const steps = stored.steps.map((step, index) => {
    const result = arrays[step.result];
    const terms = step.terms.map((flat, o) => {
      const row = [];
      for (let i = 0; i < flat.length; i += 2) {
        const coefficient = step.coefficients ? step.coefficients[o][i / 2] : 1;
        row.push({ coefficient, a: flat[i], b: flat[i + 1] });
      }
      return row;
    });
    const made = { ...step, index, array: result, terms, outputs: result.inside };
    terms.forEach((row, o) => {
      madeBy[result.inside[o]] = { step: made, terms: row };
      row.forEach(term => {
        users[term.a].push({ step: made, o: result.inside[o], terms: row, term, other: term.b });
        if (term.b >= 0) users[term.b].push({ step: made, o: result.inside[o], terms: row, term, other: term.a });
      });
    });
    return made;
  });
  return { arrays, steps, users, madeBy, size: offset, output: arrays[steps.at(-1).result], fill: stored.fill };
}

function unravel(place, shape) {
  const at = new Array(shape.length);
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    at[axis] = place % shape[axis];
    place = Math.floor(place / shape[axis]);
  }
  return at;
}

// The term that a maximum took: the first of the largest.
function largest(terms, values) {
  let best = terms[0];
  for (const term of terms) if (values[term.a] > values[best.a]) best = term;
  return best;
}

function product(term, values) {
  return term.coefficient * values[term.a] * (term.b < 0 ? 1 : values[term.b]);
}

// Every result, from the inputs and weights that are in `values` already.
function runForward(scene, values) {
  for (const step of scene.steps) {
    step.terms.forEach((terms, o) => {
      let y = 0;
      if (step.kind === "sum") for (const term of terms) y += product(term, values);
      else if (step.kind === "max") y = values[largest(terms, values).a];
      else y = FUNCTIONS[step.kind].of(terms[0].coefficient * values[terms[0].a]);
      values[step.outputs[o]] = y;
    });
  }
}

// What one use of a number adds to its gradient: dy of the result, times what stood beside it.
function share(use, values, gradients) {
  const { step, o, term, other } = use, dy = gradients[o];
  if (step.kind === "sum") return term.coefficient * dy * (other < 0 ? 1 : values[other]);
  if (step.kind === "max") return largest(use.terms, values) === term ? dy : 0;
  return term.coefficient * FUNCTIONS[step.kind].slope(term.coefficient * values[term.a]) * dy;
}

// The gradient of every number, from that of the output, which is in `gradients` already.
function runBackward(scene, values, gradients) {
  const given = scene.output.inside.map(place => gradients[place]);
  gradients.fill(0);
  scene.output.inside.forEach((place, o) => { gradients[place] = given[o]; });
  const last = new Map(scene.steps.map((step, index) => [step.array.index, index]));
  // Results after what is made of them: a step comes after those that it reads.
  const order = scene.arrays.slice().sort((p, q) => (last.get(q.index) ?? -1) - (last.get(p.index) ?? -1));
  for (const array of order) {
    if (array === scene.output) continue;
    for (const place of array.inside) {
      for (const use of scene.users[place]) gradients[place] += share(use, values, gradients);
    }
  }
}

// All numbers that one is made of, or with `onward` all that are made of it, however many steps away.
function reach(scene, place, onward = false) {
  const found = new Set(), waiting = [place];
  while (waiting.length) {
    const at = waiting.pop();
    const next = onward
      ? scene.users[at].map(use => use.o)
      : (scene.madeBy[at]?.terms ?? []).flatMap(term => (term.b < 0 ? [term.a] : [term.a, term.b]));
    for (const place of next) if (!found.has(place)) { found.add(place); waiting.push(place); }
  }
  return found;
}
