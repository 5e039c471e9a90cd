
"use strict";
// Everything works without this: links lead to entries, and browsers open what they lead to.
// It opens entries in browsers that do not, lights up what a card is joined to, and saves the data.
function open_target() {
  const target = location.hash.length > 1 && document.getElementById(location.hash.slice(1));
  if (!target) return;
  for (let at = target; at; at = at.parentElement) if (at.tagName === "DETAILS") at.open = true;
  target.scrollIntoView({ block: "nearest" });
  const entry = target.closest("details");
  if (entry) { entry.scrollIntoView({ block: "start" }); target.focus({ preventScroll: true }); }
}
addEventListener("hashchange", open_target);
addEventListener("beforeprint", () => document.querySelectorAll("details.plain").forEach((d) => { d.open = true; }));

const cards = document.querySelectorAll("[data-card]");
const arrows = document.querySelectorAll("[data-from]");
function light(card, on) {
  const key = card.dataset.card;
  for (const arrow of arrows) {
    const joined = arrow.dataset.from === key || arrow.dataset.to === key;
    arrow.classList.toggle("lit", on && joined);
    arrow.classList.toggle("dim", on && !joined);
  }
}
for (const card of cards) {
  card.addEventListener("pointerenter", () => light(card, true));
  card.addEventListener("pointerleave", () => light(card, false));
  card.addEventListener("focus", () => light(card, true));
  card.addEventListener("blur", () => light(card, false));
  card.addEventListener("click", () => setTimeout(open_target));
}

const save = document.createElement("a");
save.textContent = "save them as a file";
save.download = "lineage.json";
save.href = URL.createObjectURL(new Blob([document.getElementById("lineage").textContent], { type: "application/json" }));
document.getElementById("save").append(" (", save, ")");
open_target();
