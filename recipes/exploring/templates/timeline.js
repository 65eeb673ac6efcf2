// scores over the months in which models came out: every printed one, and the best so far

const month = released => { const [year, m = "7"] = released.split("-"); return Number(year) + (Number(m) - 0.5) / 12; };

// the points that nothing before them reaches, as steps up to `end`
function records(points, end) {
  const kept = [];
  for (const point of points) if (!kept.length || point.value > kept[kept.length - 1].value) kept.push(point);
  return { kept, path: (px, py) => kept.map((p, i) => `${i ? "H" : "M"}${px(month(p.released))}${i ? "V" : " "}${py(p.value)}`).join("") + `H${px(end)}` };
}

function timelineChart(line, width) {
  const height = 340, box = { left: 46, right: width - 14, top: 12, bottom: height - 40 };
  const first = Math.floor(Math.min(...line.points.map(p => month(p.released)))), last = Math.max(...line.points.map(p => month(p.released))) + 0.15;
  const px = axis(first, last, box.left, box.right, false), py = axis(0, 100, box.bottom, box.top, false);
  const chart = svg("svg", { class: "chart", viewBox: `0 0 ${width} ${height}`, width, height, role: "img",
    "aria-label": `${line.title}: ${line.points.length} scores of ${first} to ${Math.floor(last)}; the table below has them all` });
  for (let year = Math.ceil(first); year <= last; year++)
    chart.append(svg("path", { class: "grid", d: `M${px(year)} ${box.top}V${box.bottom}` }),
      svg("text", { x: px(year), y: box.bottom + 17, "text-anchor": "middle" }, String(year)));
  for (const tick of linearTicks(0, 100, 5))
    chart.append(svg("path", { class: "grid", d: `M${box.left} ${py(tick)}H${box.right}` }),
      svg("text", { x: box.left - 7, y: py(tick) + 4, "text-anchor": "end" }, `${tick} %`));
  for (const [slot, closed] of [[0, false], [1, true]]) {
    const own = line.points.filter(p => p.closed === closed);
    if (!own.length) continue;
    const best = records(own, last);
    chart.append(svg("path", { class: "line", d: best.path(px, py), stroke: colour(slot), "stroke-dasharray": DASHES[slot] }));
    for (const p of own)
      chart.append(svg("path", { class: "marker", d: MARKERS[slot], fill: colour(slot), transform: `translate(${px(month(p.released))} ${py(p.value)})`,
        opacity: best.kept.includes(p) ? 1 : 0.45 },
        svg("title", {}, `${p.model}, ${p.released}: ${p.value} %${p.setting ? `, ${p.setting}` : ""}`)));
  }
  // the names of those that no other, open or closed, had reached; a name that would touch the one before is left out
  let free = -Infinity;
  for (const p of records(line.points, last).kept) {
    const x = px(month(p.released)), length = p.model.length * 6.6;
    if (x - 7 - length < box.left || x - 7 - length < free) continue;
    free = x + 4;
    chart.append(svg("text", { x: x - 7, y: py(p.value) - 7, "text-anchor": "end", class: "over label" }, p.model));
  }
  return chart;
}

function timelineTable(line) {
  const cells = p => [p.released, p.model, `${p.value} %`, p.setting, [link(DATA.sources[p.source]?.url, p.source), `, ${p.place}`]];
  return el("details", {}, el("summary", {}, `All ${line.points.length} scores`),
    el("div", { class: "scroll", role: "region", tabindex: 0, "aria-label": `Scores on ${line.title}` }, el("table", {},
      el("thead", {}, el("tr", {}, ["Released", "Model", "Score", "Setting", "Source"].map(name => el("th", { scope: "col" }, name)))),
      el("tbody", {}, [...line.points].reverse().map(p => el("tr", {}, cells(p).map(cell => el("td", {}, cell))))))));
}

function showTimelines() {
  const host = byId("timelines");
  const width = Math.max(320, Math.min(host.clientWidth, 1100));
  const open = [...host.querySelectorAll("details")].map(details => details.open);
  host.replaceChildren(...DATA.timelines.filter(line => line.points.length).map(line => el("figure", {}, el("h3", {}, line.title), timelineChart(line, width),
    el("figcaption", { class: "below" }, sample(0), " open weights or published dimensions  ", sample(1),
      " closed; one try each, as printed by whoever measured it: settings differ, the lines are the best so far, and a model of which the year alone is known stands in its middle"),
    timelineTable(line))));
  host.querySelectorAll("details").forEach((details, i) => { details.open = Boolean(open[i]); });
}
