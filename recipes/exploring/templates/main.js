// the state of the page, which its address keeps, and the controls that change it

const MOST = 6;
// what most is known of comes first
const FIRST_ORDER = { by: "flops", descending: true };
const state = {
  filter: { search: "", family: "", kind: "", open: "", attention: "", least: "", most: "", stages: [], chosen: false },
  sort: { ...FIRST_ORDER },
  selected: new Map(),
  chosen: { ...OWN },
  view: { law: DATA.laws[0].name, rates: "stages" },
};
const costs = new Map();
const live = model => {
  if (!costs.has(model.name)) costs.set(model.name, projected(model, state.chosen));
  return costs.get(model.name);
};

const say = text => { byId("announcer").textContent = text; };

function toggle(name, on) {
  if (on && state.selected.size >= MOST) {
    ROWS.get(name).box.checked = false;
    return say(`${MOST} models are compared already; remove one first.`);
  }
  if (on) {
    // a model keeps its colour while it is chosen
    const taken = new Set(state.selected.values());
    state.selected.set(name, [...Array(MOST).keys()].find(slot => !taken.has(slot)));
  } else state.selected.delete(name);
  say(`${name} ${on ? "added to" : "removed from"} the comparison; ${state.selected.size} of ${MOST} chosen.`);
  showSelection();
  remember();
}

function showSelection() {
  const models = chosenModels();
  for (const [name, { row, box }] of ROWS) {
    box.checked = state.selected.has(name);
    row.classList.toggle("is-chosen", box.checked);
    box.disabled = !box.checked && models.length >= MOST;
  }
  byId("tray-names").replaceChildren(...models.map(model => el("li", {}, ...nameTag(model))));
  byId("tray").hidden = !models.length;
  byId("tray-count").textContent = `${models.length} of ${MOST} chosen`;
  byId("comparison").hidden = !models.length;
  byId("none-chosen").hidden = Boolean(models.length);
  document.body.classList.toggle("has-chosen", Boolean(models.length));
  if (state.filter.chosen) filterRows();
  if (models.length) showComparison(models);
}

function showComparison(models) {
  showCards(models);
  showDifferences(models);
  showLoss(models);
  showRates(models);
  showStages(models);
  showPublished(models);
  showSources(models);
}

function recompute() {
  costs.clear();
  refreshCosts();
  if (["hours", "cost"].includes(state.sort.by)) sortRows();
  if (byId("scatter-view").value === "loss") showScatter();
  const models = chosenModels();
  if (models.length) { showCards(models); showDifferences(models); showStages(models); }
  const impossible = DATA.models.filter(model => live(model).problem).length;
  byId("cost-status").textContent = impossible ? `${impossible} recipes cannot be computed with these settings; their rows say why.` : "";
}

// numbers as they are typed, in decimal, so that 42 % is the same double as 0.42
const SETTINGS = {
  accelerator: text => text || null,
  precision: text => text || null,
  mfu: text => text === "" ? null : Number(`${text}e-2`),
  price: text => text === "" ? null : Number(text),
  devices: text => text === "" ? null : Number(text),
};
const ALLOWED = { mfu: v => v > 0 && v <= 1, price: v => v > 0, devices: v => v >= 1 && Number.isInteger(v) };

function readSettings() {
  for (const [name, read] of Object.entries(SETTINGS)) {
    const field = byId(name), given = read(field.value.trim());
    const wrong = field.validity.badInput || given !== null && ALLOWED[name] && !ALLOWED[name](given);
    field.setAttribute("aria-invalid", wrong);
    state.chosen[name] = wrong ? null : given;
  }
  recompute();
  remember();
}

const FILTERS = { search: "q", family: "family", kind: "kind", open: "open", attention: "attention", least: "least", most: "most" };

function readFilters() {
  for (const id of Object.keys(FILTERS)) state.filter[id] = byId(id).value;
  state.filter.stages = [...document.querySelectorAll("[name=stage]:checked")].map(box => box.value);
  state.filter.chosen = byId("only-chosen").checked;
  filterRows();
  remember();
}

// the address after "#?" is the state, so that a link opens what its sender saw
function remember() {
  const kept = new URLSearchParams();
  for (const [id, key] of Object.entries(FILTERS)) if (state.filter[id]) kept.set(key, state.filter[id]);
  if (state.filter.stages.length) kept.set("stages", state.filter.stages.join(","));
  if (state.sort.by !== FIRST_ORDER.by || state.sort.descending !== FIRST_ORDER.descending) kept.set("sort", (state.sort.descending ? "-" : "") + state.sort.by);
  for (const name of Object.keys(SETTINGS)) if (byId(name).value) kept.set(name, byId(name).value);
  if (state.view.law !== DATA.laws[0].name) kept.set("law", state.view.law);
  if (state.view.rates !== "stages") kept.set("rates", state.view.rates);
  kept.set("models", [...state.selected.keys()].join(","));
  history.replaceState(null, "", `#?${kept}`);
}

function recall() {
  const kept = new URLSearchParams(location.hash.startsWith("#?") ? location.hash.slice(2) : "");
  for (const [id, key] of Object.entries(FILTERS)) if (kept.has(key)) byId(id).value = kept.get(key);
  const stages = (kept.get("stages") || "").split(",");
  for (const box of document.querySelectorAll("[name=stage]")) box.checked = stages.includes(box.value);
  for (const name of Object.keys(SETTINGS)) if (kept.has(name)) byId(name).value = kept.get(name);
  const sort = kept.get("sort") || "";
  if (column(sort.replace(/^-/, ""))) state.sort = { by: sort.replace(/^-/, ""), descending: sort.startsWith("-") };
  for (const [id, key] of [["law", "law"], ["rates", "rates"]])
    if ([...byId(id).options].some(option => option.value === kept.get(key))) byId(id).value = state.view[key] = kept.get(key);
  const names = kept.has("models") ? kept.get("models").split(",") : DATA.selected;
  for (const name of names) if (MODELS.has(name) && state.selected.size < MOST) state.selected.set(name, state.selected.size);
}

function begin() {
  makeHeadings();
  recall();
  for (const [name, read] of Object.entries(SETTINGS)) state.chosen[name] = read(byId(name).value.trim());
  byId("rows").append(...DATA.models.map(makeRow));
  sortRows();
  for (const id of Object.keys(FILTERS)) state.filter[id] = byId(id).value;
  state.filter.stages = [...document.querySelectorAll("[name=stage]:checked")].map(box => box.value);
  filterRows();
  showSelection();
  showTimelines();
  byId("scatter-view").addEventListener("change", showScatter);
  byId("scatter-chart").addEventListener("keydown", scatterKeys);
  byId("filters").addEventListener("input", readFilters);
  byId("filters").addEventListener("submit", event => event.preventDefault());
  byId("filters").addEventListener("reset", () => setTimeout(readFilters));
  byId("settings").addEventListener("input", readSettings);
  byId("settings").addEventListener("submit", event => event.preventDefault());
  byId("settings").addEventListener("reset", () => setTimeout(readSettings));
  byId("law").addEventListener("change", () => { state.view.law = byId("law").value; showLoss(chosenModels()); remember(); });
  byId("rates").addEventListener("change", () => { state.view.rates = byId("rates").value; showRates(chosenModels()); remember(); });
  byId("clear").addEventListener("click", () => { state.selected.clear(); showSelection(); remember(); say("No model is chosen."); byId("search").focus(); });
  byId("csv").addEventListener("click", () => {
    const url = URL.createObjectURL(new Blob([asCsv()], { type: "text/csv" }));
    el("a", { href: url, download: "models.csv" }).click();
    URL.revokeObjectURL(url);
  });
  document.addEventListener("keydown", event => {
    const typing = /^(input|select|textarea)$/i.test(event.target.tagName);
    if (event.key === "/" && !typing && !event.ctrlKey && !event.metaKey) { event.preventDefault(); byId("search").focus(); }
    if (event.key === "Escape" && event.target.id === "search") { event.target.value = ""; readFilters(); }
  });
  let width = innerWidth;
  addEventListener("resize", () => {
    // charts are drawn for their width; a phone's address bar changes the height only
    if (innerWidth === width) return;
    width = innerWidth;
    showTimelines();
    showScatter();
    if (!state.selected.size) return;
    showLoss(chosenModels());
    showRates(chosenModels());
  });
  document.documentElement.dataset.ready = "true";
  performance.mark("drawn");
}

begin();
