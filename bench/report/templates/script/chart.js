// A small chart: axes with ticks as a person writes them, lines, bands; in the page's colours and at its real width.
const chart = (() => {
  const NS = "http://www.w3.org/2000/svg";
  const draw = (parent, name, attributes, text) => {
    const element = document.createElementNS(NS, name);
    for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
    if (text !== undefined) element.textContent = text;
    return parent.appendChild(element);
  };

  const superscript = power => String(power).replace(/./g, sign => "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"["-0123456789".indexOf(sign)]);
  const number = (value, digits = 3) => {
    if (Number.isNaN(value)) return "–";
    if (value === 0) return "0";
    const [mantissa, exponent] = Math.abs(value).toExponential(digits - 1).split("e");
    const power = Number(exponent), sign = value < 0 ? "−" : "";
    if (power <= -5 || power >= 6) return `${sign}${mantissa}×10${superscript(power)}`;
    const rounded = Number(`${mantissa}e${power}`);
    return sign + rounded.toLocaleString("en-US", { maximumFractionDigits: Math.max(digits - 1 - power, 0) });
  };

  // As `number` with two digits and without a trailing zero: what stands at a tick.
  const tick = value => number(value, 2).replace(/\.0(?=×)/, "");

  const ticks = (low, high, log) => {
    if (log) {
      const decades = Math.log10(high / low), steps = decades > 2.5 ? [1] : decades > 1 ? [1, 3] : [1, 1.5, 2, 3, 5, 7];
      const found = [];
      const every = Math.max(1, Math.ceil(decades / 6));
      for (let power = Math.floor(Math.log10(low)); power <= Math.ceil(Math.log10(high)); power++) {
        if (power % every === 0) found.push(...steps.map(step => step * 10 ** power));
      }
      return found.filter(value => value >= low * 0.999 && value <= high * 1.001);
    }
    const rough = (high - low) / 4, power = 10 ** Math.floor(Math.log10(rough));
    const step = [1, 2, 5, 10].map(factor => factor * power).find(size => size >= rough * 0.999);
    const found = [];
    for (let value = Math.ceil(low / step) * step; value <= high + step * 1e-9; value += step) found.push(value);
    return found;
  };

  // svg: emptied and drawn anew. x, y: {low, high, log, label, format}. Returns places of values and the ground.
  const axes = (svg, height, x, y) => {
    const width = Math.max(svg.parentElement.clientWidth - 28, 240), [right, top, bottom] = [10, 12, 42];
    const longest = Math.max(0, ...ticks(y.low, y.high, y.log).map(value => y.format(value).length));
    const left = Math.max(58, 28 + 7.5 * longest);  // ticks beside the label of the axis
    svg.replaceChildren();
    svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
    svg.setAttribute("width", width);
    svg.setAttribute("height", height);
    const scale = (axis, from, to) => {
      const warp = axis.log ? Math.log : value => value, [low, high] = [warp(axis.low), warp(axis.high)];
      return value => from + (warp(value) - low) / (high - low || 1) * (to - from);
    };
    const px = scale(x, left, width - right), py = scale(y, height - bottom, top);
    for (const value of ticks(x.low, x.high, x.log)) {
      draw(svg, "line", { x1: px(value), x2: px(value), y1: top, y2: height - bottom, class: "grid" });
      draw(svg, "text", { x: px(value), y: height - bottom + 17, class: "tick", "text-anchor": "middle" }, x.format(value));
    }
    for (const value of ticks(y.low, y.high, y.log)) {
      draw(svg, "line", { x1: left, x2: width - right, y1: py(value), y2: py(value), class: "grid" });
      draw(svg, "text", { x: left - 6, y: py(value) + 4, class: "tick", "text-anchor": "end" }, y.format(value));
    }
    draw(svg, "text", { x: (left + width - right) / 2, y: height - 6, class: "axis", "text-anchor": "middle" }, x.label);
    draw(svg, "text", { x: 12, y: (top + height - bottom) / 2, class: "axis", "text-anchor": "middle",
      transform: `rotate(-90 12 ${(top + height - bottom) / 2})` }, y.label);
    return { px, py, left, right: width - right, top, bottom: height - bottom };
  };

  const path = (points, ground) => points.map(([x, y], i) =>
    `${i ? "L" : "M"}${ground.px(x).toFixed(1)},${ground.py(y).toFixed(1)}`).join("");

  return { draw, number, tick, axes, path };
})();
