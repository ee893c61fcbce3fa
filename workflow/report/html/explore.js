// Charts to explore: what is pointed at, touched or reached with the arrow keys is read out; charts are saved as they are seen.
const svgNode = (tag, attributes = {}, ...children) => {
  const node = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  node.append(...children);
  return node;
};
const htmlNode = (tag, attributes = {}, ...children) => {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  node.append(...children);
  return node;
};
const filled = (text, values) => text.replace(/\{(\w+)\}/g, (_, key) => values[key] ?? "");

// Numbers as the tables print them: three significant figures, a real minus, thousands from 1,000 on.
function printed(value, figures = 3) {
  if (value === null || value === undefined || !Number.isFinite(value)) return "–";
  if (value === 0) return "0";
  const exponent = Math.floor(Math.log10(Math.abs(value)));
  let text;
  if (exponent < -5) text = Math.abs(value).toExponential(1).replace("e-", "e−");
  else if (exponent >= figures - 1) {
    const unit = 10 ** (exponent - figures + 1);
    const rounded = Math.round(Math.abs(value) / unit) * unit;
    text = rounded.toLocaleString("en-US", { maximumFractionDigits: 0 });
  } else text = Math.abs(value).toFixed(figures - 1 - exponent);
  return (value < 0 ? "−" : "") + text;
}

function roundStep(rough) {
  const power = 10 ** Math.floor(Math.log10(rough || 1));
  return power * [1, 2, 5, 10].find((factor) => factor * power >= rough * 0.999999);
}
function roundTicks(low, high, parts = 5) {
  if (!(high > low)) return [low];
  const step = roundStep((high - low) / parts);
  const digits = Math.max(0, -Math.floor(Math.log10(step) + 1e-9));
  const ticks = [];
  for (let i = Math.ceil(low / step - 1e-9); i <= high / step + 1e-9; i++) ticks.push(Number((i * step).toFixed(digits)));
  return ticks;
}
const plainTick = (tick, ticks) => {
  const step = ticks.length > 1 ? ticks[1] - ticks[0] : 1;
  const digits = Math.max(0, -Math.floor(Math.log10(step) + 1e-9));
  const text = Math.abs(tick) >= 1000 ? Math.abs(tick).toLocaleString("en-US") : Math.abs(tick).toFixed(digits);
  return (tick < 0 ? "−" : "") + text;
};

// What a mark says, beside it.
function tipOf(figure) {
  const tip = htmlNode("div", { class: "tip", hidden: "", "aria-hidden": "true" });
  const hide = () => { tip.hidden = true; };
  const show = (text, at, stage) => {
    if (tip.parentNode !== stage) stage.append(tip);
    tip.textContent = text;
    tip.hidden = false;
    const around = stage.getBoundingClientRect();
    const middle = at.left + at.width / 2 - around.left - tip.offsetWidth / 2;
    const above = at.top - tip.offsetHeight - 10;
    tip.style.left = `${Math.max(0, Math.min(middle, around.width - tip.offsetWidth))}px`;
    tip.style.top = `${(above < 0 ? at.top + at.height + 10 : above) - around.top}px`;
  };
  figure.addEventListener("keydown", (event) => { if (event.key === "Escape") hide(); });
  return { show, hide };
}

function marksOf(figure) {
  for (const stage of figure.querySelectorAll(".stage")) {
    const marks = [...stage.querySelectorAll(".mark")];
    if (!marks.length) continue;
    const tip = tipOf(figure);
    const listed = stage.querySelector(".dots");
    const tell = (mark) => {
      const box = (mark.querySelector(".point, .rug, .lane") || mark).getBoundingClientRect();
      if (!listed || mark.dataset.tip.split("\n").length > 2) tip.show(mark.dataset.tip, box, stage);
      else tip.hide();
    };
    marks.forEach((mark, place) => {
      mark.addEventListener("pointerenter", () => tell(mark));
      mark.addEventListener("pointerleave", (event) => { if (event.pointerType === "mouse" && document.activeElement !== mark) tip.hide(); });
      mark.addEventListener("focus", () => {
        marks.forEach((other) => (other.tabIndex = other === mark ? 0 : -1));
        tell(mark);
      });
      mark.addEventListener("blur", tip.hide);
      mark.addEventListener("click", () => { mark.focus(); tell(mark); });
      mark.addEventListener("keydown", (event) => {
        const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
        const next = step ? marks[place + step] : { Home: marks[0], End: marks[marks.length - 1] }[event.key];
        if (!step && !next) return;
        event.preventDefault();
        next?.focus();
      });
    });
  }
}

// A chart as it is seen, as one SVG: drawings with their styles written out, words and swatches where they stand.
const STYLES = ["fill", "fill-opacity", "stroke", "stroke-width", "stroke-dasharray", "stroke-opacity", "stroke-linejoin", "vector-effect", "opacity", "paint-order",
  "font-family", "font-size", "font-weight", "text-anchor", "display"];
function pictureOf(figure) {
  figure.classList.add("still");
  try {
    return drawnPicture(figure);
  } finally {
    figure.classList.remove("still");
  }
}
function drawnPicture(figure) {
  const sheet = figure.querySelector(".sheet");
  const frame = sheet.getBoundingClientRect();
  const [width, height] = [Math.ceil(frame.width), Math.ceil(frame.height)];
  const picture = svgNode("svg", { xmlns: "http://www.w3.org/2000/svg", width, height, viewBox: `0 0 ${width} ${height}` });
  picture.append(svgNode("title", {}, figure.querySelector(".chart-title").textContent));
  picture.append(svgNode("rect", { width, height, fill: getComputedStyle(sheet).backgroundColor }));
  const skipped = (node) => node.matches("script, noscript, .unseen, .tip, .controls, .timeline, .hint, select, button, [hidden]");
  const copyOf = (drawing) => {
    const copy = drawing.cloneNode(true);
    const [from, to] = [[drawing, ...drawing.querySelectorAll("*")], [copy, ...copy.querySelectorAll("*")]];
    from.forEach((node, index) => {
      const style = getComputedStyle(node);
      for (const name of STYLES) {
        const value = style.getPropertyValue(name);
        if (value) to[index].style.setProperty(name, value);
      }
      for (const name of ["class", "tabindex", "role", "aria-label", "data-tip", "data-u"]) to[index].removeAttribute(name);
    });
    return copy;
  };
  const walk = (node) => {
    if (node.nodeType === Node.TEXT_NODE) return words(node);
    if (node.nodeType !== Node.ELEMENT_NODE || skipped(node)) return;
    const style = getComputedStyle(node);
    if (style.display === "none" || style.visibility === "hidden") return;
    const box = node.getBoundingClientRect();
    const [x, y] = [box.left - frame.left, box.top - frame.top];
    if (node instanceof SVGSVGElement) {
      const copy = copyOf(node);
      for (const [name, value] of Object.entries({ x, y, width: box.width, height: box.height })) copy.setAttribute(name, value.toFixed(2));
      copy.style.overflow = "visible";
      picture.append(copy);
      return;
    }
    if (node.matches(".swatch")) {
      const radius = style.borderRadius === "50%" ? box.width / 2 : 0;
      const colour = style.backgroundImage === "none" ? style.backgroundColor : "none";
      picture.append(svgNode("rect", { x, y, width: box.width, height: box.height, rx: radius, fill: colour, stroke: style.borderTopColor, "stroke-width": parseFloat(style.borderTopWidth) || 0 }));
      return;
    }
    node.childNodes.forEach(walk);
  };
  const words = (node) => {
    const style = getComputedStyle(node.parentNode);
    const range = document.createRange();
    const lines = [];
    for (const piece of node.data.matchAll(/[\u2e80-\uffef]|[^\s\u2e80-\uffef]+\s*|\s+/g)) {
      range.setStart(node, piece.index);
      range.setEnd(node, piece.index + piece[0].trimEnd().length || piece.index + piece[0].length);
      const box = range.getClientRects()[0];
      if (!box || !piece[0].trim()) continue;
      const last = lines[lines.length - 1];
      if (last && Math.abs(last.top - box.top) < 3) last.text += piece[0];
      else lines.push({ top: box.top, bottom: box.bottom, left: box.left, text: piece[0] });
    }
    for (const line of lines) {
      const size = parseFloat(style.fontSize);
      const baseline = (line.top + line.bottom) / 2 - frame.top + size * 0.35;
      picture.append(svgNode("text", { x: (line.left - frame.left).toFixed(1), y: baseline.toFixed(1), fill: style.color, "font-family": style.fontFamily,
        "font-size": style.fontSize, "font-weight": style.fontWeight, "xml:space": "preserve" }, line.text.trimEnd()));
    }
  };
  walk(sheet);
  return { text: new XMLSerializer().serializeToString(picture), width, height };
}

const quoted = (text) => (/[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);
const tableLines = (table) => [...table.rows].map((row) => [...row.cells].map((cell) => cell.dataset.v ?? cell.textContent));

function handOver(blob, name) {
  const link = htmlNode("a", { href: URL.createObjectURL(blob), download: name });
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}
function saving(figure, lines) {
  const name = () => figure.dataset.name;
  const forms = {
    csv: () => handOver(new Blob(["\ufeff", ...lines().map((line) => line.map(quoted).join(",") + "\n")], { type: "text/csv" }), `${name()}.csv`),
    svg: () => handOver(new Blob([pictureOf(figure).text], { type: "image/svg+xml" }), `${name()}.svg`),
    png: () => {
      const { text, width, height } = pictureOf(figure);
      const image = new Image();
      image.onload = () => {
        const canvas = htmlNode("canvas", { width: width * 2, height: height * 2 });
        canvas.getContext("2d").drawImage(image, 0, 0, width * 2, height * 2);
        canvas.toBlob((blob) => handOver(blob, `${name()}.png`));
      };
      image.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(text)}`;
    },
  };
  figure.querySelectorAll("[data-save]").forEach((button) => button.addEventListener("click", forms[button.dataset.save]));
}

function mapOf(figure) {
  const data = JSON.parse(figure.querySelector("script").textContent);
  const { words } = data;
  const find = (selector) => figure.querySelector(selector);
  const [select, chosen, slider, year, play] = [".variable", ".chosen", ".timeline input", ".timeline output", ".play"].map(find);
  const land = find(".land");
  const over = svgNode("g", { class: "over", "aria-hidden": "true" });
  land?.append(over);
  const areas = new Map([...figure.querySelectorAll(".area, .outside")].map((path) => [path.dataset.u, path]));
  const place = new Map(data.units.map((unit, index) => [unit, index]));
  const still = matchMedia("(prefers-reduced-motion: reduce)");
  const state = { entry: 0, time: data.entries[0].latest, unit: -1, lit: -1 };
  let timer = 0;

  const entry = () => data.entries[state.entry];
  const valueAt = (unit, time = state.time, of = entry().values) => of[unit]?.[Math.min(time, of[unit].length - 1)] ?? null;
  const classOf = (value) => (entry().categories ? value : entry().edges.filter((edge) => value >= edge).length);
  const written = (value) => (value === null ? words.no_figure : entry().categories ? entry().labels[value] : printed(value) + (entry().measure === "%" ? "%" : ""));
  const present = (time = state.time) => data.units.map((_, unit) => unit).filter((unit) => valueAt(unit, time) !== null);
  const middle = (time) => {
    const sorted = present(time).map((unit) => valueAt(unit, time)).sort((a, b) => a - b);
    const half = sorted.length / 2;
    return !sorted.length ? null : sorted.length % 2 ? sorted[Math.floor(half)] : (sorted[half - 1] + sorted[half]) / 2;
  };
  const ranked = (unit) => {
    const value = valueAt(unit);
    return filled(words.rank, { rank: (1 + present().filter((other) => valueAt(other) > value).length).toLocaleString("en-US"), number: present().length.toLocaleString("en-US") });
  };
  const interval = (unit) => {
    const [low, high] = [entry().low?.[unit]?.[0] ?? null, entry().high?.[unit]?.[0] ?? null];
    return low === null || high === null ? "" : filled(words.interval, { low: written(low), high: written(high) });
  };

  const holdsZero = (unit) => {
    const [low, high] = [entry().low?.[unit]?.[0] ?? null, entry().high?.[unit]?.[0] ?? null];
    return low !== null && high !== null && low <= 0 && high >= 0;
  };

  function says(unit) {
    const value = valueAt(unit);
    const unitWords = entry().measure === "%" || !entry().measure || value === null ? "" : ` ${entry().measure}`;
    const when = entry().times[state.time] ? ` (${entry().times[state.time]})` : "";
    const lines = [data.names[unit] + when, written(value) + unitWords];
    if (value !== null && !entry().categories) lines.push(interval(unit) || ranked(unit));
    return lines;
  }

  function drawAreas() {
    const views = find(".views");
    entry().colours.forEach((colour, index) => {
      views.style.setProperty(`--l${index}`, colour);
      views.style.setProperty(`--d${index}`, entry().dark[index]);
    });
    for (const [id, path] of areas) {
      const unit = place.get(id);
      const asked = unit !== undefined && entry().values[unit];
      const value = asked ? valueAt(unit) : null;
      path.setAttribute("class", asked ? (holdsZero(unit) ? "area open" : "area") : "outside");
      path.style.fill = !asked ? "" : value === null ? "url(#hatch)" : `var(--c${classOf(value)})`;
      if (!asked) {
        path.removeAttribute("role");
        path.removeAttribute("tabindex");
        path.removeAttribute("aria-label");
        continue;
      }
      path.setAttribute("role", "button");
      path.setAttribute("aria-pressed", String(unit === state.unit));
      path.setAttribute("aria-label", says(unit).join(", "));
      if (!path.hasAttribute("tabindex")) path.setAttribute("tabindex", "-1");
    }
    if (!land) return;
    if (!land.querySelector('.area[tabindex="0"]')) land.querySelector(".area")?.setAttribute("tabindex", "0");
    // outlines over all areas: moving an area to the top would take the focus from it
    over.replaceChildren(...[["chosen", state.unit], ["lit", state.lit]].flatMap(([kind, unit]) => {
      const path = areas.get(data.units[unit]);
      return path?.matches(".area") ? [svgNode("path", { class: kind, d: path.getAttribute("d") })] : [];
    }));
  }

  function plane(xs, series, ticksX, label) {
    // lines over a scale that is the classes' own: even or growing
    const values = series.flatMap((one) => one.values).filter((value) => value !== null);
    const growing = entry().growing && Math.min(...values) > 0;
    let [low, high] = [Math.min(...values), Math.max(...values)];
    if (!growing && low > 0 && low < high / 2) low = 0;
    if (low === high) [low, high] = [low - 1, high + 1];
    const scale = growing ? Math.log : (value) => value;
    const y = (value) => (100 * (scale(high) - scale(value))) / (scale(high) - scale(low));
    const x = (at) => (xs[1] > xs[0] ? (100 * (at - xs[0])) / (xs[1] - xs[0]) : 50);
    const drawing = svgNode("svg", { class: "plane", role: "img", "aria-label": label });
    let ticks = roundTicks(low, high, 4);
    if (growing) {
      ticks = [];
      for (let power = Math.floor(Math.log10(low)); power <= Math.log10(high); power++) for (const factor of high / low > 300 ? [1] : high / low > 30 ? [1, 3] : [1, 2, 5]) {
        const tick = Number(`${factor}e${power}`);
        if (tick >= low && tick <= high) ticks.push(tick);
      }
    }
    const tickWords = (tick) => (growing ? (tick >= 1000 ? tick.toLocaleString("en-US") : String(tick)) : plainTick(tick, ticks));
    drawing.style.setProperty("--left", `${0.9 + 0.46 * Math.max(...ticks.map((tick) => tickWords(tick).length))}rem`);
    for (const tick of ticks) {
      drawing.append(svgNode("line", { class: tick === 0 ? "null" : "grid", x1: 0, x2: "100%", y1: `${y(tick)}%`, y2: `${y(tick)}%` }));
      drawing.append(svgNode("text", { class: "tick left", x: -8, y: `${y(tick)}%`, dy: ".35em" }, tickWords(tick)));
    }
    for (const [at, text] of ticksX) drawing.append(svgNode("text", { class: "tick", x: `${x(at)}%`, y: "100%", dy: "1.5em" }, text));
    const lines = svgNode("svg", { class: "stretched", width: "100%", height: "100%", viewBox: "0 0 100 100", preserveAspectRatio: "none" });
    for (const one of series) {
      let path = "";
      one.values.forEach((value, index) => {
        if (value !== null) path += `${path && one.values[index - 1] !== null ? "L" : "M"}${x(one.at[index]).toFixed(2)} ${y(value).toFixed(2)}`;
      });
      lines.append(svgNode("path", { class: one.kind, d: path || "M0 0" }));
    }
    drawing.append(lines);
    return { drawing, x, y };
  }

  function beside() {
    const panel = find(".beside");
    const unit = state.lit >= 0 ? state.lit : state.unit;
    const box = [];
    if (unit >= 0 && entry().values[unit]) {
      const [who, amount, rank] = says(unit);
      box.push(htmlNode("p", { class: "who" }, who));
      const [first, ...rest] = amount.split(" ");
      box.push(htmlNode("p", { class: "amount" }, entry().categories ? amount : first, ...(rest.length && !entry().categories ? [" ", htmlNode("small", {}, rest.join(" "))] : [])));
      if (rank) box.push(htmlNode("p", { class: "place" }, rank));
    } else box.push(htmlNode("p", { class: "hint" }, filled(words.choose, words)));
    if (entry().categories) {
      const counts = entry().labels.map((_, kind) => present().filter((one) => valueAt(one) === kind).length);
      counts.forEach((count, kind) => box.push(htmlNode("p", { class: "place" }, `${entry().labels[kind]}: ${count}`)));
    }
    if (!entry().categories && entry().timed && entry().times.length > 1) box.push(...trend(unit));
    else if (!entry().categories && land) box.push(strip(unit));
    panel.replaceChildren(...box);
  }

  function trend(unit) {
    const times = entry().times.map((_, index) => index);
    const at = entry().times.map((time, index) => (/^\d{4}$/.test(time) ? Number(time) : index));
    const middles = times.map(middle);
    const others = data.units.map((_, index) => index).filter((index) => entry().values[index] && index !== unit);
    const series = others.length <= 60 ? others.map((index) => ({ kind: "context", at, values: entry().values[index] })) : [];
    series.push({ kind: "middle", at, values: middles });
    const own = unit >= 0 && entry().values[unit];
    if (own) series.push({ kind: "own", at, values: entry().values[unit] });
    const name = own ? `${data.names[unit]}: ${written(valueAt(unit, 0))} – ${written(valueAt(unit, times.length - 1))}. ` : "";
    const label = `${filled(words.trend, { name: entry().name })}. ${name}${words.median}: ${written(middles[0])} – ${written(middles[middles.length - 1])}`;
    const { drawing, x, y } = plane([at[0], at[at.length - 1]], series, [[at[0], entry().times[0]], [at[at.length - 1], entry().times[times.length - 1]]], label);
    const now = `${x(at[state.time])}%`;
    drawing.append(svgNode("line", { class: "now", x1: now, x2: now, y1: 0, y2: "100%" }));
    if (own && valueAt(unit) !== null) drawing.append(svgNode("circle", { class: "dotted own", cx: now, cy: `${y(valueAt(unit))}%`, r: 5 }));
    const legend = htmlNode("p", { class: "place" }, `- - ${filled(words.of_units, { number: present().length.toLocaleString("en-US"), units: words.units })}: ${written(middle(state.time))}`);
    return [drawing, legend];
  }

  function strip(unit) {
    const shownUnits = present().sort((a, b) => valueAt(a) - valueAt(b));
    if (!shownUnits.length) return htmlNode("p", {}, words.no_figure);
    const values = shownUnits.map((index) => valueAt(index));
    const own = unit >= 0 && valueAt(unit) !== null;
    const ends = own && entry().low?.[unit] ? [entry().low[unit][0], entry().high[unit][0]] : null;
    let [low, high] = [Math.min(...values, ...(ends || [])), Math.max(...values, ...(ends || []))];
    const growing = entry().growing && low > 0;
    if (low === high) [low, high] = [low - 1, high + 1];
    const scale = growing ? Math.log : (value) => value;
    const x = (value) => `${((100 * (scale(value) - scale(low))) / (scale(high) - scale(low))).toFixed(2)}%`;
    const drawing = svgNode("svg", { class: "plane flat", role: "img", "aria-label": filled(words.strip, { unit: words.unit, name: entry().name }) });
    drawing.append(svgNode("line", { class: "grid", x1: 0, x2: "100%", y1: "60%", y2: "60%" }));
    if (low < 0 && high > 0) drawing.append(svgNode("line", { class: "null", x1: x(0), x2: x(0), y1: "20%", y2: "100%" }));
    if (ends) drawing.append(svgNode("line", { class: "whisker s1", x1: x(ends[0]), x2: x(ends[1]), y1: "60%", y2: "60%" }));
    for (const index of shownUnits) {
      const dot = svgNode("circle", { class: index === unit ? "dotted own" : "dotted", cx: x(valueAt(index)), cy: "60%", r: index === unit ? 7 : 5 });
      dot.addEventListener("pointerenter", () => light(index));
      dot.addEventListener("click", () => choose(index));
      drawing.append(dot);
    }
    if (own) drawing.append(drawing.querySelector(".own"));
    drawing.append(svgNode("text", { class: "tick", x: 0, y: "100%", dy: "1.2em", style: "text-anchor: start" }, written(low)));
    drawing.append(svgNode("text", { class: "tick", x: "100%", y: "100%", dy: "1.2em", style: "text-anchor: end" }, written(high)));
    return drawing;
  }

  function table() {
    const times = entry().times.map((time) => time || entry().name);
    const ends = entry().low ? [words.low, words.high] : [];
    const head = htmlNode("tr", {}, ...[data.unitHead, ...times, ...ends].map((text) => htmlNode("th", { scope: "col" }, text)));
    const cell = (value) => {
      if (value === null) return htmlNode("td");
      return entry().categories ? htmlNode("td", {}, entry().labels[value]) : htmlNode("td", { class: "right", "data-v": value }, printed(value));
    };
    const rows = data.units.map((_, unit) => unit).filter((unit) => entry().values[unit]).map((unit) => {
      const numbers = [...entry().values[unit], ...(entry().low ? [entry().low[unit]?.[0] ?? null, entry().high[unit]?.[0] ?? null] : [])];
      return htmlNode("tr", {}, htmlNode("th", { scope: "row" }, data.names[unit]), ...numbers.map(cell));
    });
    const made = htmlNode("table", {}, htmlNode("thead", {}, head), htmlNode("tbody", {}, ...rows));
    find(".figures table").replaceWith(made);
  }

  function legend() {
    const none = data.units.some((_, unit) => entry().values[unit] && valueAt(unit) === null);
    const beyond = [...areas.keys()].some((id) => !place.has(id) || !entry().values[place.get(id)]);
    if (!land) return;
    const items = entry().labels.map((text, index) => [`c${index}`, text]);
    if (none) items.push(["none", data.noData]);
    if (entry().low) items.push(["open", words.untold]);
    if (beyond && data.outside) items.push(["outside", data.outside[entry().timed ? 0 : 1]]);
    find(".legend").replaceChildren(...items.map(([kind, text]) => htmlNode("li", {}, htmlNode("span", { class: `swatch ${kind}` }), text)));
    find(".chart-unit").textContent = entry().categories ? "" : entry().measure;
    find(".rule").textContent = entry().rule;
  }

  function switched() {
    const one = entry();
    find(".chart-title").textContent = one.title;
    find(".source").textContent = one.source ? filled(words.source, { text: one.source }) : "";
    const remark = find(".remark") || find("figcaption").appendChild(htmlNode("p", { class: "remark" }));
    remark.textContent = [one.note, data.note].filter(Boolean).join(" ");
    slider.max = one.times.length - 1;
    find(".timeline").hidden = one.times.length < 2;
    figure.dataset.name = one.key.replace(/[^\w]+/g, "_");
    find(".views").classList.toggle("paired", Boolean(land));
    table();
  }
  function moved() {
    const time = entry().times[state.time];
    slider.value = state.time;
    slider.setAttribute("aria-valuetext", time);
    year.textContent = time;
    find(".subtitle").textContent = [entry().measure, time].filter(Boolean).join(", ");
    legend();
    drawn();
  }
  function drawn() {
    drawAreas();
    beside();
    if (!land) find(".strip").replaceChildren(strip(state.lit >= 0 ? state.lit : state.unit));
  }

  function light(unit) {
    if (state.lit === unit) return;
    state.lit = unit;
    drawn();
  }
  function choose(unit) {
    state.unit = unit === state.unit ? -1 : unit;
    chosen.value = state.unit < 0 ? "" : String(state.unit);
    drawn();
  }
  function go(time) {
    state.time = Math.max(0, Math.min(time, entry().times.length - 1));
    moved();
  }
  function stop() {
    clearInterval(timer);
    timer = 0;
    play.setAttribute("aria-pressed", "false");
    play.querySelector(".word").textContent = words.play;
    play.querySelector("[aria-hidden]").textContent = "▶";
  }

  select.addEventListener("change", () => {
    stop();
    const time = entry().times[state.time];
    state.entry = Number(select.value);
    const same = entry().times.indexOf(time);
    state.time = same < 0 ? entry().latest : same;
    switched();
    moved();
  });
  chosen.addEventListener("change", () => {
    state.unit = chosen.value === "" ? -1 : Number(chosen.value);
    drawn();
  });
  slider.addEventListener("input", () => { stop(); go(Number(slider.value)); });
  play.addEventListener("click", () => {
    if (timer) return stop();
    if (state.time === entry().times.length - 1) go(0);
    play.setAttribute("aria-pressed", "true");
    play.querySelector(".word").textContent = words.pause;
    play.querySelector("[aria-hidden]").textContent = "❚❚";
    timer = setInterval(() => {
      if (state.time === entry().times.length - 1) stop();
      else go(state.time + 1);
    }, still.matches ? 1600 : 800);
  });

  if (land) {
    const tip = tipOf(figure);
    const tell = (unit, at) => (unit >= 0 ? tip.show(says(unit).join("\n"), at, find(".where")) : tip.hide());
    const under = (event) => ({ left: event.clientX, top: event.clientY, width: 0, height: 0 });
    const unitOf = (event) => (event.target.matches?.(".area") ? place.get(event.target.dataset.u) : -1);
    land.addEventListener("pointermove", (event) => {
      if (event.pointerType !== "mouse") return;
      light(unitOf(event));
      tell(unitOf(event), under(event));
    });
    land.addEventListener("pointerleave", (event) => {
      if (event.pointerType !== "mouse") return;
      light(-1);
      tip.hide();
    });
    land.addEventListener("click", (event) => {
      if (unitOf(event) < 0) return tip.hide();
      choose(unitOf(event));
      tell(unitOf(event), under(event));
    });
    land.addEventListener("focusin", (event) => {
      land.querySelectorAll('.area[tabindex="0"]').forEach((path) => path.setAttribute("tabindex", "-1"));
      event.target.setAttribute("tabindex", "0");
      if (!event.target.matches(":focus-visible")) return;
      light(unitOf(event));
      tell(unitOf(event), event.target.getBoundingClientRect());
    });
    land.addEventListener("focusout", () => {
      light(-1);
      tip.hide();
    });
    land.addEventListener("keydown", (event) => {
      const unit = unitOf(event);
      const way = { ArrowRight: [1, 0], ArrowLeft: [-1, 0], ArrowDown: [0, 1], ArrowUp: [0, -1] }[event.key];
      if (event.key === "Home" || event.key === "End") {
        go(event.key === "Home" ? 0 : Infinity);
        tell(unit, event.target.getBoundingClientRect());
      } else if (event.key === "Enter" || event.key === " ") choose(unit);
      else if (event.key === "Escape") { if (state.unit >= 0) choose(state.unit); }
      else if (way) towards(unit, way);
      else return;
      event.preventDefault();
    });
  }
  function towards(unit, [dx, dy]) {
    const [x, y] = data.anchors[unit];
    let [best, least] = [-1, Infinity];
    data.anchors.forEach((anchor, other) => {
      if (!anchor || other === unit || !areas.get(data.units[other])?.matches(".area")) return;
      const along = (anchor[0] - x) * dx + (anchor[1] - y) * dy;
      const across = Math.abs((anchor[0] - x) * dy) + Math.abs((anchor[1] - y) * dx);
      if (along > 0 && along + 2 * across < least) [best, least] = [other, along + 2 * across];
    });
    if (best >= 0) areas.get(data.units[best]).focus();
  }

  document.addEventListener("click", (event) => {
    const key = event.target.closest?.("[data-entry]")?.dataset.entry;
    const index = data.entries.findIndex((one) => one.key === key);
    if (index < 0) return;
    select.value = String(index);
    select.dispatchEvent(new Event("change"));
  });

  switched();
  moved();
  saving(figure, () => tableLines(find(".figures table")));
}

function curveOf(figure) {
  const data = JSON.parse(figure.querySelector("script").textContent);
  const { words, dimensions } = data;
  const number = data.estimate.length;
  const boxes = [...figure.querySelectorAll("input")];
  const find = (selector) => figure.querySelector(selector);
  const drawing = find(".plane");
  const [readout, status] = [find("output"), find(".status")];
  const WIDE = 250;
  let shown = [];
  let pointed = -1;
  let [least, most] = [0, 0];

  const estimate = (i) => data.estimate[i] * data.unit;
  const low = (i) => data.low[i] * data.unit;
  const high = (i) => data.high[i] * data.unit;
  const option = (dimension, i) => data.alphabet.indexOf(dimensions[dimension].choices[i]);
  const written = (value) => value.toFixed(data.digits).replace("-", "−");
  const share = (count) => `${Math.round((100 * count) / Math.max(shown.length, 1))}%`;
  const middle = (list) => {
    const half = list.length / 2;
    return list.length % 2 ? estimate(list[Math.floor(half)]) : (estimate(list[half - 1]) + estimate(list[half])) / 2;
  };
  const median = (values) => {
    const sorted = [...values].sort((a, b) => a - b);
    const half = sorted.length / 2;
    return sorted.length % 2 ? sorted[Math.floor(half)] : (sorted[half - 1] + sorted[half]) / 2;
  };

  function update() {
    const ticked = dimensions.map(() => new Set());
    for (const box of boxes) if (box.checked) ticked[box.dataset.dimension].add(Number(box.dataset.option));
    shown = [];
    for (let i = 0; i < number; i++) if (dimensions.every((_, d) => ticked[d].has(option(d, i)))) shown.push(i);
    pointed = -1;
    status.textContent = filled(words.status, {
      shown: shown.length.toLocaleString("en-US"), number: number.toLocaleString("en-US"), median: shown.length ? written(middle(shown)) : "–",
      positive: share(shown.filter((i) => estimate(i) > 0).length),
      above: share(shown.filter((i) => low(i) > 0).length), below: share(shown.filter((i) => high(i) < 0).length),
    });
    for (const box of boxes) {
      // the median of one option leaves the other options of its own dimension out of account
      const own = shown.filter((i) => option(box.dataset.dimension, i) === Number(box.dataset.option));
      box.parentNode.querySelector("small").textContent = own.length ? written(middle(own)) : "–";
    }
    draw();
    point(-1);
  }

  function draw() {
    const count = Math.min(shown.length, WIDE);
    const columns = Array.from({ length: count }, (_, c) => {
      const part = shown.slice(Math.floor((c * shown.length) / count), Math.floor(((c + 1) * shown.length) / count));
      return { value: median(part.map(estimate)), low: median(part.map(low)), high: median(part.map(high)) };
    });
    most = Math.max(0, ...columns.map((column) => column.high));
    least = Math.min(0, ...columns.map((column) => column.low));
    const y = (value) => (1000 * (most - value)) / (most - least || 1);
    const x = (place) => (1000 * place) / Math.max(count, 1);
    const paths = { held: "", over: "", under: "" };
    columns.forEach((column, c) => {
      const kind = column.low > 0 ? "over" : column.high < 0 ? "under" : "held";
      paths[kind] += `M${x(c).toFixed(1)} ${y(column.high).toFixed(1)}H${x(c + 1).toFixed(1)}V${y(column.low).toFixed(1)}H${x(c).toFixed(1)}z`;
    });
    for (const [kind, path] of Object.entries(paths)) find(`.stretched .${kind}`).setAttribute("d", path);
    find(".stretched .line").setAttribute("d", columns.map((column, c) => `${c ? "L" : "M"}${x(c + 0.5).toFixed(1)} ${y(column.value).toFixed(1)}`).join(""));
    const ticks = roundTicks(least, most);
    const grid = find(".axes");
    grid.replaceChildren(...(shown.length ? ticks : []).flatMap((tick) => {
      const at = `${y(tick) / 10}%`;
      return [svgNode("line", { class: tick === 0 ? "null" : "grid", x1: 0, x2: "100%", y1: at, y2: at }), svgNode("text", { class: "tick left", x: -8, y: at, dy: ".35em" }, plainTick(tick, ticks))];
    }));
    const main = find(".main-mark");
    if (!main) return;
    const level = y(data.main) / 10;
    main.style.display = shown.length && level >= 0 && level <= 100 ? "" : "none";
    for (const line of main.querySelectorAll(".level")) for (const end of ["y1", "y2"]) line.setAttribute(end, `${level}%`);
    main.querySelector("text").setAttribute("y", `${level}%`);
    const place = shown.indexOf(data.place);
    const holder = main.querySelector("svg");
    holder.style.display = place < 0 ? "none" : "";
    holder.setAttribute("x", `${(100 * (place + 0.5)) / Math.max(shown.length, 1)}%`);
    holder.setAttribute("y", `${level}%`);
  }

  function point(place) {
    pointed = shown.length && place >= 0 ? Math.min(place, shown.length - 1) : -1;
    const i = shown[pointed];
    const cursor = find(".cursor");
    cursor.style.display = pointed < 0 ? "none" : "";
    for (const end of ["x1", "x2"]) cursor.setAttribute(end, `${(100 * (pointed + 0.5)) / Math.max(shown.length, 1)}%`);
    const text = !shown.length ? words.nothing : pointed < 0 ? words.point : filled(words.one, {
      place: pointed + 1, shown: shown.length, estimate: written(estimate(i)), low: written(low(i)), high: written(high(i)),
      choices: dimensions.map((dimension, d) => `${dimension.label}: ${dimension.options[option(d, i)]}`).join("; "),
    });
    readout.textContent = text;
    drawing.setAttribute("aria-valuenow", pointed + 1);
    drawing.setAttribute("aria-valuemax", shown.length);
    drawing.setAttribute("aria-valuetext", text);
  }
  const pointer = (event) => {
    const box = drawing.getBoundingClientRect();
    point(Math.max(0, Math.floor(((event.clientX - box.left) / box.width) * shown.length)));
  };
  drawing.addEventListener("pointermove", pointer);
  drawing.addEventListener("pointerdown", pointer);
  drawing.addEventListener("keydown", (event) => {
    const jump = { ArrowRight: 1, ArrowUp: 1, ArrowLeft: -1, ArrowDown: -1, PageDown: 100, PageUp: -100, Home: -Infinity, End: Infinity }[event.key];
    if (!jump) return;
    event.preventDefault();
    point(Math.max(0, pointed + jump));
  });
  find(".filter button").addEventListener("click", () => {
    boxes.forEach((box) => (box.checked = true));
    update();
  });
  boxes.forEach((box) => box.addEventListener("change", update));
  update();
  saving(figure, () => [
    [words.estimate, words.low, words.high, ...dimensions.map((dimension) => dimension.label)],
    ...shown.map((i) => [estimate(i), low(i), high(i)].map((value) => value.toFixed(4)).concat(dimensions.map((dimension, d) => dimension.options[option(d, i)]))),
  ]);
}

function start() {
  document.querySelectorAll("figure.chart").forEach((figure) => {
    figure.classList.add("live");
    if (figure.matches(".map")) return mapOf(figure);
    if (figure.matches(".curve")) return curveOf(figure);
    marksOf(figure);
    saving(figure, () => tableLines(figure.querySelector(".figures table")));
  });
}
start();
