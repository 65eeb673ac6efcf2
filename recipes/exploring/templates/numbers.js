"use strict";
// numbers as the report prints them (recipes/report/numbers.py), and elements without markup in strings

const DATA = JSON.parse(document.getElementById("data").textContent);
const MODELS = new Map(DATA.models.map(model => [model.name, model]));

const SUFFIXES = [["T", 1e12], ["B", 1e9], ["M", 1e6], ["K", 1e3], ["", 1]];
const SUPERSCRIPT = { "-": "⁻", 0: "⁰", 1: "¹", 2: "²", 3: "³", 4: "⁴", 5: "⁵", 6: "⁶", 7: "⁷", 8: "⁸", 9: "⁹" };
const superscript = n => [...String(n)].map(c => SUPERSCRIPT[c]).join("");

function power(value, digits = 3) {
  if (value === 0) return "0";
  const [mantissa, exponent] = value.toExponential(digits - 1).split("e");
  return `${mantissa} × 10${superscript(Number(exponent))}`;
}

// digits without zeros at the end
const plain = (value, digits) => String(Number(value.toPrecision(digits)));

function quantity(value, digits = 3) {
  const size = Math.abs(value);
  if (size >= 1e15) return power(value, digits);
  for (const [suffix, scale] of SUFFIXES)
    if (suffix && size >= scale * (1 - 0.5 * 10 ** -digits)) return plain(value / scale, digits) + suffix;
  return plain(value, digits);
}

// to three digits that are all shown
function estimate(value) {
  const size = Math.abs(value);
  if (size >= 1e15) return power(value);
  for (const [suffix, scale] of SUFFIXES)
    if (size >= scale * 0.9995) return (value / scale).toPrecision(3) + suffix;
  return plain(value, 3);
}

const dollars = value => `$${estimate(value)}`;
const percent = value => `${plain(100 * value, 3)} %`;
const loss = value => value.toFixed(3);
const whole = value => Math.round(value).toLocaleString("en-US");

function rate(value) {
  if (value === 0) return "0";
  const [mantissa, exponent] = value.toExponential(3).split("e");
  return `${Number(mantissa)} × 10${superscript(Number(exponent))}`;
}

// "7B", "600M", "1.5e9" as a number; null for nothing, NaN for anything else
function parsed(text) {
  const found = /^\s*(\d+\.?\d*(?:e\d+)?|\.\d+)\s*([KMBT]?)\s*$/i.exec(text);
  if (!text.trim()) return null;
  if (!found) return NaN;
  return Number(found[1]) * (found[2] ? SUFFIXES.find(([suffix]) => suffix === found[2].toUpperCase())[1] : 1);
}

function filled(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (value === true) node.setAttribute(name, "");
    else if (value !== false && value !== null && value !== undefined) node.setAttribute(name, value);
  }
  node.append(...children.flat().filter(child => child !== null && child !== undefined && child !== ""));
  return node;
}
const el = (tag, attributes = {}, ...children) => filled(document.createElement(tag), attributes, children);
const svg = (tag, attributes = {}, ...children) =>
  filled(document.createElementNS("http://www.w3.org/2000/svg", tag), attributes, children);
const byId = id => document.getElementById(id);

// a value with the sign of its origin and what qualifies it; `number` is what it is exactly
function value({ text, mark = "", below = "", number = null }) {
  const sign = DATA.marks[mark]?.sign;
  const inside = [text, sign ? el("sup", { "aria-hidden": "true" }, sign) : null,
    sign ? el("span", { class: "spoken" }, `, ${mark}`) : null];
  const attributes = { class: `value${mark ? ` is-${mark}` : ""}` };
  const shown = number === null ? el("span", attributes, ...inside) : el("data", { ...attributes, value: number }, ...inside);
  return [shown, below ? el("span", { class: "below" }, below) : null];
}
const NOT_KNOWN = { text: "–", mark: "unknown" };

const link = (url, text) => url ? el("a", { href: url, rel: "noreferrer" }, text) : text;
