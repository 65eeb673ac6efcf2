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

  // what a box that scrolls shows of another; nothing where that lies outside
  const shown = (box, element) => {
    let { left, right, top, bottom } = box;
    for (let e = element; e && e !== document.body; e = e.parentElement) {
      const { overflowX, overflowY } = style(e), frame = e.getBoundingClientRect();
      if (["auto", "scroll"].includes(overflowY) && e.scrollHeight > e.clientHeight + 1)
        [top, bottom] = [Math.max(top, frame.top), Math.min(bottom, frame.bottom)];
      if (["auto", "scroll"].includes(overflowX) && e.scrollWidth > e.clientWidth + 1)
        [left, right] = [Math.max(left, frame.left), Math.min(right, frame.right)];
    }
    return { left, right, top, bottom, width: right - left, height: bottom - top };
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
    for (const box of boxes.map((whole) => shown(whole, element))) {
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
      const { overflowX, overflowY, display } = style(e);
      const cuts = display !== "inline" || e === line.drawn;
      const box = e.getBoundingClientRect();
      if (e === document.body) break;
      if (["auto", "scroll"].includes(overflowX)) reachable = true;
      if (["hidden", "clip"].includes(overflowX) && !reachable && cuts
          && (line.left < box.left - SLACK || line.right > box.right + SLACK)) found.add(`${name(line)} is cut off at a side`);
      if (["hidden", "clip"].includes(overflowY) && !["auto", "scroll"].includes(overflowX) && cuts
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
    for (const mark of picture.querySelectorAll("use")) {
      if (!/fill: ?var\(--series/.test(colours(mark))) continue;
      const box = mark.getBoundingClientRect();
      const x = (box.left + box.right) / 2, y = (box.top + box.bottom) / 2;
      if (outside(mark, x, y)) continue;
      for (const line of words)
        if (x > line.left && x < line.right && y > line.top && y < line.bottom) found.add(`${name(line)} lies on a point`);
    }
    for (const path of picture.querySelectorAll("path")) {
      if (!/stroke: ?var\(--series|^var\(--series/.test(colours(path)) || !/fill: ?none/.test(colours(path) + ` fill:${style(path).fill}`)) continue;
      const length = path.getTotalLength(), to = path.getScreenCTM();
      const scale = Math.hypot(to.a, to.b) || 1;
      for (let at = 0; at <= length; at += 2 / scale) {
        const { x, y } = path.getPointAtLength(at).matrixTransform(to);
        if (outside(path, x, y)) continue;
        for (const line of words)
          if (x > line.left + SLACK && x < line.right - SLACK && y > line.top + SLACK && y < line.bottom - SLACK)
            found.add(`${name(line)} lies on a line of data`);
      }
    }
  }
  function outside(element, x, y) {
    const cut = element.closest("[clip-path]");
    const id = cut && /url\("?#([^")]+)"?\)/.exec(cut.getAttribute("clip-path"));
    const shape = id && document.getElementById(id[1])?.firstElementChild;
    if (!shape) return false;
    const { x: left, y: top, width, height } = shape.getBBox();
    const at = new DOMPoint(x, y).matrixTransform(cut.getScreenCTM().inverse());
    return at.x < left || at.x > left + width || at.y < top || at.y > top + height;
  }

  // the colour of words against the page, or against the mark they stand on
  const light = (colour) => {
    const [r, g, b] = colour.match(/[\d.]+/g).map((v) => { const c = v / 255; return c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4; });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const contrast = (a, b) => (Math.max(light(a), light(b)) + 0.05) / (Math.min(light(a), light(b)) + 0.05);
  const behindText = (line) => {
    for (let e = line.element; e; e = e.parentElement) {
      const { backgroundColor } = style(e);
      if (!/^rgba\(.*, 0\)$|transparent/.test(backgroundColor)) return backgroundColor;
    }
    return style(document.body).backgroundColor;
  };
  const behindWords = (line) => {
    const x = (line.left + line.right) / 2, y = (line.top + line.bottom) / 2;
    let behind = behindText({ element: line.drawn });
    for (const shape of line.drawn.querySelectorAll("path, rect")) {
      const { fill, fillOpacity, opacity } = style(shape);
      if (!fill.startsWith("rgb") || Number(fillOpacity) * Number(opacity) < 0.5 || shape.closest("defs, clipPath")) continue;
      const box = shape.getBoundingClientRect();
      if (box.left <= x && x <= box.right && box.top <= y && y <= box.bottom
          && shape.isPointInFill(new DOMPoint(x, y).matrixTransform(shape.getScreenCTM().inverse()))) behind = fill;
    }
    return behind;
  };
  for (const line of lines) {
    if (line.element.closest(":disabled")) continue;
    const ink = line.drawn ? style(line.element).fill : style(line.element).color;
    const behind = line.drawn ? behindWords(line) : behindText(line);
    if (ink.startsWith("rgb") && contrast(ink, behind) < 4.5)
      found.add(`${name(line)} is ${contrast(ink, behind).toFixed(1)} to 1 against what is behind it`);
  }
  return [...found];
})()
