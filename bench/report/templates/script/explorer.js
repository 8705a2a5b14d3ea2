// Learning curves of one task on the axes of choice, and what any target would have meant for time and solve rate.
const explorer = document.getElementById("explorer");
if (explorer) {
  const data = JSON.parse(document.getElementById("explorer-data").textContent);
  const part = name => explorer.querySelector(`[data-part="${name}"]`);
  const { number } = chart;
  const units = {
    steps: { label: "optimiser steps", factor: () => 1 },
    seconds: { label: "seconds of training (steps × step time alone on the machine)", factor: model => model.step_seconds },
    examples: { label: "training sequences seen", factor: model => model.batch },
  };
  const hidden = new Set(view.get("hide").split("|").filter(Boolean).map(decodeURIComponent));
  let task = null;

  const values = (run, series) => {
    const text = run[series];
    if (run.at === null || !text) return [];
    run.read ??= {};
    run.read[series] ??= convergence.decode(text, data.bits);
    return run.read[series];
  };
  const goalSeries = () => (task.metric === "loss" ? "loss" : "metric");
  const paint = model => `var(--series-${model.place % 8})`;
  const dash = model => ["", "9 3", "2 3", "9 3 2 3", "5 2", "12 3", "6 2 2 2", "2 5"][(model.place + Math.floor(model.place / 8)) % 8];
  const shown = () => task.models.filter(model => !hidden.has(model.name));
  // One target for all runs where one is given; else each run's own, and what is said of them is the lowest and the highest.
  const target = run => {
    const given = Number.parseFloat(view.get("target"));
    const exact = Number.isNaN(given) ? run.target : given;
    return data.bits === 64 ? exact : Math.fround(exact);
  };
  const span = numbers => numbers.reduce(([low, high], value) => [Math.min(low, value), Math.max(high, value)], [Infinity, -Infinity]);
  const aims = () => span(task.models.flatMap(model => model.runs.map(target)));
  const inWords = ([low, high]) => (low === high ? number(low) : `${number(low)} to ${number(high)}, by replicate`);
  const unit = () => {
    const key = view.get("x", "steps");
    return task.models.every(model => units[key]?.factor(model)) ? units[key] : units.steps;
  };

  // All values of the target's series: the slider runs from the lowest to the highest, on a logarithmic scale for losses.
  const range = () => {
    let [low, high] = span(task.models.flatMap(model => model.runs.map(run => run.target)));
    task.models.forEach(model => model.runs.forEach(run => values(run, goalSeries()).forEach(value => {
      if (value < low) low = value;
      if (value > high) high = value;
    })));
    return { low, high, log: task.below && low > 0 };
  };
  const fromSlider = place => {
    const { low, high, log } = range(), share = place / 1000;
    const exact = log ? low * (high / low) ** share : low + share * (high - low);
    return Number(exact.toPrecision(3));
  };
  const toSlider = value => {
    const { low, high, log } = range();
    const share = log ? Math.log(value / low) / Math.log(high / low) : (value - low) / (high - low);
    return Math.round(1000 * Math.min(Math.max(share || 0, 0), 1));
  };

  // What every model needs to reach the target, in steps.
  const outcomes = () => shown().map(model => {
    const times = model.runs.map(run => (run.ok && run.at !== null
      ? convergence.stepsToTarget(data.steps[run.at], values(run, goalSeries()), target(run), task.below) : NaN));
    return { model, ...convergence.survival(times, model.horizon) };
  });

  // The first twelve of many, in a sentence.
  const told = parts => (parts.length <= 12 ? parts : [...parts.slice(0, 12), `${parts.length - 12} more`]).join(", ");

  const drawCurves = () => {
    const series = view.get("y") === "loss" || task.metric === "loss" ? "loss" : "metric";
    const log = { x: view.get("logx", "0") === "1", y: view.get("logy", series === "loss" ? "1" : "0") === "1" };
    part("logy").checked = log.y;
    const of = unit(), lines = [];
    let [lowX, highX, lowY, highY] = [Infinity, 0, Infinity, -Infinity];
    for (const model of shown()) {
      const factor = of.factor(model), byStep = new Map(), thin = [];
      model.runs.forEach(run => {
        const points = [];
        values(run, series).forEach((value, i) => {
          const step = data.steps[run.at][i], x = step * factor;
          if (Number.isNaN(value) || (log.x && x <= 0) || (log.y && value <= 0)) return;
          points.push([x, value]);
          if (!byStep.has(x)) byStep.set(x, []);
          byStep.get(x).push(value);
          [lowX, highX, lowY, highY] = [Math.min(lowX, x), Math.max(highX, x), Math.min(lowY, value), Math.max(highY, value)];
        });
        if (points.length && thin.length < 60) thin.push(points);
      });
      const middle = [...byStep].sort((a, b) => a[0] - b[0]).map(([x, found]) => {
        found.sort((a, b) => a - b);
        return [x, ...[0.25, 0.5, 0.75].map(share => convergence.quantile(found, share))];
      });
      lines.push({ model, thin, middle });
    }
    const svg = part("curves");
    if (!(highX > 0)) { svg.replaceChildren(); return; }
    const [low, high] = aims(), aimed = series === goalSeries() && (!log.y || low > 0);
    if (aimed) [lowY, highY] = [Math.min(lowY, low), Math.max(highY, high)];
    if (!log.y) { const room = (highY - lowY) * 0.04; lowY -= room; highY += room; }
    const words = (series === "loss" ? "validation loss" : `validation ${task.metric}`) + (log.y ? " (log)" : "");
    const ground = chart.axes(svg, 330,
      { low: log.x ? lowX : 0, high: highX, log: log.x, label: of.label.split(" (")[0] + (log.x ? " (log)" : ""), format: chart.tick },
      { low: lowY, high: highY, log: log.y, label: words, format: chart.tick });
    for (const { model, thin, middle } of lines) {
      const look = { stroke: paint(model), fill: "none" };
      thin.forEach(points => chart.draw(svg, "path", { ...look, d: chart.path(points, ground), "stroke-width": 0.8, opacity: 0.3 }));
      const band = [...middle.map(([x, low]) => [x, low]), ...middle.map(([x, , , high]) => [x, high]).reverse()];
      if (band.length > 2) chart.draw(svg, "path", { d: chart.path(band, ground) + "Z", fill: paint(model), opacity: 0.14 });
      chart.draw(svg, "path", { ...look, d: chart.path(middle.map(([x, , half]) => [x, half]), ground), "stroke-width": 2.2, "stroke-dasharray": dash(model) });
    }
    if (aimed) {
      const [x, y, width] = [ground.left, ground.py(high), ground.right - ground.left];
      chart.draw(svg, "rect", { x, y, width, height: ground.py(low) - y, class: "aims" });
      new Set([low, high]).forEach(aim => chart.draw(svg, "line", { x1: ground.left, x2: ground.right, y1: ground.py(aim), y2: ground.py(aim), class: "aim" }));
    }
    const ends = lines.filter(line => line.middle.length).map(line => `${line.model.name} ${number(line.middle.at(-1)[2])}`);
    svg.setAttribute("aria-label", `Learning curves on ${task.task}. Median ${words} at the end: ${told(ends)}.`);
  };

  const drawOutcomes = found => {
    const of = unit(), svg = part("ecdf");
    const high = Math.max(...found.map(({ model }) => model.horizon * of.factor(model)), 0);
    if (high > 0) {
      const ground = chart.axes(svg, 330, { low: 0, high, log: false, label: of.label.split(" (")[0], format: chart.tick },
        { low: 0, high: 1, log: false, label: "share of replicates solved", format: value => `${Math.round(value * 100)} %` });
      for (const { model, reached, n } of found) {
        const factor = of.factor(model), points = [[0, 0]];
        reached.forEach((time, i) => points.push([time * factor, i / n], [time * factor, (i + 1) / n]));
        points.push([model.horizon * factor, reached.length / n]);
        chart.draw(svg, "path", { d: chart.path(points, ground), stroke: paint(model), fill: "none", "stroke-width": 2.2, "stroke-dasharray": dash(model) });
      }
    }
    const share = ({ model, solved, n }) => `${model.name} solved ${solved} of ${n} replicates`;
    const direction = task.below ? "at most" : "at least";
    const said = `Target: validation ${task.metric} ${direction} ${inWords(aims())}. ${told(found.map(share))}.`;
    svg.setAttribute("aria-label", said);
    part("said").textContent = said;
    const named = of === units.seconds ? "seconds" : of === units.examples ? "sequences" : "steps";
    const cell = (label, value, text) => make("td", { role: "cell", "data-label": label }, make("data", { value: Number.isNaN(value) ? "" : value }, text));
    part("table").replaceChildren(...found.map(({ model, n, solved, median, mean }) => {
      const factor = of.factor(model), [low, high] = convergence.wilson(solved, n);
      const key = make("i", { class: "key", style: `--own: ${paint(model)}` });
      const bounds = `${Math.round(low * 100)} % to ${Math.round(high * 100)} %`;
      const rate = make("td", { role: "cell", "data-label": "Solved", "data-low": low, "data-high": high },
        make("data", { value: solved / n }, `${solved} of ${n}`), make("small", {}, bounds));
      return make("tr", { role: "row", class: "model", "data-model": model.name }, make("th", { role: "rowheader", scope: "row", class: "left" }, key, make("bdi", {}, model.name)),
        rate, cell(`Median to target (${named})`, median * factor, number(median * factor)),
        cell("Restricted mean", mean * factor, number(mean * factor)));
    }));
    part("unit").textContent = named;
  };

  const update = () => {
    const [low, high] = aims();
    part("slider").value = (toSlider(low) + toSlider(high)) / 2;
    part("slider").setAttribute("aria-valuetext", inWords([low, high]));
    if (document.activeElement !== part("number")) part("number").value = low === high ? Number(low.toPrecision(6)) : "";
    drawCurves();
    drawOutcomes(outcomes());
  };

  const pickTask = () => {
    const match = view.get("match", data.tasks[0].match);
    const present = data.tasks.filter(entry => entry.match === match);
    const names = (present.length ? present : data.tasks).map(entry => entry.task);
    const wanted = view.get("task", names[0]);
    task = (present.length ? present : data.tasks).find(entry => entry.task === wanted) ?? (present[0] || data.tasks[0]);
    part("task").replaceChildren(...names.map(name => make("option", { value: name, selected: name === task.task }, name)));
    part("y").closest("label").hidden = task.metric === "loss" || !task.models.some(model => model.runs.some(run => run.loss));
    part("y").replaceChildren(make("option", { value: "metric" }, task.metric), make("option", { value: "loss", selected: view.get("y") === "loss" }, "loss"));
    part("x").querySelectorAll("input").forEach(input => {
      input.disabled = !task.models.every(model => units[input.value].factor(model));
      input.checked = units[input.value] === unit();
    });
    part("models").replaceChildren(...task.models.map(model => {
      const box = make("input", { type: "checkbox", checked: !hidden.has(model.name) });
      box.addEventListener("change", () => {
        if (box.checked) hidden.delete(model.name); else hidden.add(model.name);
        view.set("hide", [...hidden].map(encodeURIComponent).join("|"));
        update();
      });
      return make("label", {}, box, make("i", { class: "key", style: `--own: ${paint(model)}` }), make("bdi", {}, model.name));
    }));
    update();
  };

  part("task").addEventListener("change", event => {
    view.set("target", "");
    view.set("task", event.target.value);
    pickTask();
  });
  part("y").addEventListener("change", event => { view.set("y", event.target.value, "metric"); view.set("logy", ""); update(); });
  part("x").addEventListener("change", event => { view.set("x", event.target.value, "steps"); update(); });
  part("logx").checked = view.get("logx", "0") === "1";
  part("logx").addEventListener("change", event => { view.set("logx", event.target.checked ? "1" : "0", "0"); update(); });
  part("logy").addEventListener("change", event => {
    const usual = view.get("y") === "loss" || task.metric === "loss" ? "1" : "0";
    view.set("logy", event.target.checked ? "1" : "0", usual);
    update();
  });
  const aimAt = value => { view.set("target", value); update(); };
  part("slider").addEventListener("input", event => aimAt(fromSlider(Number(event.target.value))));
  part("number").addEventListener("input", event => { if (event.target.value !== "") aimAt(Number(event.target.value)); });
  part("reset").addEventListener("click", () => { part("number").blur(); aimAt(""); });
  view.changed(key => { if (key === "match") pickTask(); });
  let waiting = 0;
  const again = () => { cancelAnimationFrame(waiting); waiting = requestAnimationFrame(update); };
  window.addEventListener("resize", again);
  explorer.closest("details")?.addEventListener("toggle", again); // a closed part has no width to draw at
  pickTask();
}

jump(view.get("at") || location.hash.slice(1), "instant"); // last of all: what stands above has its height now
