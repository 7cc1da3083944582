// Shows what was drawn: a path of faces under a slider, or a ranking of pictures.

const FRAMES_PER_SECOND = 12;
const one = (id) => document.getElementById(id);

export class FacePath {
  constructor() {
    this.faces = [];
    one("slider").addEventListener("input", () => this.#show(Number(one("slider").value)));
    one("play").addEventListener("click", () => (this.timer ? this.stop() : this.#play()));
  }

  /**
   * @param {object} drawn faces, stops, note and seed
   * @param {"faces" | "between"} mode
   * @param {string} modelName
   */
  set(drawn, mode, modelName) {
    this.stop();
    Object.assign(this, drawn, { mode, modelName });
    one("path").hidden = false;
    const isOne = this.faces.length === 1;
    document.querySelector(".slider").hidden = one("play").hidden = one("again").hidden = isOne;
    one("slider-label").textContent = mode === "faces" ? "Noise" : "From the first to the second";
    one("again").textContent = mode === "faces" ? "Other noises" : "Other noise";
    one("slider").max = this.faces.length - 1;
    one("note").textContent = ["Generated, not a photograph of anybody.", drawn.note].filter(Boolean).join(" ");
    this.#fillGrid();
    this.#show(0);
  }

  hide() {
    this.stop();
    one("path").hidden = true;
  }

  stop() {
    clearInterval(this.timer);
    this.timer = null;
    one("play").textContent = "Play";
    one("play").setAttribute("aria-pressed", "false");
  }

  #shownInGrid() {
    if (this.mode === "faces") return this.stops;
    const steps = 8;
    return Array.from({ length: steps + 1 }, (_, step) => Math.round((step * (this.faces.length - 1)) / steps));
  }

  #fillGrid() {
    const items = this.#shownInGrid().map((index) => {
      const image = new Image(256, 256);
      image.src = this.faces[index];
      image.alt = `Generated face, ${this.#words(index)}`;
      const button = document.createElement("button");
      button.type = "button";
      button.dataset.index = index;
      button.append(image);
      button.addEventListener("click", () => {
        this.stop();
        this.#show(index);
      });
      const item = document.createElement("li");
      item.append(button);
      return item;
    });
    one("grid").replaceChildren(...items);
  }

  /** The place on the path in words. */
  #words(index) {
    const last = this.faces.length - 1;
    if (this.mode === "between") {
      return index === 0 ? "the first person" : index === last ? "the second person"
        : `${Math.round((100 * index) / last)} % of the way to the second person`;
    }
    const stop = this.stops.indexOf(index);
    if (stop >= 0) return `noise ${stop + 1} of ${this.stops.length}`;
    const before = this.stops.findLastIndex((place) => place < index);
    return `between noises ${before + 1} and ${before + 2}`;
  }

  #show(index) {
    const words = this.#words(index);
    one("face").src = this.faces[index];
    one("face").alt = `Generated face, ${words}`;
    one("slider").value = index;
    one("slider").setAttribute("aria-valuetext", words);
    one("position").textContent = words;
    one("save").href = this.faces[index];
    one("save").download = `generated_${this.modelName}_seed${this.seed}_${index + 1}.jpg`;
    for (const button of one("grid").querySelectorAll("button")) {
      if (Number(button.dataset.index) === index) button.setAttribute("aria-current", "true");
      else button.removeAttribute("aria-current");
    }
  }

  #play() {
    let step = 1;
    one("play").textContent = "Stop";
    one("play").setAttribute("aria-pressed", "true");
    this.timer = setInterval(() => {
      const index = Number(one("slider").value);
      if (index + step < 0 || index + step >= this.faces.length) step = -step;
      this.#show(index + step);
    }, 1000 / FRAMES_PER_SECOND);
  }
}

/** Shows pictures, the likeliest first. */
export function showRanking({ candidates, chance }) {
  const percent = (share) => `${(100 * share).toFixed(1)}\u00a0%`;
  const items = candidates.map(({ name, picture, probability }) => {
    const image = new Image(160, 160);
    image.src = picture;
    image.alt = "";
    const label = document.createElement("span");
    label.className = "label";
    label.textContent = name;
    const bar = document.createElement("span");
    bar.className = "level";
    bar.append(document.createElement("span"));
    bar.firstChild.style.width = percent(probability).replace("\u00a0", "");
    const value = document.createElement("strong");
    value.textContent = percent(probability);
    const item = document.createElement("li");
    item.append(image, label, bar, value);
    return item;
  });
  one("candidates").replaceChildren(...items);
  one("ranking-note").textContent = `Chance is ${percent(chance)}. The shares are of these pictures only and always add `
    + "up to 100\u00a0%, even if none of them is right. They do not identify anybody.";
  one("ranking").hidden = false;
}

export function hideRanking() {
  one("ranking").hidden = true;
}
