"use strict";
// Without this script everything is on one long page; with it, the parts are shown one at a time.
const at = (id) => document.getElementById(id);
const views = [...document.querySelectorAll(".view")];
const links = [...document.querySelectorAll("nav a")];
const BATCH = 12;

function route() {
  const target = at(location.hash.slice(1));
  const view = (target && target.closest(".view")) || views[0];
  for (const one of views) one.hidden = one !== view;
  for (const link of links) {
    if (link.hash === `#${view.id}`) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  if (target && target !== view) target.scrollIntoView();
  else scrollTo({ top: 0, behavior: "instant" });
}

// Gallery: sorted, filtered, and unfolded a dozen at a time.
const cards = [...at("cards").children];
let unfolded = BATCH;

function arrange() {
  const [key, sign] = at("sort").value.split(":");
  const group = at("group") ? at("group").value : "";
  const fitting = cards.filter((card) => !group || card.dataset.group === group);
  fitting.sort((a, b) => sign * (a.dataset[key] - b.dataset[key]));
  const shown = fitting.slice(0, unfolded);
  at("cards").replaceChildren(...shown);
  at("more").hidden = shown.length === fitting.length;
  at("gallery-status").textContent = `${shown.length} of ${fitting.length} images`;
}

function rearrange() {
  unfolded = BATCH;
  arrange();
}

at("sort").addEventListener("change", rearrange);
if (at("group")) at("group").addEventListener("change", rearrange);
at("more").addEventListener("click", () => {
  const first = unfolded;
  unfolded += BATCH;
  arrange();
  // The button may be gone: the reader goes on with the first new image.
  const card = at("cards").children[first];
  card.tabIndex = -1;
  card.focus({ preventScroll: true });
});

// Pairs: one at a time.
const pairs = [...at("pair-list").children];
let fitting = pairs;
let place = 0;

function present() {
  at("pair-list").replaceChildren(...fitting.slice(place, place + 1));
  at("no-pairs").hidden = fitting.length > 0;
  at("previous").disabled = place === 0;
  at("next").disabled = place >= fitting.length - 1;
  at("pairs-status").textContent = fitting.length ? `Pair ${place + 1} of ${fitting.length}` : "No pairs";
}

function choose() {
  const round = at("round").value, verdict = at("judge").value;
  fitting = pairs.filter((pair) => (!round || pair.dataset.round === round) && (!verdict || pair.dataset.verdict === verdict));
  place = 0;
  present();
}

function step(by) {
  place = Math.min(Math.max(place + by, 0), Math.max(fitting.length - 1, 0));
  present();
}

at("round").addEventListener("change", choose);
at("judge").addEventListener("change", choose);
at("previous").addEventListener("click", () => step(-1));
at("next").addEventListener("click", () => step(1));
document.addEventListener("keydown", (event) => {
  if (at("pairs").hidden || event.target.closest("select") || event.altKey || event.ctrlKey || event.metaKey) return;
  if (event.key === "ArrowLeft") step(-1);
  if (event.key === "ArrowRight") step(1);
});

// On paper there is nothing to choose: all of it is printed.
addEventListener("beforeprint", () => {
  at("cards").replaceChildren(...cards);
  at("pair-list").replaceChildren(...pairs);
});
addEventListener("afterprint", () => {
  arrange();
  present();
});

for (const controls of document.querySelectorAll(".controls")) controls.hidden = false;
addEventListener("hashchange", route);
arrange();
present();
route();
