// the catalogue at a glance: a point a model that passes the filters; one stop of the keyboard, arrows go from point to point

const dated = model => {
  const [year, month = 7, day = 1] = (model.released || "").split("-").map(Number);
  return year ? year + (month - 1) / 12 + (day - 1) / 365 : null;
};
const VIEWS = {
  compute: { x: dated, y: m => known(m) ? m.recipe.totals.flops : null, xLabel: "Released", yLabel: "Training FLOPs (logarithmic)", xText: t => String(t), yText: t => power(t, 1),
    said: m => `${m.released}, ${estimate(m.recipe.totals.flops)} FLOP` },
  tokens: { x: m => m.parameters ?? null, y: m => m.recipe?.totals.tokens || null, xLog: true, xLabel: "Parameters, total (logarithmic)", yLabel: "Training tokens (logarithmic)", xText: t => quantity(t), yText: t => quantity(t),
    said: m => `${quantity(m.parameters)} parameters, ${quantity(m.recipe.totals.tokens)} tokens` },
  loss: { x: m => live(m).cost?.value ?? null, y: m => lossAfter(m, DATA.laws[0].name)?.value ?? null, xLog: true, yLinear: true, xLabel: "Cost, projected, USD (logarithmic)", yLabel: `Loss, ${DATA.laws[0].name}, ${DATA.laws[0].unit}`, xText: dollars, yText: t => String(t),
    said: m => `${dollars(live(m).cost.value)}, loss ${loss(lossAfter(m, DATA.laws[0].name).value)}` },
};
const KINDS = [...new Set(DATA.models.map(model => model.kind))].sort((a, b) =>
  DATA.models.filter(m => m.kind === b).length - DATA.models.filter(m => m.kind === a).length);
// eight kinds have a colour and a shape of their own by turns
const look = kind => { const i = Math.max(0, KINDS.indexOf(kind)); return { fill: `var(--series-${i % 8 + 1})`, d: MARKERS[i % MARKERS.length] }; };
let points = [], pointed = -1;

function showScatter() {
  const view = VIEWS[byId("scatter-view").value], frame = byId("scatter-chart");
  const width = Math.max(300, frame.clientWidth - 2), height = width < 620 ? 320 : 420;
  points = DATA.models.filter(passes).map(model => ({ model, x: view.x(model), y: view.y(model) }))
    .filter(({ x, y }) => x !== null && y !== null && y > 0).sort((a, b) => a.x - b.x || a.y - b.y);
  pointed = -1;
  const none = points.length ? "" : "No model of these has both figures on record.";
  byId("scatter-said").textContent = none || `${points.length} models; point at one, or press an arrow key.`;
  if (none) return frame.replaceChildren();
  const of = axisName => points.map(point => point[axisName]);
  let [x0, x1, y0, y1] = [Math.min(...of("x")), Math.max(...of("x")), Math.min(...of("y")), Math.max(...of("y"))];
  if (view.xLog) { x0 /= 1.4; x1 *= 1.4; } else { x0 = Math.floor(x0); x1 = Math.ceil(x1 + 0.01); }
  if (view.yLinear) { const pad = (y1 - y0 || 1) * 0.06; y0 -= pad; y1 += pad; } else { y0 /= 2; y1 *= 2; }
  const box = { left: 78, right: width - 22, top: 12, bottom: height - 46 };
  const px = axis(x0, x1, box.left, box.right, view.xLog), py = axis(y0, y1, box.bottom, box.top, !view.yLinear);
  const root = svg("svg", { viewBox: `0 0 ${width} ${height}`, width, height, class: "chart", "aria-hidden": "true" });
  const most = Math.max(2, Math.floor((box.right - box.left) / 80));
  const years = view.xLog ? [] : Array.from({ length: x1 - x0 + 1 }, (_, i) => x0 + i).filter((_, i, all) => i % Math.ceil(all.length / most) === 0);
  for (const tick of view.xLog ? logTicks(x0, x1, most) : years)
    root.append(svg("path", { d: `M${px(tick)} ${box.top}V${box.bottom}`, class: "grid" }),
      svg("text", { x: px(tick), y: box.bottom + 17, "text-anchor": "middle" }, view.xText(tick)));
  for (const tick of view.yLinear ? linearTicks(y0, y1, 6) : logTicks(y0, y1, 8))
    root.append(svg("path", { d: `M${box.left} ${py(tick)}H${box.right}`, class: "grid" }),
      svg("text", { x: box.left - 7, y: py(tick) + 4, "text-anchor": "end" }, view.yText(tick)));
  root.append(svg("path", { d: `M${box.left} ${box.bottom}H${box.right}`, class: "base" }),
    svg("text", { x: (box.left + box.right) / 2, y: height - 6, "text-anchor": "middle", class: "axis" }, view.xLabel),
    svg("text", { transform: `translate(13 ${(box.top + box.bottom) / 2}) rotate(-90)`, "text-anchor": "middle", class: "axis" }, view.yLabel));
  points.forEach((point, i) => {
    point.mark = svg("path", { ...look(point.model.kind), class: "marker", transform: `translate(${px(point.x).toFixed(1)} ${py(point.y).toFixed(1)})`,
      onpointerenter: () => pointAt(i), onclick: () => toggle(point.model.name, !state.selected.has(point.model.name)) });
    root.append(point.mark);
  });
  frame.replaceChildren(root);
  const shown = new Set(points.map(point => point.model.kind));
  byId("scatter-kinds").replaceChildren(...KINDS.filter(kind => shown.has(kind)).map(kind => el("li", {},
    svg("svg", { viewBox: "-7 -7 14 14", width: 14, height: 14, "aria-hidden": "true" }, svg("path", look(kind))), ` ${kind.replaceAll("_", "-")}`)));
}

function pointAt(i) {
  if (pointed >= 0) points[pointed].mark.classList.remove("is-pointed");
  pointed = i;
  const { model, mark } = points[i];
  mark.classList.add("is-pointed");
  mark.parentNode.append(mark);
  byId("scatter-said").textContent = `${model.name}, ${model.kind.replaceAll("_", "-")}: ${VIEWS[byId("scatter-view").value].said(model)}`;
}

function scatterKeys(event) {
  const step = { ArrowRight: 1, ArrowUp: 1, ArrowLeft: -1, ArrowDown: -1 }[event.key];
  if (!points.length || (!step && event.key !== "Enter")) return;
  event.preventDefault();
  if (step) pointAt((pointed + step + points.length + (pointed < 0 && step < 0 ? 1 : 0)) % points.length);
  else if (pointed >= 0) toggle(points[pointed].model.name, !state.selected.has(points[pointed].model.name));
}
