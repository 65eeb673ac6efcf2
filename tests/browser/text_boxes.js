// Every line of text that a reader sees, as a box, and what is wrong with where it stands: outside the window, cut off,
// on another text, on a line of data, or hardly told from what is behind it. The value is a list of complaints.
(() => {
  const SLACK = 1; // px: boxes are rounded to the device's pixels on either side
  // of a text's box the ink leaves free: capitals begin .2 em under the top of 1.17 em; below the base line there are .24 em, of
  // which letters with a tail fill .2
  const ABOVE = 0.17, BELOW = 0.1;
  document.querySelectorAll("details").forEach((one) => { one.open = true; });

  const seen = (element) => element.checkVisibility({ opacityProperty: true, visibilityProperty: true });
  const style = (element) => getComputedStyle(element);
  const forEars = (element) => {
    for (let e = element; e && e !== document.body; e = e.parentElement) {
      const box = e.getBoundingClientRect();
      if (style(e).position === "absolute" && (box.width <= 1 || box.right < 0)) return true;
    }
    return false;
  };

  const lines = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    const element = node.parentElement;
    if (!node.data.trim() || !element || element.closest("script, style, option, title, desc")) continue;
    if (!seen(element) || forEars(element)) continue;
    const drawn = element.closest("svg");
    let boxes;
    if (drawn) boxes = [element.closest("text").getBoundingClientRect()];
    else {
      const range = document.createRange();
      range.selectNodeContents(node);
      boxes = [...range.getClientRects()];
    }
    for (const box of boxes) {
      if (box.width < 0.5 || box.height < 0.5) continue;
      // what stands upright in a picture is a box on its side
      const upright = drawn && box.height > 1.5 * box.width && node.data.trim().length > 2;
      const [across, along] = upright ? [box.width, 0] : [0, box.height];
      lines.push({
        node, element, drawn, said: node.data.trim().replace(/\s+/g, " ").slice(0, 50),
        left: box.left + ABOVE * across, right: box.right - BELOW * across,
        top: box.top + ABOVE * along, bottom: box.bottom - BELOW * along,
      });
    }
  }
  const found = new Set();
  const name = (line) => `"${line.said}"${line.drawn ? ` in ${(line.drawn.closest("figure, [id]") || {}).id || "a picture"}` : ""}`;

  // against the window, and against every box that cuts what leaves it
  for (const line of lines) {
    let reachable = false;
    for (let e = line.drawn || line.element; e && e !== document.documentElement; e = e.parentElement) {
      const { overflowX, overflowY } = style(e);
      const box = e.getBoundingClientRect();
      if (e === document.body) break;
      if (["auto", "scroll"].includes(overflowX)) reachable = true;
      if (["hidden", "clip"].includes(overflowX) && !reachable && style(e).display !== "inline"
          && (line.left < box.left - SLACK || line.right > box.right + SLACK)) found.add(`${name(line)} is cut off at a side`);
      if (["hidden", "clip"].includes(overflowY) && !["auto", "scroll"].includes(overflowX) && style(e).display !== "inline"
          && (line.top < box.top - SLACK || line.bottom > box.bottom + SLACK)) found.add(`${name(line)} is cut off above or below`);
    }
    if (!reachable && (line.left < -SLACK || line.right > document.documentElement.clientWidth + SLACK))
      found.add(`${name(line)} leaves the window`);
  }

  // against each other
  const afloat = (line) => {
    for (let e = line.element; e && e !== document.body; e = e.parentElement)
      if (["fixed", "sticky"].includes(style(e).position)) return e;
    return null;
  };
  const sorted = lines.map((line) => ({ ...line, afloat: afloat(line) })).sort((a, b) => a.top - b.top);
  sorted.forEach((line, i) => {
    for (let j = i + 1; j < sorted.length && sorted[j].top < line.bottom - SLACK; j += 1) {
      const other = sorted[j];
      if (other.node === line.node || other.afloat !== line.afloat) continue;
      if (line.drawn && other.drawn && other.element.closest("text") === line.element.closest("text")) continue;
      if (Math.min(line.right, other.right) - Math.max(line.left, other.left) > SLACK
          && Math.min(line.bottom, other.bottom) - other.top > SLACK) found.add(`${name(line)} on "${other.said}"`);
    }
  });

  // against lines of data: a stroke in a colour of the series
  const colours = (element) => element.getAttribute("style") || element.getAttribute("stroke") || "";
  for (const picture of document.querySelectorAll("svg")) {
    if (!seen(picture)) continue;
    const words = lines.filter((line) => line.drawn === picture);
    if (!words.length) continue;
    for (const path of picture.querySelectorAll("path")) {
      if (!/stroke: ?var\(--series|^var\(--series/.test(colours(path)) || !/fill: ?none/.test(colours(path) + ` fill:${style(path).fill}`)) continue;
      const length = path.getTotalLength(), to = path.getScreenCTM();
      const scale = Math.hypot(to.a, to.b) || 1;
      const cut = path.closest("[clip-path]");
      const frame = cut ? clip(cut) : null;
      for (let at = 0; at <= length; at += 2 / scale) {
        const { x, y } = path.getPointAtLength(at).matrixTransform(to);
        if (frame && (x < frame.left || x > frame.right || y < frame.top || y > frame.bottom)) continue;
        for (const line of words)
          if (x > line.left + SLACK && x < line.right - SLACK && y > line.top + SLACK && y < line.bottom - SLACK)
            found.add(`${name(line)} lies on a line of data`);
      }
    }
  }
  function clip(element) {
    const id = /url\("?#([^")]+)"?\)/.exec(element.getAttribute("clip-path"));
    const shape = id && document.getElementById(id[1])?.firstElementChild;
    if (!shape) return null;
    const box = shape.getBBox(), to = element.getScreenCTM();
    const a = new DOMPoint(box.x, box.y).matrixTransform(to), b = new DOMPoint(box.x + box.width, box.y + box.height).matrixTransform(to);
    return { left: a.x, right: b.x, top: a.y, bottom: b.y };
  }

  // the colour of a picture's words against the page, or against the mark they stand on (axe-core asks of other text)
  const light = (colour) => {
    const [r, g, b] = colour.match(/[\d.]+/g).map((v) => { const c = v / 255; return c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4; });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const contrast = (a, b) => (Math.max(light(a), light(b)) + 0.05) / (Math.min(light(a), light(b)) + 0.05);
  for (const line of lines) {
    if (!line.drawn) continue;
    const x = (line.left + line.right) / 2, y = (line.top + line.bottom) / 2;
    let behind = style(document.body).backgroundColor;
    for (const shape of line.drawn.querySelectorAll("path, rect")) {
      const fill = style(shape).fill;
      const solid = Number(style(shape).fillOpacity) * Number(style(shape).opacity);
      if (!fill.startsWith("rgb") || solid < 0.5 || shape.closest("defs, clipPath")) continue;
      const box = shape.getBoundingClientRect();
      if (box.left <= x && x <= box.right && box.top <= y && y <= box.bottom && shape.isPointInFill
          && shape.isPointInFill(new DOMPoint(x, y).matrixTransform(shape.getScreenCTM().inverse()))) behind = fill;
    }
    const fill = style(line.element).fill;
    if (fill.startsWith("rgb") && contrast(fill, behind) < 4.5)
      found.add(`${name(line)} is ${contrast(fill, behind).toFixed(1)} to 1 against what is behind it`);
  }
  return [...found];
})()
