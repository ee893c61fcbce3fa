// Specification curves: choices are ticked, the curve of those left is drawn, the specification under the pointer is read out.
function specificationCurve(figure) {
  const data = JSON.parse(figure.querySelector("script").textContent);
  const { words, dimensions } = data;
  const number = data.estimate.length;
  const boxes = [...figure.querySelectorAll("input")];
  const canvas = figure.querySelector("canvas");
  const readout = figure.querySelector("output");
  const status = figure.querySelector(".status");
  let shown = [];
  let pointed = -1;

  const estimate = (i) => data.estimate[i] * data.unit;
  const reach = (i) => data.reach[i] * data.unit;
  const option = (dimension, i) => data.alphabet.indexOf(dimensions[dimension].choices[i]);
  const written = (value) => value.toFixed(data.digits).replace("-", "−");
  const filled = (text, values) => text.replace(/\{(\w+)\}/g, (_, key) => values[key]);
  const percent = (count) => `${Math.round((100 * count) / Math.max(shown.length, 1))} %`;
  const middle = (list) => {
    const half = list.length / 2;
    return list.length % 2 ? estimate(list[Math.floor(half)]) : (estimate(list[half - 1]) + estimate(list[half])) / 2;
  };

  function update() {
    const ticked = dimensions.map(() => new Set());
    for (const box of boxes) if (box.checked) ticked[box.dataset.dimension].add(Number(box.dataset.option));
    shown = [];
    for (let i = 0; i < number; i++) if (dimensions.every((_, d) => ticked[d].has(option(d, i)))) shown.push(i);
    pointed = -1;
    const values = {
      shown: shown.length, number, median: shown.length ? written(middle(shown)) : "–",
      positive: percent(shown.filter((i) => data.estimate[i] > 0).length),
      above: percent(shown.filter((i) => data.estimate[i] - data.reach[i] > 0).length),
      below: percent(shown.filter((i) => data.estimate[i] + data.reach[i] < 0).length),
    };
    status.textContent = filled(words.status, values);
    for (const box of boxes) {
      // the median of one option leaves the other options of its own dimension out of account
      const own = shown.filter((i) => option(box.dataset.dimension, i) === Number(box.dataset.option));
      box.parentNode.querySelector("small").textContent = own.length ? written(middle(own)) : "–";
    }
    draw();
  }

  function draw() {
    const style = getComputedStyle(figure);
    const colour = (name) => style.getPropertyValue(name).trim() || "currentColor";
    const [width, height] = [canvas.clientWidth, canvas.clientHeight];
    const density = window.devicePixelRatio || 1;
    canvas.width = Math.round(width * density);
    canvas.height = Math.round(height * density);
    const pen = canvas.getContext("2d");
    pen.scale(density, density);
    pen.clearRect(0, 0, width, height);
    pen.font = `12px ${style.getPropertyValue("--sans") || "sans-serif"}`;
    if (!shown.length) {
      readout.textContent = words.nothing;
      return;
    }
    const [left, right, top, bottom] = [46, 6, 8, 8];
    const columns = [];
    const count = Math.min(shown.length, Math.max(1, Math.floor(width - left - right)));
    for (let c = 0; c < count; c++) {
      const part = shown.slice(Math.floor((c * shown.length) / count), Math.floor(((c + 1) * shown.length) / count));
      const mean = (of) => part.reduce((sum, i) => sum + of(i), 0) / part.length;
      columns.push({ value: mean(estimate), low: mean((i) => estimate(i) - reach(i)), high: mean((i) => estimate(i) + reach(i)) });
    }
    const most = Math.max(0, ...columns.map((column) => column.high));
    const least = Math.min(0, ...columns.map((column) => column.low));
    const x = (place) => left + (place * (width - left - right)) / count;
    const y = (value) => top + ((most - value) * (height - top - bottom)) / (most - least || 1);
    const step = niceStep((most - least) / 5);
    pen.textAlign = "right";
    pen.textBaseline = "middle";
    for (let tick = Math.ceil(least / step) * step; tick <= most + step / 1e6; tick += step) {
      pen.fillStyle = colour("--soft");
      pen.fillText((Math.abs(tick) < step / 2 ? 0 : tick).toFixed(Math.max(0, -Math.floor(Math.log10(step)))).replace("-", "−"), left - 6, y(tick));
      pen.fillStyle = colour("--hair");
      pen.fillRect(left, y(tick), width - left - right, 1);
    }
    columns.forEach((column, c) => {
      pen.globalAlpha = column.low > 0 || column.high < 0 ? 0.45 : 1;
      pen.fillStyle = column.low > 0 ? colour("--neither") : column.high < 0 ? colour("--against") : colour("--line");
      pen.fillRect(x(c), y(column.high), Math.max(x(c + 1) - x(c), 0.6), Math.max(y(column.low) - y(column.high), 1));
    });
    pen.globalAlpha = 1;
    pen.fillStyle = colour("--ink");
    pen.fillRect(left, y(0), width - left - right, 1);
    pen.strokeStyle = colour("--ink");
    pen.lineWidth = 1.6;
    pen.beginPath();
    columns.forEach((column, c) => pen.lineTo(x(c + 0.5), y(column.value)));
    pen.stroke();
    const place = (position) => x(((position + 0.5) * count) / shown.length);
    const main = shown.indexOf(data.main);
    if (main >= 0) {
      const [cx, cy] = [place(main), y(estimate(data.main))];
      pen.fillStyle = colour("--against");
      pen.beginPath();
      for (const [dx, dy] of [[0, -6], [6, 0], [0, 6], [-6, 0]]) pen.lineTo(cx + dx, cy + dy);
      pen.fill();
    }
    if (pointed >= 0) {
      pen.fillStyle = colour("--link");
      pen.fillRect(place(pointed), top, 1, height - top - bottom);
    }
    const i = shown[pointed];
    readout.textContent = pointed < 0 ? words.point : filled(words.one, {
      place: pointed + 1, shown: shown.length, estimate: written(estimate(i)),
      low: written(estimate(i) - reach(i)), high: written(estimate(i) + reach(i)),
      choices: dimensions.map((dimension, d) => `${dimension.label}: ${dimension.options[option(d, i)]}`).join("; "),
    });
  }

  function niceStep(rough) {
    const power = 10 ** Math.floor(Math.log10(rough || 1));
    return power * [1, 2, 5, 10].find((factor) => factor * power >= rough * 0.999);
  }

  function point(place) {
    pointed = shown.length ? Math.min(Math.max(place, 0), shown.length - 1) : -1;
    draw();
  }
  canvas.addEventListener("pointermove", (event) => {
    const inner = canvas.clientWidth - 52;
    point(Math.floor(((event.offsetX - 46) / inner) * shown.length));
  });
  canvas.addEventListener("keydown", (event) => {
    const jump = { ArrowRight: 1, ArrowLeft: -1, PageDown: 100, PageUp: -100 }[event.key];
    if (!jump) return;
    event.preventDefault();
    point(pointed + jump);
  });
  figure.querySelector("button").addEventListener("click", () => {
    boxes.forEach((box) => (box.checked = true));
    update();
  });
  boxes.forEach((box) => box.addEventListener("change", update));
  new ResizeObserver(draw).observe(canvas);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
  update();
}
document.querySelectorAll("figure.curve").forEach(specificationCurve);
