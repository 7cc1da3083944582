// The page: modes, the form, and the requests, all to the address that it came from.
import { Person } from "/page/person.js";
import { FacePath, hideRanking, showRanking } from "/page/results.js";

const one = (id) => document.getElementById(id);
const MODES = {
  faces: { hint: "One voice, many faces: the slider changes the noise.", action: "Draw faces", title: "Faces" },
  between: { hint: "Faces between two people, under one noise.", action: "Draw the path", title: "Between two people" },
  match: { hint: "Which of several pictures fits a voice?", action: "Compare", title: "Match" },
};
const NO_SERVER = "The server does not answer. Is facegen demo still running?";

const path = new FacePath();
let model, first, second, mode = "faces", seed = 0, isDrawing = false, isSent = false, previews = [];

async function start() {
  try {
    model = await (await fetch("/api/model")).json();
  } catch {
    return fail(NO_SERVER);
  }
  one("card-line").textContent = `Model ${model.name}: ${model.line}.`;
  one("card").hidden = !model.paragraphs.length;
  one("card-text").append(...model.paragraphs.map((text) => Object.assign(document.createElement("p"), { textContent: text })));
  one("max-pictures").textContent = model.max_pictures;
  one("mode-match").hidden = !model.can_match;
  const noun = model.inputs.includes("speech") ? "Voice" : "Person";
  first = new Person(one("person-a"), noun, model);
  second = new Person(one("person-b"), `Second ${noun.toLowerCase()}`, model);
  for (const radio of document.querySelectorAll("[name=mode]")) {
    radio.addEventListener("change", () => choose(radio.value));
  }
  one("inputs").addEventListener("submit", submit);
  one("again").addEventListener("click", () => draw(seed + 1));
  one("pictures-input").addEventListener("change", showChosenPictures);
  for (const id of ["person-a", "person-b", "pictures"]) one(id).addEventListener("chosen", askAgain);
  window.addEventListener("dragover", (event) => event.preventDefault());
  window.addEventListener("drop", (event) => event.preventDefault());
  choose(document.querySelector("[name=mode]:checked").value); // a reloaded page keeps its choice
  document.body.dataset.ready = "yes";
}

function choose(chosen) {
  mode = chosen;
  one("mode-hint").textContent = MODES[mode].hint;
  one("go").textContent = MODES[mode].action;
  one("person-b").hidden = mode !== "between";
  one("pictures").hidden = mode !== "match";
  first.show(mode === "match" ? ["speech"] : model.inputs);
  first.setTitle(mode === "between" ? `First ${first.title.toLowerCase()}` : first.title);
  one("error").textContent = "";
}

/** Permission for what was sent is none for another voice or other pictures. */
function askAgain() {
  if (isSent) one("permission").checked = false;
  isSent = false;
}

function showChosenPictures() {
  one("pictures").dispatchEvent(new Event("chosen"));
  previews.forEach((url) => URL.revokeObjectURL(url));
  const files = [...one("pictures-input").files];
  previews = files.map((file) => URL.createObjectURL(file));
  one("pictures-list").replaceChildren(...files.map((file, number) => {
    const item = document.createElement("li");
    item.append(Object.assign(new Image(72, 72), { src: previews[number], alt: file.name }));
    return item;
  }));
}

/** What is missing, and where: [text, focus]; null if nothing is. */
function missing() {
  const people = mode === "between" ? [first, second] : [first];
  for (const person of people) {
    const text = person.missing();
    if (text) return [people.length > 1 ? `${person === first ? "First" : "Second"} person: ${text}` : text, () => person.focus()];
  }
  const num = one("pictures-input").files.length;
  const focus = () => one("pictures-input").focus();
  if (mode === "match" && num < 2) return ["Choose two pictures or more; one alone is not compared with a voice.", focus];
  if (mode === "match" && num > model.max_pictures) return [`Choose ${model.max_pictures} pictures at most.`, focus];
  if (!one("permission").checked) return ["Confirm that it is your voice, or that you have permission.", () => one("permission").focus()];
  return null;
}

function form(chosenSeed) {
  const data = new FormData();
  data.append("permission", "yes");
  data.append("seed", chosenSeed);
  first.addTo(data, "");
  if (mode === "between") second.addTo(data, "_b");
  if (mode === "match") {
    for (const file of one("pictures-input").files) data.append("pictures", file);
    data.append("detect", one("detect").checked ? "yes" : "no");
  }
  return data;
}

function submit(event) {
  event.preventDefault();
  draw(0);
}

async function draw(chosenSeed) {
  if (isDrawing) return;
  const gap = missing();
  if (gap) {
    fail(gap[0]);
    return gap[1]();
  }
  setDrawing(true);
  isSent = true;
  try {
    const drawnMode = mode;
    const response = await fetch(`/api/${mode}`, { method: "POST", body: form(chosenSeed) });
    const result = await response.json();
    if (!response.ok) return fail(result.error);
    seed = chosenSeed;
    show(result, drawnMode);
  } catch {
    fail(NO_SERVER);
  } finally {
    setDrawing(false);
  }
}

function setDrawing(value) {
  isDrawing = value;
  one("go").setAttribute("aria-disabled", String(value));
  one("again").setAttribute("aria-disabled", String(value));
  one("results").setAttribute("aria-busy", String(value));
  if (value) {
    one("error").textContent = "";
    one("status").textContent = "Working …";
  }
}

function show(result, drawnMode) {
  one("results-title").textContent = MODES[drawnMode].title;
  if (drawnMode === "match") {
    path.hide();
    showRanking(result);
    one("status").textContent = `${result.candidates.length} pictures are ranked, the best first.`;
  } else {
    hideRanking();
    path.set(result, drawnMode, model.name);
    const warnings = result.warnings.map((warning) => ` Note: the recording ${warning}.`).join("");
    one("status").textContent = `${result.faces.length} faces are drawn.${warnings}`;
  }
  if (window.matchMedia("(max-width: 60rem)").matches) one("results").scrollIntoView({ block: "start" });
}

function fail(text) {
  one("error").textContent = text;
  one("status").textContent = "";
}

start();
