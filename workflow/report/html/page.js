// Folded parts open when a link leads into them; those that the PDF shows, before printing.
function reveal() {
  const target = location.hash && document.getElementById(decodeURIComponent(location.hash.slice(1)));
  for (let part = target; part; part = part.parentElement) if (part.tagName === "DETAILS") part.open = true;
  if (target) target.scrollIntoView();
}
addEventListener("hashchange", reveal);
addEventListener("DOMContentLoaded", reveal);
const narrow = matchMedia("(max-width: 74.99rem)");
if (narrow.matches) document.querySelector(".contents details").open = false;
let opened = [];
addEventListener("beforeprint", () => {
  opened = [...document.querySelectorAll("details.printed:not([open])")];
  opened.forEach((part) => (part.open = true));
});
addEventListener("afterprint", () => opened.forEach((part) => (part.open = false)));
// The contents mark the section that is being read.
const entries = new Map([...document.querySelectorAll('.contents a[href^="#"]')].map((a) => [a.hash.slice(1), a]));
const read = new IntersectionObserver((seen) => {
  for (const { target, isIntersecting } of seen) if (isIntersecting) {
    entries.forEach((a) => a.removeAttribute("aria-current"));
    entries.get(target.id).setAttribute("aria-current", "location");
  }
}, { rootMargin: "-15% 0px -75% 0px" });
document.querySelectorAll("main > section[id]").forEach((part) => entries.has(part.id) && read.observe(part));
// A quoted number says beside itself where it comes from, in the words of its row of the register.
const origin = document.querySelector(".origin");
if ("popover" in origin) {
  const heads = [...document.querySelectorAll("#register-table thead th")].map((head) => head.textContent);
  const place = (number) => {
    const [box, own] = [number.getClientRects()[0], origin.getBoundingClientRect()];
    const top = box.bottom + 6 + own.height < innerHeight ? box.bottom + 6 : Math.max(6, box.top - 6 - own.height);
    origin.style.cssText = `top:${top}px;left:${Math.max(6, Math.min(box.left, innerWidth - own.width - 6))}px`;
  };
  let quoted;
  addEventListener("scroll", () => origin.matches(":popover-open") && place(quoted));
  origin.hidden = false;
  origin.popover = "auto";
  origin.querySelector("button").onclick = () => origin.hidePopover();
  origin.addEventListener("click", ({ target }) => target.closest("a") && origin.hidePopover());
  document.querySelectorAll("a.n").forEach((number) => number.setAttribute("aria-haspopup", "dialog"));
  document.addEventListener("click", (event) => {
    const number = event.target.closest("a.n");
    const row = number && document.getElementById(number.hash.slice(1))?.closest("tr");
    if (!row || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    origin.querySelector("dl").replaceChildren(...[...row.cells].flatMap((cell, at) => {
      if (!cell.textContent) return [];
      const [entry, term, said] = ["div", "dt", "dd"].map((tag) => document.createElement(tag));
      term.textContent = heads[at];
      said.append(...[...cell.childNodes].map((part) => part.cloneNode(true)));
      said.querySelectorAll("[id]").forEach((part) => part.removeAttribute("id"));
      entry.append(term, said);
      return entry;
    }));
    origin.querySelector("p a").href = number.hash;
    origin.showPopover();
    place((quoted = number));
    origin.focus();
  });
}
// What is looked for is found in folded parts too; a place that is chosen opens them.
const search = document.querySelector(".search");
const [asked, status, hits] = ["input", "p", "ol"].map((part) => search.querySelector(part));
const PLACES = "h2, h3, h4, summary, caption, .caption, .chart-title, p, li, dd, tbody tr";
const MOST = 30;
let places;
function lookFor(words) {
  places ||= [...document.querySelectorAll("main :is(" + PLACES + ")")]
    .filter((part) => !part.querySelector("p, li, tr") && !part.closest("noscript"))
    .map((part) => [part, (part.cells ? [...part.cells].map((cell) => cell.textContent).join(" ") : part.textContent).replace(/\s+/g, " ").trim(),
      /^(H\d|SUMMARY|CAPTION)$/.test(part.tagName) || part.matches(".caption, .chart-title")]);
  const wanted = words.toLowerCase().split(/\s+/).filter(Boolean);
  const found = wanted.length ? places.filter(([, text]) => wanted.every((word) => text.toLowerCase().includes(word))) : [];
  found.sort((one, other) => other[2] - one[2]);
  status.textContent = wanted.length ? status.dataset.found.replace("{n}", found.length) : "";
  hits.replaceChildren(...found.slice(0, MOST).map(([part, text]) => {
    const at = Math.max(0, text.toLowerCase().indexOf(wanted[0]) - 30);
    const entry = document.createElement("li"), link = document.createElement("a");
    link.textContent = (at ? "…" : "") + text.slice(at, at + 90) + (text.length > at + 90 ? "…" : "");
    link.href = "#" + (part.closest("[id]")?.id || "report");
    link.onclick = (event) => { event.preventDefault(); show(part); };
    entry.append(link);
    return entry;
  }));
}
function show(part) {
  for (let outer = part; outer; outer = outer.parentElement) if (outer.tagName === "DETAILS") outer.open = true;
  document.querySelector(".found")?.classList.remove("found");
  part.classList.add("found");
  if (!part.matches("summary")) part.tabIndex = -1;
  part.focus({ preventScroll: true });
  part.scrollIntoView({ block: "center" });
}
search.hidden = false;
search.onsubmit = (event) => { event.preventDefault(); hits.querySelector("a")?.click(); };
asked.oninput = () => lookFor(asked.value);
