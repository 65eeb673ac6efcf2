// the list of models: search, filters, order

// the loss after the last stage that a law describes: [value, low, high, stage]
function lossAfter(model, law) {
  const reached = (model.recipe?.stages || []).filter(stage => stage.loss[law]);
  if (!reached.length) return null;
  const last = reached[reached.length - 1];
  return { value: last.loss[law][0], low: last.loss[law][1], high: last.loss[law][2], stage: last.name };
}

const known = model => model.recipe && model.recipe.totals.flops > 0;
const unknownStages = model => model.recipe.totals.unknown.length
  ? `${model.recipe.stages.length - model.recipe.totals.unknown.length} of ${model.recipe.stages.length} stages` : "";
const stageKinds = model => [...new Set((model.recipe?.stages || []).map(stage => stage.kind))];

// a column: its heading, unit, whether larger comes first at the first press, what it sorts by and what it shows
const COLUMNS = [
  { id: "name", heading: "Model", unit: "family", key: m => m.name,
    cell: m => ({ text: m.name, below: m.family === m.name ? "" : m.family }) },
  { id: "kind", heading: "Kind", unit: "what is open", key: m => m.kind, cell: m => ({ text: m.kind.replaceAll("_", "-"), below: m.open }) },
  { id: "owner", heading: "Owner", unit: "who released it", key: m => m.owner || null, cell: m => m.owner ? { text: m.owner } : NOT_KNOWN },
  { id: "released", heading: "Date", unit: "of release", key: m => m.released || null,
    cell: m => m.released ? { text: m.released } : NOT_KNOWN },
  { id: "parameters", heading: "Parameters", unit: "total; active (all)", number: true, key: m => m.parameters ?? null,
    cell: m => m.parameters === undefined ? NOT_KNOWN
      : { text: quantity(m.parameters), number: m.parameters, mark: "projected", below: isSparse(m) ? `${quantity(m.active.all)} active` : "" } },
  { id: "tokens", heading: "Tokens", unit: "known stages", number: true, key: m => m.recipe?.totals.tokens || null,
    cell: m => m.recipe?.totals.tokens ? { text: quantity(m.recipe.totals.tokens, 4), number: m.recipe.totals.tokens, below: unknownStages(m) } : NOT_KNOWN },
  { id: "flops", heading: "Training FLOPs", unit: "FLOP, causal", number: true, key: m => known(m) ? m.recipe.totals.flops : null,
    cell: m => known(m) ? { text: estimate(m.recipe.totals.flops), number: m.recipe.totals.flops, mark: "projected" } : NOT_KNOWN },
  { id: "hours", heading: "Accelerator-hours", unit: "h", number: true, live: true, key: m => live(m).hours?.value ?? null,
    cell: m => amount(live(m), "hours", estimate) },
  { id: "cost", heading: "Cost", unit: "USD", number: true, live: true, key: m => live(m).cost?.value ?? null,
    cell: m => amount(live(m), "cost", dollars) },
  { id: "loss", heading: "Loss", unit: `${DATA.laws[0].name}, ${DATA.laws[0].unit}`, number: true, key: m => lossAfter(m, DATA.laws[0].name)?.value ?? null,
    cell: m => {
      const reached = lossAfter(m, DATA.laws[0].name);
      return reached ? { text: loss(reached.value), number: reached.value, mark: "projected", below: between(reached, loss) } : NOT_KNOWN;
    } },
  { id: "stages", heading: "Stages", unit: "in order", key: m => stageKinds(m).length || null,
    cell: m => m.recipe ? { text: stageKinds(m).join(" → ").replaceAll("_", "-"), below: m.recipe.base ? `from ${m.recipe.base.model}` : "" } : NOT_KNOWN },
  { id: "attention", heading: "Attention", unit: "or its like", key: m => m.attention,
    cell: m => m.attention ? { text: m.attention } : NOT_KNOWN },
  { id: "context_length", heading: "Context", unit: "tokens", number: true, key: m => m.context_length,
    cell: m => m.context_length === null ? NOT_KNOWN
      : { text: whole(m.context_length), number: m.context_length, mark: m.marks.context_length || "" } },
  { id: "agrees", heading: "Agrees", unit: "of published figures", number: true, key: m => m.published.length ? (m.verdicts.agrees || 0) / m.published.length : null,
    cell: m => m.published.length ? { text: `${m.verdicts.agrees || 0} of ${m.published.length}`,
      below: m.verdicts.FAILS ? `${m.verdicts.FAILS} fail` : "" } : NOT_KNOWN },
];

const column = id => COLUMNS.find(one => one.id === id);

function amount(times, what, shown) {
  if (times[what]) {
    const assumed = times.times.some(time => time?.assumed);
    return { text: shown(times[what].value), number: times[what].value, mark: assumed ? "assumed" : "projected", below: between(times[what], shown) };
  }
  return times.problem ? { text: "not with these", mark: "unknown", below: times.problem } : NOT_KNOWN;
}

// what a search looks through
const HAYSTACKS = new Map(DATA.models.map(model => [model.name, [model.name, model.hf_id, model.family, model.owner, model.kind, model.attention,
  ...model.also, ...(model.recipe?.stages || []).flatMap(stage => [stage.name, stage.kind])].filter(Boolean).join(" ").toLowerCase()]));

function passes(model) {
  const { filter } = state;
  const words = filter.search.toLowerCase().split(/\s+/).filter(Boolean);
  const kinds = stageKinds(model);
  const [least, most] = [parsed(filter.least), parsed(filter.most)];
  const within = (least === null || Number.isNaN(least) || model.parameters >= least)
    && (most === null || Number.isNaN(most) || model.parameters <= most);
  return words.every(word => HAYSTACKS.get(model.name).includes(word))
    && (!filter.family || model.family === filter.family)
    && (!filter.kind || model.kind === filter.kind)
    && (!filter.open || model.open === filter.open)
    && (!filter.attention || (model.attention || "").split("+").includes(filter.attention))
    && within
    && filter.stages.every(kind => kinds.includes(kind))
    && (!filter.chosen || state.selected.has(model.name));
}

// cells are made once, and again where the cost settings change them
const ROWS = new Map();

function makeRow(model) {
  const box = el("input", { type: "checkbox", value: model.name, "aria-label": `Compare ${model.name}`,
    onchange: event => toggle(model.name, event.target.checked) });
  const row = el("tr", { "data-name": model.name });
  COLUMNS.forEach((one, i) => {
    const shown = value(one.cell(model));
    // a long name may break after its underscores
    if (!i) shown[0].replaceChildren(...model.name.split(/(?<=_)/).flatMap(part => [part, el("wbr")]));
    if (i) row.append(el("td", { class: one.number ? "number" : "", "data-column": one.id }, ...shown));
    else row.append(el("th", { scope: "row" }, el("label", {}, box, el("span", {}, ...shown))));
  });
  ROWS.set(model.name, { row, box });
  return row;
}

function refreshCosts() {
  for (const [name, { row }] of ROWS)
    COLUMNS.forEach((one, i) => {
      if (one.live) row.cells[i].replaceChildren(...value(one.cell(MODELS.get(name))).filter(Boolean));
    });
}

function sortRows() {
  const { key } = column(state.sort.by);
  const sign = state.sort.descending ? -1 : 1;
  const keyed = DATA.models.map(model => [key(model), model.name]);
  keyed.sort(([a, nameA], [b, nameB]) => {
    // what is not known stays last, either way
    if (a === null || b === null) return (a === null) - (b === null) || nameA.localeCompare(nameB, "en", { numeric: true });
    return sign * (typeof a === "number" ? a - b : a.localeCompare(b, "en", { numeric: true })) || nameA.localeCompare(nameB, "en", { numeric: true });
  });
  byId("rows").append(...keyed.map(([, name]) => ROWS.get(name).row));
  for (const heading of byId("headings").cells)
    heading.setAttribute("aria-sort", heading.dataset.column !== state.sort.by ? "none" : state.sort.descending ? "descending" : "ascending");
}

function filterRows() {
  let found = 0;
  for (const model of DATA.models) {
    const { row } = ROWS.get(model.name);
    row.hidden = !passes(model);
    found += !row.hidden;
  }
  byId("found").textContent = `${found} of ${DATA.models.length} models`;
  byId("nothing").hidden = found > 0;
  showScatter();
  for (const id of ["least", "most"]) byId(id).setAttribute("aria-invalid", Number.isNaN(parsed(state.filter[id])));
}

function makeHeadings() {
  byId("headings").append(...COLUMNS.map(one => el("th",
    { scope: "col", class: one.number ? "number" : "", "aria-sort": "none", "data-column": one.id },
    el("button", { type: "button", onclick: () => {
      const again = state.sort.by === one.id;
      state.sort = { by: one.id, descending: again ? !state.sort.descending : Boolean(one.number) && one.id !== "loss" };
      sortRows();
      remember();
      say(`Sorted by ${one.heading.toLowerCase()}, ${state.sort.descending ? "descending" : "ascending"}.`);
    } }, one.heading), el("span", { class: "below" }, one.unit))));
}

// the rows that are listed, in their order, with exact numbers
function asCsv() {
  const quoted = text => /[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  const names = [...byId("rows").rows].filter(row => !row.hidden).map(row => row.dataset.name);
  const lines = names.map(name => COLUMNS.map(one => {
    const shown = one.cell(MODELS.get(name));
    return quoted(String(shown === NOT_KNOWN ? "" : shown.number ?? shown.text));
  }).join(","));
  const sources = name => quoted(Object.keys(MODELS.get(name).uses).map(key => DATA.sources[key]?.url || key).join(" "));
  return [[...COLUMNS.map(one => quoted(`${one.heading} [${one.unit}]`)), "Sources [addresses]"].join(","),
    ...lines.map((line, i) => `${line},${sources(names[i])}`)].join("\n") + "\n";
}
