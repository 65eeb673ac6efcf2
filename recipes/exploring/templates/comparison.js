// the chosen models side by side

const FORECAST = "forecast";
const chosenModels = () => [...state.selected.keys()].map(name => MODELS.get(name));
const slotOf = name => state.selected.get(name);
const nameTag = model => [sample(slotOf(model.name)), " ", model.name];

// a row of the comparison: what, its unit and convention, and a cell for each model
function quantities(models) {
  const rows = [];
  const add = (group, label, unit, of) => rows.push({ group, label, unit, cells: models.map(model => of(model) || NOT_KNOWN) });
  const text = field => model => model[field] ? { text: String(model[field]).replaceAll("_", "-") } : null;
  const counted = (number, shown = quantity, more = {}) => number === undefined || number === null ? null : { text: shown(number), number, mark: "projected", ...more };
  const stated = field => model => model[field] === undefined || model[field] === null ? null
    : { text: whole(model[field]), number: model[field], mark: model.marks[field] || "" };
  add("Model", "Family", "", text("family"));
  add("Model", "Owner", "", text("owner"));
  add("Model", "Released", "", model => model.released ? { text: model.released } : null);
  add("Model", "Kind", "", text("kind"));
  add("Model", "Open", "what its makers released", text("open"));
  add("Shape", "Attention", "or its like, by layer", model => model.attention ? { text: model.attention } : null);
  add("Shape", "Layers", "layers", stated("layers"));
  add("Shape", "d_model", "features", stated("d_model"));
  add("Shape", "Vocabulary", "tokens", stated("vocabulary"));
  add("Shape", "Context", "tokens", stated("context_length"));
  add("Counts", "Parameters, total", "trained in the main model", model => counted(model.parameters, quantity, { below: model.parameters ? whole(model.parameters) : "" }));
  for (const [name, says] of Object.entries(DATA.conventions.active))
    add("Counts", `Parameters, active, ${name.replaceAll("_", " ")}`, says, model => counted(model.active?.[name]));
  add("Counts", "Work per token", "FLOP/token, forward and backward, causal", model => counted(model.work?.flops, estimate, { below: model.work ? `at ${whole(model.work.sequence_length)} tokens` : "" }));
  add("Counts", "KV cache", "bytes/token, bf16", model => counted(model.cache?.per_token, whole, { below: model.cache?.beside && `and ${model.cache.beside}` }));
  const machine = (number, shown, below = () => "") => model => model.machine
    ? counted(number(model.machine), shown, { below: below(model.machine) }) : null;
  add("Machine", "Fits from", `${DATA.accelerators[DATA.fallback].title}: the fewest of 8, 16, 32 and so on that train all of it`,
    machine(at => at.devices, whole, at => at.layout));
  add("Machine", "Memory there", "GiB of the fullest device", machine(at => at.gib, at => at.toFixed(1)));
  add("Machine", "Speed there", "tokens/s a device", machine(at => at.tokens_per_second[1], estimate,
    at => between({ low: at.tokens_per_second[0], value: at.tokens_per_second[1], high: at.tokens_per_second[2] }, estimate)));
  add("Machine", "MFU there", "of the dense 16-bit peak, causal", machine(at => at.mfu, at => `${(100 * at).toFixed(1)} %`));
  add("Recipe", "Stages", "in order", model => model.recipe ? { text: model.recipe.stages.map(s => s.kind).join(" → ").replaceAll("_", "-") } : null);
  add("Recipe", "Base model", "where training starts", model => model.recipe ? { text: model.recipe.base?.model || "none",
    below: model.recipe.base?.tokens ? `after ${quantity(model.recipe.base.tokens, 4)} tokens` : "" } : null);
  add("Recipe", "Tokens", "own stages of known length", model => model.recipe?.totals.tokens
    ? { text: quantity(model.recipe.totals.tokens, 4), number: model.recipe.totals.tokens, below: unknownStages(model) } : null);
  add("Recipe", "Highest learning rate", "peak of any stage", model => {
    const peaks = (model.recipe?.stages || []).map(s => s.peak_rate).filter(peak => peak !== null);
    return peaks.length ? { text: rate(Math.max(...peaks)), number: Math.max(...peaks) } : null;
  });
  add("Recipe", "Largest batch", "tokens per update", model => {
    const batches = (model.recipe?.stages || []).map(s => s.batch_tokens).filter(batch => batch !== null);
    return batches.length ? { text: quantity(Math.max(...batches)), number: Math.max(...batches) } : null;
  });
  add("Projection", "Training FLOPs", "FLOP, known stages", model => known(model) ? counted(model.recipe.totals.flops, estimate) : null);
  add("Projection", "6ND", "FLOP, N active (all)", model => known(model) ? counted(model.recipe.stages.reduce((all, s) => all + (s.six_nd || 0), 0), estimate) : null);
  const money = (what, shown, of) => model => { const cell = amount(of(model), what, shown); return cell === NOT_KNOWN ? null : cell; };
  add("Projection", "Accelerator-hours", "h, known stages", money("hours", estimate, live));
  add("Projection", "Hours of rollouts", "h, reinforcement learning, in no other figure", model => {
    const found = (model.recipe?.stages || []).flatMap(stage => stage.rollout ? [stage.rollout] : []);
    const [low, value, high] = [0, 1, 2].map(at => found.reduce((all, hours) => all + hours[at], 0));
    return found.length ? counted(value, estimate, { below: between({ value, low, high }, estimate) }) : null;
  });
  add("Projection", "Cost", "USD, known stages", money("cost", dollars, live));
  if (models.some(model => model.recipe?.totals_with_base))
    for (const [label, unit, what, shown] of [["Hours with the base's history", "h", "hours", estimate], ["Cost with the base's history", "USD", "cost", dollars]])
      add("Projection", label, unit, money(what, shown, model => withHistory(model, state.chosen)));
  for (const law of DATA.laws)
    add("Projection", `Loss, ${law.name}`, `${law.unit}, after pre-training`, model => {
      const reached = lossAfter(model, law.name);
      return reached && counted(reached.value, loss, { below: between(reached, loss) });
    });
  add("Projection", "Loss under its own schedules", `${DATA.laws[0].unit}, ${DATA.laws[0].name} with a curve law`, model => {
    const end = model.recipe?.forecast?.stages.at(-1);
    return end ? counted(end.loss, loss, { below: between(end, loss) }) : null;
  });
  return rows.filter(row => row.cells.some(cell => cell !== NOT_KNOWN));
}

const differs = row => row.cells.some(cell => (cell.number ?? cell.text) !== (row.cells[0].number ?? row.cells[0].text));

function differencesTable(models, rows, caption) {
  const body = [];
  let group = "";
  for (const row of rows) {
    if (row.group !== group) body.push(el("tr", { class: "group" }, el("th", { scope: "rowgroup", colspan: models.length + 1 }, group = row.group)));
    const largest = Math.max(...row.cells.map(cell => cell.number || 0));
    const bars = models.length > 1 && largest > 0 && !row.label.startsWith("Loss");
    body.push(el("tr", {}, el("th", { scope: "row" }, row.label, row.unit ? el("span", { class: "below" }, row.unit) : null),
      row.cells.map((cell, i) => el("td", {}, ...value(cell), bars && cell.number
        ? el("span", { class: "bar", "aria-hidden": "true", style: `--share:${(100 * cell.number / largest).toFixed(1)}%;--hue:${colour(slotOf(models[i].name))}` }) : null))));
  }
  return el("div", { class: "scroll", role: "region", tabindex: "0", "aria-label": caption },
    el("table", { class: "sides" }, el("caption", {}, el("span", {}, caption)),
      el("thead", {}, el("tr", {}, el("th", { scope: "col" }, "Quantity"), models.map(model => el("th", { scope: "col" }, ...nameTag(model))))),
      el("tbody", {}, body)));
}

function showDifferences(models) {
  const rows = quantities(models);
  const [different, alike] = [rows.filter(differs), rows.filter(row => !differs(row))];
  if (models.length < 2) return byId("differences").replaceChildren(differencesTable(models, rows, models[0].name));
  byId("differences").replaceChildren(
    different.length ? differencesTable(models, different, `What differs: ${different.length} of ${rows.length} quantities`) : el("p", {}, "Nothing differs."),
    alike.length ? el("details", {}, el("summary", {}, `What is alike: ${alike.length} quantities`), differencesTable(models, alike, "What is alike")) : "");
}

function showCards(models) {
  byId("cost-basis").textContent = `Hours and cost ${costBasis(state.chosen)}.`;
  byId("cards").replaceChildren(...models.map(model => {
    const times = live(model);
    const item = (label, cell) => el("div", {}, el("dt", {}, label), el("dd", {}, ...value(cell)));
    return el("article", { class: "card", style: `--hue:${colour(slotOf(model.name))}`, "aria-label": model.name },
      el("h3", {}, ...nameTag(model), el("button", { type: "button", class: "remove", "aria-label": `Remove ${model.name}`, onclick: () => { toggle(model.name, false); byId("compare-heading").focus(); } }, "×")),
      el("p", { class: "below" }, model.hf_id ? link(`https://huggingface.co/${encodeURI(model.hf_id)}`, model.hf_id) : model.owner || model.family, model.note ? ` ${model.note}` : ""),
      el("dl", {}, item("Parameters", column("parameters").cell(model)), item("Tokens", column("tokens").cell(model)),
        item("Accelerator-hours", amount(times, "hours", estimate)), item("Cost, USD", amount(times, "cost", dollars))));
  }));
}

// what the loss chart draws of a model: a law's curve, or the forecast under its own schedules
function lossSeries(model) {
  const { recipe } = model;
  const slot = slotOf(model.name), law = state.view.law;
  if (law === FORECAST) {
    const found = recipe?.forecast;
    if (!found) return null;
    return { name: model.name, slot, lines: [{ x: found.tokens, y: found.value, low: found.low, high: found.high }],
      points: found.stages.map(s => ({ x: s.tokens, y: s.loss, label: `${model.name}, ${s.name}: ${loss(s.loss)}` })) };
  }
  const curve = recipe?.losses[law];
  if (!curve) return null;
  return { name: model.name, slot, lines: [{ x: curve.tokens, y: curve.value, low: curve.low, high: curve.high }],
    points: recipe.stages.filter(s => s.loss[law]).map(s => ({ x: s.cumulative_tokens, y: s.loss[law][0], label: `${model.name}, ${s.name}: ${loss(s.loss[law][0])}` })) };
}

function rateSeries(model) {
  const lines = [], points = [];
  for (const stage of model.recipe?.stages || []) {
    if (!stage.rates || !stage.tokens || stage.cumulative_tokens === null || !["PT", "CPT", "ANN", "REPO_PT"].includes(stage.kind)) continue;
    const before = stage.cumulative_tokens - stage.tokens;
    // on a logarithmic axis a run has no beginning
    const least = Math.max(before, 1e-3 * stage.cumulative_tokens);
    const { x, y } = dense(stage.rates.x.map(share => before + share * stage.tokens), stage.rates.y);
    const kept = x.map((_, i) => i).filter(i => x[i] >= least);
    if (kept.length < 2) continue;
    lines.push({ x: kept.map(i => x[i]), y: kept.map(i => y[i]) });
    points.push({ x: stage.cumulative_tokens, y: stage.final_rate, label: `${model.name}, ${stage.name}: ends at ${rate(stage.final_rate)}` });
  }
  return lines.length ? { name: model.name, slot: slotOf(model.name), lines, points } : null;
}

// a chart with a slider that reads it: by mouse, by touch or by keys
function readable(host, options, shown, unit) {
  const slider = el("input", { type: "range", min: 0, max: 1000, step: 5, "aria-label": "Read the curves at", id: `${host.id}-slider` });
  const rows = el("tbody");
  const reading = el("caption"), banded = options.series.some(series => series.lines.some(line => line.low));
  const drawing = el("div", { class: "scroll", role: "region", tabindex: "0", "aria-label": "Chart" });
  host.replaceChildren(el("div", {}, drawing, slider), el("table", { class: "reading" }, reading, el("thead", {}, el("tr", {}, el("th", { scope: "col" }, "Model"),
    el("th", { scope: "col", class: "number" }, unit), banded ? el("th", { scope: "col", class: "number" }, "interval") : null)), rows));
  const chart = lineChart({ ...options, width: Math.max(300, drawing.clientWidth), onPoint: share => { slider.value = Math.round(share * 1000); read(); } });
  function read() {
    const share = Number(slider.value) / 1000, x = chart.toX(share);
    chart.point(share);
    slider.setAttribute("aria-valuetext", `${quantity(x)} tokens`);
    rows.replaceChildren(...options.series.map(series => {
      const at = series.lines.map(line => readAt(line, x)).find(Boolean);
      return el("tr", {}, el("th", { scope: "row" }, sample(series.slot), " ", series.name),
        el("td", { class: "number" }, at ? shown(at.y) : "–"), banded ? el("td", { class: "number" }, at?.low !== undefined ? `${shown(at.low)} to ${shown(at.high)}` : "") : null);
    }));
    reading.textContent = `at ${quantity(x)} tokens`;
  }
  slider.addEventListener("input", read);
  drawing.append(chart.root);
  // where the shortest curve ends, all can be read
  slider.value = Math.floor(chart.toShare(Math.min(...options.series.map(s => Math.max(...s.lines.map(line => line.x.at(-1)))))) * 200) * 5;
  read();
}

const missing = (models, series, why) => {
  const out = models.filter((_, i) => !series[i]).map(model => model.name);
  return out.length ? `${out.join(", ")}: ${why}` : "";
};

function showLoss(models) {
  const series = models.map(lossSeries), drawn = series.filter(Boolean);
  const own = state.view.law === FORECAST;
  const law = DATA.laws.find(l => l.name === state.view.law) || DATA.laws[0];
  byId("loss-missing").textContent = missing(models, series, own ? "no forecast, for its schedule or length is not known." : "no curve, for no stage has a known length and a next-token loss.");
  byId("loss-caption").textContent = own
    ? `Under each recipe's own schedules: the level of ${law.title}, the course by a curve law of small models; the band holds both laws' intervals. Markers stand at the ends of stages. After a change of data it is the loss of data that would not have changed.`
    : `${law.title}: the loss at the end of a schedule of that length. Bands are its interval; of a mixture of experts they span dense models of its active and of its total parameters. Markers stand at the ends of stages.`;
  const host = byId("loss-chart");
  if (!drawn.length) return host.replaceChildren();
  readable(host, { series: drawn, xLabel: "training tokens, cumulative (logarithmic)", yLabel: `loss [${law.unit}]`, xLog: true, yLog: false, xText: v => quantity(v), yText: v => v.toFixed(2),
    words: `Loss over training tokens. ${drawn.map(s => `${s.name}: ${s.points.map(p => `${loss(p.y)} after ${quantity(p.x)} tokens`).join(", ")}`).join("; ")}.` }, loss, law.unit);
}

function showRates(models) {
  const host = byId("rate-chart");
  if (state.view.rates !== "stages") {
    const series = models.map(rateSeries), drawn = series.filter(Boolean), xLog = state.view.rates === "log";
    byId("rate-missing").textContent = missing(models, series, "no stage of pre-training with a known schedule, batch and length.");
    byId("rate-caption").textContent = `A recipe's own stages of pre-training over cumulative tokens, after those of its base${xLog ? ", logarithmic" : ""}; the rate is logarithmic. Markers stand at the ends of stages.`;
    if (!drawn.length) return host.replaceChildren();
    return readable(host, { series: drawn, xLabel: `training tokens, cumulative${xLog ? " (logarithmic)" : ""}`, yLabel: "learning rate", xLog, yLog: true, xText: v => quantity(v), yText: v => power(v, 1),
      words: `Learning rate over training tokens. ${drawn.map(s => `${s.name} ends at ${s.points.map(p => rate(p.y)).join(", ")}`).join("; ")}.` }, rate, "learning rate");
  }
  const withRecipe = models.filter(model => model.recipe);
  const ends = withRecipe.flatMap(m => m.recipe.stages.flatMap(s => [s.peak_rate, s.final_rate])).filter(r => r > 0);
  const [lowest, highest] = [Math.min(...ends), Math.max(...ends, 0)];
  const yLog = highest / lowest >= 8;
  byId("rate-missing").textContent = missing(models, models.map(m => m.recipe), "no recipe.");
  byId("rate-caption").textContent = `One scale of rates for all${yLog ? ", logarithmic" : ""}; each stage has its own scale of tokens, or of steps where its batch is not known. Hatched: no schedule, or no length, is known.`;
  host.replaceChildren(...withRecipe.map(model => el("figure", {}, el("h4", {}, ...nameTag(model)),
    el("div", { class: "scroll", role: "region", tabindex: "0", "aria-label": `Learning rate of ${model.name}` },
      rateBands({ model, slot: slotOf(model.name), width: Math.max(300, host.clientWidth), low: yLog ? lowest / 2 : 0, high: yLog ? highest * 1.6 : highest * 1.1, yLog })))));
}

// heading, unit, and whether numbers stand below
const STATED = [["Stage"], ["Objective"], ["Tokens", "in the stage", true], ["Sequence", "tokens", true], ["Batch", "tokens per update", true],
  ["Steps", "updates", true], ["Learning rate", "peak to final", true], ["Optimiser"], ["Hardware"], ["Data", "shares of tokens"]];

function tableOf(caption, headings, rows) {
  return el("div", { class: "scroll", role: "region", tabindex: "0", "aria-label": caption }, el("table", { class: "stages" },
    el("caption", {}, el("span", {}, caption)),
    el("thead", {}, el("tr", {}, headings.map(([heading, unit, number]) =>
      el("th", { scope: "col", class: number ? "number" : "" }, heading, unit ? el("span", { class: "below" }, unit) : null)))),
    el("tbody", {}, rows)));
}

function statedRow(stage) {
  const [mix, mark, datasets] = stage.data;
  const names = datasets.replaceAll("_", " ");
  const data = mix ? { text: mix, mark, below: names } : { text: names || "not known", mark: names ? "" : "unknown" };
  const cells = stage.stated.map(([text, m, below = ""]) => ({ text, mark: m, below }));
  return el("tr", {}, el("th", { scope: "row" }, ...value(cells[0])),
    cells.slice(1).map((cell, i) => el("td", { class: STATED[i + 1][2] ? "number" : "" }, ...value(cell))), el("td", {}, ...value(data)));
}

function followingRow(stage, time) {
  const ok = time && !time.problem;
  const cell = (number, shown, more) => value(number === null || number === undefined ? NOT_KNOWN : { text: shown(number), number, mark: "projected", ...more });
  const mark = ok && time.assumed ? "assumed" : "projected";
  const hours = time?.problem ? value({ text: "not with these", mark: "unknown", below: time.problem })
    : cell(ok ? time.hours.value : null, estimate, ok ? { mark, below: between(time.hours, estimate) } : {});
  const number = (...inside) => el("td", { class: "number" }, ...inside);
  return el("tr", {}, el("th", { scope: "row" }, stage.name),
    number(...cell(stage.flops_per_token, n => (n / 1e9).toPrecision(4), { below: `at ${whole(stage.sequence_length)}` })),
    number(...cell(stage.flops, estimate, { below: stage.convention.replaceAll("_", " ") })),
    number(...hours),
    el("td", { class: "on" }, ...value(ok ? { text: basis(time), below: time.days ? `${estimate(time.days.value)} days on ${whole(time.devices)}` : "" } : NOT_KNOWN)),
    number(stage.hardware?.hours ? whole(stage.hardware.hours) : "–"),
    number(...cell(ok ? time.cost?.value : null, dollars, ok && time.cost ? { mark, below: [between(time.cost, dollars), `at $${time.price} an hour`].filter(Boolean).join(", ") } : {})),
    DATA.laws.map(law => {
      const [middle, low, high] = stage.loss[law.name] || [null];
      return number(...cell(middle, loss, { below: between({ low: low ?? null, high }, loss) }));
    }));
}

function showStages(models) {
  const following = [["Stage"], ["Work per token", "GFLOP, forward and backward", true], ["Training FLOPs", "FLOP", true], ["Accelerator-hours", "h", true],
    ["On", "accelerator, precision, MFU of the dense peak"], ["Published hours", "h", true], ["Cost", "USD", true], ...DATA.laws.map(law => ["Loss after", `${law.name}, ${law.unit}`, true])];
  const open = new Map([...byId("stages").children].map(details => [details.dataset.name, details.open]));
  byId("stages").replaceChildren(...models.filter(m => m.recipe).map(model => {
    const { stages } = model.recipe, { times } = live(model);
    const warnings = stages.flatMap(stage => stage.warnings.map(text => `${stage.name}: ${text}`));
    return el("details", { open: open.get(model.name) ?? models.length < 4, "data-name": model.name },
      el("summary", {}, ...nameTag(model), ` · ${stages.length} ${stages.length === 1 ? "stage" : "stages"}`),
      model.recipe.note ? el("p", {}, model.recipe.note) : null,
      tableOf(`What was stated of ${model.name}`, STATED, stages.map(statedRow)),
      tableOf(`What follows for ${model.name}`, following, stages.map((stage, i) => followingRow(stage, times[i]))),
      warnings.length ? el("ul", { class: "below" }, warnings.map(text => el("li", {}, text))) : null);
  }));
}

const VERDICTS = { fails: "FAILS", differs: "differs, known cause", agrees: "agrees" };

const told = verdicts => [["agrees", "agree", "agrees"], ["differs, known cause", "differ for a known cause", "differs for a known cause"], ["FAILS", "fail", "fails"]]
  .filter(([verdict]) => verdicts[verdict]).map(([verdict, several, one]) => `${verdicts[verdict]} ${verdicts[verdict] === 1 ? one : several}`).join(", ");

function showPublished(models) {
  byId("published").replaceChildren(...models.filter(m => m.published.length).map(model => el("details", {},
    el("summary", {}, ...nameTag(model), ` · ${told(model.verdicts)}`),
    el("div", { class: "scroll", role: "region", tabindex: "0", "aria-label": `Published figures of ${model.name}` }, el("table", {},
      el("caption", { class: "spoken" }, `Published figures of ${model.name}`),
      el("thead", {}, el("tr", {}, ["Quantity", "Published", "Projected", "Verdict", "Source"].map(h => el("th", { scope: "col" }, h)))),
      el("tbody", {}, Object.keys(VERDICTS).flatMap(verdict => model.published.filter(row => row.verdict === verdict)).map(row => el("tr", {},
        el("th", { scope: "row" }, row.quantity, el("span", { class: "below" }, row.of)), el("td", {}, row.printed),
        el("td", {}, ...value({ text: typeof row.projected === "number" ? (Math.abs(row.projected) < 1e-3 && row.projected ? rate(row.projected) : Number.isInteger(row.projected) && row.projected < 1e15 ? whole(row.projected) : quantity(row.projected, 4)) : row.projected ?? "–", mark: "projected", below: row.unit })),
        el("td", {}, ...value({ text: VERDICTS[row.verdict], mark: row.verdict, below: row.cause || "" })),
        el("td", {}, link(DATA.sources[row.source]?.url, DATA.sources[row.source]?.title || row.source))))))))));
}

function showSources(models) {
  const cited = new Map();
  for (const model of models)
    for (const [key, uses] of Object.entries(model.uses)) {
      if (!cited.has(key)) cited.set(key, []);
      cited.get(key).push([model, uses]);
    }
  byId("sources").replaceChildren(...[...cited].map(([key, by]) => {
    const source = DATA.sources[key] || { title: key, url: "", by: "" };
    return el("li", {}, link(source.url, source.title), source.by ? `. ${source.by}` : "",
      el("details", {}, el("summary", {}, `read for ${by.map(([model]) => model.name).join(", ")}`), el("ul", {}, by.map(([model, uses]) => el("li", {}, el("strong", {}, model.name), ": ", uses.map(([place, what]) => `${place ? `${place} (${what})` : what}`).join("; "))))));
  }));
}
