"use strict";
const at = (id) => document.getElementById(id);
const study = JSON.parse(at("study").textContent);
// Opened as a file, answers stay in this browser until they are saved; from `kedro review study`, they are sent.
const served = location.protocol.startsWith("http");
// One key a level, where the levels are digits.
const DIGITS = study.best <= 9;
const SAVE = "Please save your answers as a file and send it to whoever sent you here.";
let mine = null;
let items = [];
let current = null;
// What was guessed from the picture alone.
let first = null;
let since = 0;

function tell(problem) {
  at("error").hidden = !problem;
  at("error").textContent = problem || "";
}

/* The server's answer: false where it refuses, null where there is none. */
async function ask(address, content) {
  const options = content && { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(content) };
  try {
    const answer = await fetch(address, options);
    const found = await answer.json();
    tell(answer.ok ? "" : found.error);
    return answer.ok && found;
  } catch {
    tell("The server does not answer. Your answers are sent with the next one, or save them as a file.");
    return null;
  }
}

/* Where this browser keeps a rater's answers. */
const kept = (rater) => `selfscore study ${study.study} ${rater}`;

/* What it has of a rater. It may keep nothing: forbidden, private, full. */
function stored(rater) {
  try {
    return JSON.parse(localStorage.getItem(kept(rater)) || "null");
  } catch {
    return null;
  }
}

function store() {
  try {
    localStorage.setItem(kept(mine.rater), JSON.stringify(mine));
  } catch {
    if (!at("unkept").hidden) return;
    const end = served ? "sent" : "saved as a file";
    at("unkept").textContent = `This browser keeps nothing: until they are ${end}, your answers are in this page alone. Leave it open.`;
    at("unkept").hidden = false;
  }
}

async function begin(rater, seat) {
  if (seat > study.seats.length) return tell(`There are ${study.seats.length} seats.`);
  const here = stored(rater);
  const sent = served ? await ask(`/api/answers/${encodeURIComponent(rater)}`) : null;
  const before = sent?.answers ? sent : here;
  if (before && before.seat !== seat) return tell(`${rater} sat on seat ${before.seat} before.`);
  mine = { study: study.study, rater, seat, answers: [...(here?.answers || [])] };
  for (const one of sent?.answers || []) if (!mine.answers.some(({ item }) => item === one.item)) mine.answers.push(one);
  // Who begins takes the seat.
  if (served && (await ask("/api/answers", mine)) === false) return;
  const answered = new Set(mine.answers.map(({ item }) => item));
  items = study.seats[seat - 1].filter(({ item }) => !answered.has(item));
  at("begin").hidden = true;
  at("task").hidden = false;
  at("save").hidden = served;
  next();
  if (mine.answers.length) await send();
}

function next() {
  current = items.shift();
  first = null;
  const all = study.seats[mine.seat - 1].length;
  at("progress").max = all;
  at("progress").value = mine.answers.length;
  at("status").textContent = `${mine.answers.length} of ${all} answered.`;
  at("task").hidden = !current;
  at("end").hidden = Boolean(current);
  if (!current) return finish();
  at("picture").src = study.pictures[current.picture];
  show(current.task === "check");
}

function finish() {
  at("question").textContent = "That was all";
  at("hint").textContent = "";
  at("where").textContent = served ? "Your answers are being sent." : SAVE;
  if (!served) at("save").focus();
}

/* All answers so far, so what a server that was away has missed comes along. */
async function send() {
  if (!served) return;
  const count = mine.answers.length;
  const taken = await ask("/api/answers", mine);
  // The next answer is under way with all of these, and tells what came of it.
  if (count < mine.answers.length) return;
  at("save").hidden = Boolean(taken);
  if (!current) at("where").textContent = taken ? "Your answers have been sent. You can close this page." : SAVE;
}

/* One question about the current picture, with the text or without. */
function show(withText) {
  const check = current.task === "check";
  at("question").textContent = check ? `Is level ${current.level} right?` : "Which level did the model give?";
  const scale = `0 is the worst, ${study.best} the best.`;
  if (check) at("hint").textContent = `The model says level ${current.level}. ${scale}`;
  else at("hint").textContent = withText ? `Guess again, now with the text. ${scale}` : `Guess from the picture alone. ${scale}`;
  at("said").hidden = !(withText && current.text);
  // Texts of the model go into the page as text, never as HTML.
  at("text").textContent = current.text;
  const choices = check ? [["accept", "a"], ["reject", "r"]] : DIGITS ? [...Array(study.best + 1).keys()].map((level) => [`${level}`, `${level}`]) : [];
  at("choices").replaceChildren(...(choices.length ? choices.map(button) : field()));
  since = performance.now();
  scrollTo({ top: 0 });
}

function button([name, key]) {
  const one = document.createElement("button");
  one.type = "button";
  one.dataset.key = key;
  one.textContent = name;
  if (name !== key) one.append(" ", Object.assign(document.createElement("kbd"), { textContent: key }));
  one.addEventListener("click", () => choose(name));
  return one;
}

/* For more levels than there are digits. */
function field() {
  const label = document.createElement("label");
  const input = Object.assign(document.createElement("input"), { type: "number", min: 0, max: study.best, step: 1, required: true });
  label.append("Level ", input);
  const go = Object.assign(document.createElement("button"), { textContent: "Go on" });
  // It is not in the page yet.
  queueMicrotask(() => input.focus());
  return [label, go];
}

function choose(said) {
  const seconds = (performance.now() - since) / 1000;
  if (current.task === "check") return answer({ item: current.item, accepted: said === "accept", seconds });
  if (first) return answer({ item: current.item, ...first, after: Number(said), seconds });
  first = { before: Number(said), seconds_before: seconds };
  show(true);
}

async function answer(one) {
  mine.answers.push(one);
  store();
  next();
  await send();
}

at("choices").addEventListener("submit", (event) => {
  event.preventDefault();
  choose(event.target.querySelector("input").value);
});
document.addEventListener("keydown", (event) => {
  if (at("task").hidden || event.altKey || event.ctrlKey || event.metaKey || event.repeat) return;
  const one = [...at("choices").children].find((child) => child.dataset.key === event.key.toLowerCase());
  if (one) one.click();
});
at("begin").addEventListener("submit", (event) => {
  event.preventDefault();
  tell("");
  begin(at("rater").value.trim(), Number(at("seat").value));
});
at("save").addEventListener("click", () => {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([JSON.stringify(mine, null, 1)], { type: "application/json" }));
  link.download = `answers ${mine.rater}.json`;
  link.click();
  URL.revokeObjectURL(link.href);
});
for (const place of document.querySelectorAll(".best")) place.textContent = study.best;
at("seat").max = study.seats.length;
at("seat").value = Number(location.hash.slice(1)) || "";
if (served) ask("/api/study").then((found) => {
  if (found?.seat === null) tell(`All ${study.seats.length} seats are taken. Who has one can go on with it.`);
  else if (found && !at("seat").value) at("seat").value = found.seat;
});
