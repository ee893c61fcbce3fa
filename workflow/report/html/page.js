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
