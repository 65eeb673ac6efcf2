// drawings: each has its words in aria-label and its numbers in a table beside it

const DASHES = ["", "9 4", "2 3", "10 3 2 3", "5 2", "12 3 2 3 2 3"];
const MARKERS = [
  "M-4 0a4 4 0 1 0 8 0a4 4 0 1 0 -8 0z", "M-4 -4h8v8h-8z", "M0 -5l5 9h-10z", "M0 -5.5l5.5 5.5l-5.5 5.5l-5.5 -5.5z",
  "M0 5l5 -9h-10z", "M-1.6 -5h3.2v3.4h3.4v3.2h-3.4v3.4h-3.2v-3.4h-3.4v-3.2h3.4z",
];
const colour = slot => `var(--series-${slot + 1})`;

// the line and marker by which a model is known in every drawing
function sample(slot) {
  return svg("svg", { class: "sample", viewBox: "0 0 34 14", width: 34, height: 14, "aria-hidden": "true" },
    svg("path", { d: "M1 7H33", stroke: colour(slot), "stroke-width": 2.2, "stroke-dasharray": DASHES[slot], fill: "none" }),
    svg("path", { d: MARKERS[slot], fill: colour(slot), transform: "translate(17 7)" }));
}

function logTicks(low, high, most) {
  const ticksAt = steps => {
    const ticks = [];
    for (let e = Math.floor(Math.log10(low)); e <= Math.ceil(Math.log10(high)); e++)
      for (const step of steps) if (step * 10 ** e >= low * 0.999 && step * 10 ** e <= high * 1.001) ticks.push(Number(`${step}e${e}`));
    return ticks;
  };
  const finer = [[1, 2, 5], [1, 3], [1]].map(ticksAt);
  const ticks = finer.find(found => found.length <= most) || finer[2];
  const every = Math.ceil(ticks.length / most);
  return ticks.filter((_, i) => i % every === 0);
}

function linearTicks(low, high, most) {
  const rough = (high - low) / most;
  const scale = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].find(s => s * scale >= rough) * scale;
  const ticks = [];
  for (let i = Math.ceil(low / step); i * step <= high * (1 + 1e-9); i++) ticks.push(Number((i * step).toPrecision(6)));
  return ticks;
}

function axis(low, high, from, to, logarithmic) {
  const place = logarithmic ? v => Math.log(Math.max(v, low / 1e3) / low) / Math.log(high / low) : v => (v - low) / (high - low);
  return v => from + (to - from) * place(v);
}

// y at x on a polyline, straight in the logarithm of x; null outside
function readAt(line, x) {
  const xs = line.x;
  if (x < xs[0] * 0.999999 || x > xs[xs.length - 1] * 1.000001) return null;
  let i = xs.findIndex(value => value >= x);
  if (i < 0) i = xs.length - 1;
  if (i === 0) return { y: line.y[0], low: line.low?.[0], high: line.high?.[0] };
  const span = Math.log(xs[i] / xs[i - 1]);
  const share = span > 0 ? Math.log(x / xs[i - 1]) / span : 1;
  const at = values => values && values[i - 1] + (values[i] - values[i - 1]) * share;
  return { y: at(line.y), low: at(line.low), high: at(line.high) };
}

// a polyline that is straight between its points, with points enough to be so on logarithmic axes too
function dense(x, y) {
  const out = { x: [x[0]], y: [y[0]] };
  for (let i = 1; i < x.length; i++) {
    const level = y[i] === y[i - 1], parts = level || x[i] === x[i - 1] ? 1 : 24;
    for (let k = 1; k < parts; k++) {
      const share = k / parts;
      const at = x[i - 1] > 0 && x[i] > 1.5 * x[i - 1] ? x[i - 1] * (x[i] / x[i - 1]) ** share : x[i - 1] + (x[i] - x[i - 1]) * share;
      out.x.push(at);
      out.y.push(y[i - 1] + (y[i] - y[i - 1]) * (at - x[i - 1]) / (x[i] - x[i - 1]));
    }
    out.x.push(x[i]);
    out.y.push(y[i]);
  }
  return out;
}

let drawings = 0;

// lines of several models over tokens. series: [{name, slot, lines: [{x, y, low?, high?, faint?}], points: [{x, y, label}]}]
function lineChart({ series, width, xLabel, yLabel, xLog, yLog, xText, yText, words, onPoint }) {
  const narrow = width < 620, id = `drawing-${++drawings}`;
  const height = narrow ? 300 : 360;
  const labelled = !narrow && series.length > 0;
  const box = { left: yLog ? 82 : 62, right: width - (labelled ? 172 : 12), top: 14, bottom: height - 44 };
  const lines = series.flatMap(s => s.lines);
  const xs = lines.flatMap(l => [l.x[0], l.x[l.x.length - 1]]);
  const positive = lines.flatMap(l => l.y).filter(y => !yLog || y > 0);
  const bounds = lines.flatMap(l => [...(l.low || []), ...(l.high || [])]).filter(y => !yLog || y > 0);
  let [x0, x1] = [Math.min(...xs), Math.max(...xs)], [y0, y1] = [Math.min(...positive, ...bounds), Math.max(...positive, ...bounds)];
  if (!xLog) x0 = 0;
  if (x1 <= x0) x1 = x0 * 1.1 || 1;
  if (yLog) { y0 = Math.max(y0, y1 / 3e4) / 1.3; y1 *= 1.3; } else { const pad = (y1 - y0 || y1 || 1) * 0.06; y0 -= pad; y1 += pad; }
  const px = axis(x0, x1, box.left, box.right, xLog), py = axis(y0, y1, box.bottom, box.top, yLog);
  const root = svg("svg", { viewBox: `0 0 ${width} ${height}`, width, height, role: "img", "aria-label": words, class: "chart" },
    svg("clipPath", { id }, svg("rect", { x: box.left, y: box.top - 6, width: box.right - box.left + 6, height: box.bottom - box.top + 12 })));
  const most = Math.max(2, Math.floor((box.right - box.left) / 85));
  for (const tick of xLog ? logTicks(x0, x1, most) : linearTicks(x0, x1, most))
    root.append(svg("path", { d: `M${px(tick)} ${box.top}V${box.bottom}`, class: "grid" }),
      svg("text", { x: px(tick), y: box.bottom + 17, "text-anchor": "middle" }, xText(tick)));
  for (const tick of yLog ? logTicks(y0, y1, 8) : linearTicks(y0, y1, 7))
    root.append(svg("path", { d: `M${box.left} ${py(tick)}H${box.right}`, class: "grid" }),
      svg("text", { x: box.left - 7, y: py(tick) + 4, "text-anchor": "end" }, yText(tick)));
  root.append(svg("path", { d: `M${box.left} ${box.bottom}H${box.right}`, class: "base" }),
    svg("text", { x: (box.left + box.right) / 2, y: height - 6, "text-anchor": "middle", class: "axis" }, xLabel),
    svg("text", { transform: `translate(13 ${(box.top + box.bottom) / 2}) rotate(-90)`, "text-anchor": "middle", class: "axis" }, yLabel));
  const inside = svg("g", { "clip-path": `url(#${id})` });
  for (const { slot, lines: own } of series)
    for (const line of own) {
      const path = values => line.x.map((x, i) => `${px(x).toFixed(1)} ${py(values[i]).toFixed(1)}`);
      if (line.low) inside.append(svg("path", { d: `M${[...path(line.high), ...path(line.low).reverse()].join("L")}Z`, fill: colour(slot), opacity: 0.13 }));
      inside.append(svg("path", { d: `M${path(line.y).join("L")}`, class: "line", stroke: colour(slot),
        "stroke-dasharray": DASHES[slot], opacity: line.faint ? 0.55 : 1 }));
    }
  for (const { slot, points } of series)
    for (const { x, y, label } of points)
      inside.append(svg("path", { d: MARKERS[slot], transform: `translate(${px(x).toFixed(1)} ${py(y).toFixed(1)})`, class: "marker", fill: colour(slot) },
        svg("title", {}, label)));
  const cursor = svg("path", { class: "cursor", "data-cursor": true });
  inside.append(cursor);
  root.append(inside);
  if (labelled) {
    const ends = series.filter(s => s.lines.length).map(s => {
      const last = s.lines[s.lines.length - 1], n = last.x.length - 1;
      return { ...s, y: py(last.y[n]), x: px(last.x[n]) };
    }).sort((a, b) => a.y - b.y);
    let lowest = box.top;
    for (const end of ends) { end.at = Math.max(end.y, lowest); lowest = end.at + 17; }
    let limit = box.bottom;
    for (const end of [...ends].reverse()) { end.at = Math.min(end.at, limit); limit = end.at - 17; }
    for (const end of ends)
      root.append(svg("path", { d: `M${end.x + 5} ${end.y}L${box.right + 8} ${end.at}`, class: "leader" }),
        svg("text", { x: box.right + 12, y: end.at + 4, class: "label", fill: colour(end.slot) },
          end.name.length > 22 ? `${end.name.slice(0, 21)}…` : end.name));
  }
  const toX = share => xLog ? x0 * (x1 / x0) ** share : x0 + (x1 - x0) * share;
  root.addEventListener("pointermove", event => {
    const frame = root.getBoundingClientRect();
    const at = (event.clientX - frame.left) * width / frame.width;
    onPoint(Math.min(1, Math.max(0, (at - box.left) / (box.right - box.left))));
  });
  const point = share => cursor.setAttribute("d", `M${px(toX(share))} ${box.top}V${box.bottom}`);
  const toShare = x => xLog ? Math.log(x / x0) / Math.log(x1 / x0) : (x - x0) / (x1 - x0);
  return { root, point, toX, toShare };
}

// the learning rate of one model: a band a stage, each with its own length
function rateBands({ model, slot, width, low, high, yLog }) {
  const height = 190, box = { left: 62, top: 38, bottom: height - 26 };
  const longest = Math.max(...model.recipe.stages.map(s => s.tokens || 0));
  const weights = model.recipe.stages.map(s => !s.rates ? 0.9 : s.tokens && s.tokens === longest ? 2.6 : 1.2);
  const unit = Math.max((width - box.left - 8) / weights.reduce((a, b) => a + b), 84);
  const right = box.left + unit * weights.reduce((a, b) => a + b);
  const words = model.recipe.stages.map(s => `${s.name}: ${s.peak_rate !== null ? `peak ${rate(s.peak_rate)}, at the end ${rate(s.final_rate)}` : s.stated_peak !== null ? `peak ${rate(s.stated_peak)}, length not known` : "not known"}`);
  const root = svg("svg", { viewBox: `0 0 ${right + 8} ${height}`, width: right + 8, height, role: "img", class: "chart",
    "aria-label": `Learning rate of ${model.name}, one band a stage. ${words.join("; ")}.` });
  const hatch = `hatch-${++drawings}`;
  root.append(svg("pattern", { id: hatch, width: 7, height: 7, patternUnits: "userSpaceOnUse", patternTransform: "rotate(45)" },
    svg("path", { d: "M0 0V7", class: "hatch" })),
    // on a logarithmic axis a rate of zero lies below the panel: the curve leaves it there
    svg("clipPath", { id: `${hatch}-panel` }, svg("rect", { x: box.left - 2, y: box.top - 4, width: right - box.left + 4, height: box.bottom - box.top + 4 })));
  const drawn = high > 0 ? axis(low, high, box.bottom, box.top, yLog) : null;
  if (drawn)
    for (const tick of yLog ? logTicks(low, high, 5) : linearTicks(low, high, 4))
      root.append(svg("path", { d: `M${box.left} ${drawn(tick)}H${right}`, class: "grid" }),
        svg("text", { x: box.left - 7, y: drawn(tick) + 4, "text-anchor": "end" }, yLog ? power(tick, 1) : rate(tick)));
  let left = box.left;
  model.recipe.stages.forEach((stage, i) => {
    const wide = weights[i] * unit, middle = left + wide / 2;
    const fits = text => text.length * 7.2 > wide ? `${text.slice(0, Math.max(3, Math.floor(wide / 7.2) - 1))}…` : text;
    if (i) root.append(svg("path", { d: `M${left} ${box.top - 6}V${box.bottom}`, class: "edge" }));
    root.append(svg("text", { x: middle, y: 14, "text-anchor": "middle", class: "stage" }, fits(stage.name), svg("title", {}, stage.name)),
      svg("text", { x: middle, y: 28, "text-anchor": "middle" }, stage.kind));
    if (stage.rates && drawn) {
      const { by } = stage.rates, { x, y } = yLog ? dense(stage.rates.x, stage.rates.y) : stage.rates;
      const path = x.map((share, k) => `${(left + share * wide).toFixed(1)} ${drawn(y[k]).toFixed(1)}`);
      const length = by === "tokens" && stage.tokens ? `${quantity(stage.tokens, 4)} tokens` : `${whole(stage.steps)} steps`;
      root.append(svg("path", { d: `M${path.join("L")}`, class: "line", stroke: colour(slot), "stroke-dasharray": DASHES[slot], "clip-path": `url(#${hatch}-panel)` }),
        svg("text", { x: middle, y: height - 8, "text-anchor": "middle" }, length));
    } else {
      root.append(svg("rect", { x: left, y: box.top, width: wide, height: box.bottom - box.top, fill: `url(#${hatch})` }),
        svg("text", { x: middle, y: (box.top + box.bottom) / 2 + 4, "text-anchor": "middle", class: "over" },
          stage.stated_peak === null ? (wide > 110 ? "not known" : "not known") : `peak ${rate(stage.stated_peak)}`));
    }
    left += wide;
  });
  root.append(svg("path", { d: `M${box.left} ${box.bottom}H${right}`, class: "base" }));
  return root;
}
