// hours and money: the formulas of simulators/projection.py, in the same order of operations, so that not one bit differs

// what stands for unpublished settings: nulls leave each recipe its own
const OWN = { accelerator: null, precision: null, mfu: null, price: null, devices: null };

const isSparse = model => model.parameters > model.active.all;

function assumedMfu(device, precision, sparse) {
  const suffix = precision === "bf16" || precision === "fp16" ? "" : `_${precision}`;
  for (const kind of sparse ? ["moe", "dense"] : ["dense"])
    if (device.mfu[kind + suffix]) return device.mfu[kind + suffix];
  return null;
}

// the time of one stage, {problem} where the settings do not go together, null where its work is not known
function timeOf(stage, sparse, chosen) {
  if (stage.flops === null) return null;
  const published = chosen.accelerator ? null : stage.hardware;
  const name = published ? published.accelerator : chosen.accelerator || DATA.fallback;
  const device = DATA.accelerators[name];
  const precision = chosen.precision || published?.precision || ("bf16" in device.peak ? "bf16" : Object.keys(device.peak)[0]);
  const peak = device.peak[precision];
  if (peak === undefined)
    return { problem: `${device.title} has no peak for ${precision}; choose ${Object.keys(device.peak).join(", ")}` };
  let mfu, basis;
  if (chosen.mfu !== null) [mfu, basis] = [[null, chosen.mfu, null], "set"];
  else if (published && published.mfu !== null) [mfu, basis] = [[null, published.mfu, null], "published"];
  else if (published && stage.laid_out && (chosen.precision || published.precision) === published.precision
    && (!["fastest", "elsewhere"].includes(stage.rests) || (chosen.devices || published.count) === published.count))
    [mfu, basis] = [stage.laid_out, stage.rests];
  else [mfu, basis] = [assumedMfu(device, precision, sparse), "assumed"];
  if (mfu === null) return { problem: `${device.title} has no published MFU in ${precision}; enter one` };
  const hoursAt = stage.flops / peak / 3600;
  const hours = { value: hoursAt / mfu[1], low: mfu[2] === null ? null : hoursAt / mfu[2],
    high: mfu[0] === null ? null : hoursAt / mfu[0] };
  if (["assumed", "fastest", "elsewhere"].includes(basis)) {
    // as runs print them
    const [low, high] = DATA.printed_hours.map(share => hours.value * share);
    [hours.low, hours.high] = [Math.min(low, hours.low), Math.max(high, hours.high)];
  }
  const devices = chosen.devices || published?.count || null;
  const price = chosen.price || device.price?.usd_per_hour || null;
  return {
    accelerator: name, precision, peak, mfu, basis, hours, devices, price,
    days: devices ? scaled(hours, 1 / devices / 24) : null,
    cost: price ? scaled(hours, price) : null,
    assumed: !published && !chosen.accelerator,
  };
}

function scaled(amount, factor) {
  const times = bound => bound === null ? null : bound * factor;
  return { value: amount.value * factor, low: times(amount.low), high: times(amount.high) };
}

function sum(a, b) {
  if (a === null || b === null) return a || b;
  const total = { value: a.value + b.value, low: null, high: null };
  if (a.low === null && b.low === null && a.high === null && b.high === null) return total;
  total.low = (a.low ?? a.value) + (b.low ?? b.value);
  total.high = (a.high ?? a.value) + (b.high ?? b.value);
  return total;
}

// times of all stages and their sums
function projected(model, chosen) {
  const nothing = { times: [], hours: null, cost: null, problem: null };
  if (!model.recipe) return nothing;
  const sparse = isSparse(model);
  // a sum of a least and a most is neither
  const least = model.recipe.stages.some(stage => stage.flops !== null && ["at least", "between"].includes(stage.bound));
  return model.recipe.stages.reduce((all, stage) => {
    const time = timeOf(stage, sparse, chosen);
    const known = time && !time.problem && !(least && stage.bound === "at most");
    return {
      times: [...all.times, time],
      hours: known ? sum(all.hours, time.hours) : all.hours,
      cost: known ? sum(all.cost, time.cost) : all.cost,
      problem: all.problem || time?.problem || null,
    };
  }, nothing);
}

// the same with the base model's own history, where the base has a recipe here
function withHistory(model, chosen) {
  const own = projected(model, chosen);
  const base = model.recipe?.base && MODELS.get(model.recipe.base.model);
  if (!base?.recipe || !model.recipe.totals_with_base) return own;
  const before = withHistory(base, chosen);
  return { ...own, hours: sum(before.hours, own.hours), cost: sum(before.cost, own.cost),
    problem: before.problem || own.problem };
}

const between = (amount, shown) =>
  // bounds that print alike are no interval
  amount && amount.low !== null && shown(amount.low) !== shown(amount.high) ? `${shown(amount.low)} to ${shown(amount.high)}` : "";

// the settings in words
function costBasis({ accelerator, precision, mfu, price, devices }) {
  const on = accelerator ? DATA.accelerators[accelerator].title : `the published accelerator, else ${DATA.accelerators[DATA.fallback].title}`;
  return [`on ${on}`, precision ? `in ${precision}` : accelerator ? "" : "in the published precision, else bf16",
    mfu !== null ? `at an MFU of ${percent(mfu)}` : accelerator ? "at the MFU of published runs" : "at the published MFU, else that of the fastest layout or of published runs, the lower",
    price === null ? "at the listed price" : `at $${price} an hour`, devices === null ? "" : `on ${whole(devices)} devices`,
    accelerator || devices !== null ? "whether or not that holds the network, or is as fast: lehr report asks its layouts" : ""].filter(Boolean).join(", ");
}

// what a time rests on, in words
function basis(time) {
  const device = DATA.accelerators[time.accelerator].title;
  const rests = { set: "your MFU", published: "published MFU", layout: "MFU of its layout", rollouts: "MFU of its rollouts",
    fastest: "MFU of the fastest layout", assumed: "MFU of published runs" }[time.basis];
  const range = time.mfu[0] === null ? "" : ` (${percent(time.mfu[0])} to ${percent(time.mfu[2])})`;
  return `${device}${time.assumed ? "†" : ""} in ${time.precision}, ${percent(time.mfu[1])}${range} ${rests}`;
}
