// Inputs of one person: a recording or a file, a sentence, a name; whatever the model draws from.
import { Recorder } from "/page/recorder.js";

const MAX_RECORDING_SECONDS = 30;
const MIN_RECORDING_SECONDS = 1;

export class Person {
  /**
   * @param {HTMLElement} place where the inputs stand
   * @param {string} title
   * @param {object} model description of the model
   */
  constructor(place, title, model) {
    this.model = model;
    place.append(document.getElementById("person-template").content.cloneNode(true));
    this.place = place;
    this.blob = null;
    this.recorder = null;
    this.title = title;
    this.loudest = 0;
    this.#one("legend").textContent = title;
    this.#fillNames();
    this.show(model.inputs);
    this.#listen();
  }

  /** Shows the inputs of these kinds: "speech", "text", "name". */
  show(inputs) {
    this.inputs = inputs;
    this.#one(".speech-input").hidden = !inputs.includes("speech");
    this.#one(".text-input").hidden = !inputs.includes("text");
    this.#one(".name-input").hidden = !inputs.includes("name");
  }

  setTitle(title) {
    this.#one("legend").textContent = title;
  }

  /** @returns {string} what is missing, in words; "" if nothing is */
  missing() {
    if (this.recorder) return "Stop the recording first.";
    if (this.inputs.includes("speech") && !this.blob) return "Record a voice, or choose a file.";
    if (this.inputs.includes("text") && !this.#one("textarea").value.trim()) return "Write a sentence.";
    return "";
  }

  focus() {
    const kind = this.inputs.includes("speech") ? ".record" : this.inputs.includes("text") ? "textarea" : "select";
    this.#one(kind).focus();
  }

  /** Adds the fields to a form; the name of a file is not sent. */
  addTo(form, ending) {
    if (this.inputs.includes("speech")) form.append(`speech${ending}`, this.blob, "recording");
    if (this.inputs.includes("text")) form.append(`text${ending}`, this.#one("textarea").value);
    if (this.inputs.includes("name")) form.append(`name${ending}`, this.#one("select").value);
  }

  #one(selector) {
    return this.place.querySelector(selector);
  }

  #fillNames() {
    for (const name of this.model.names) this.#one("select").add(new Option(name));
  }

  #listen() {
    this.#one(".record").addEventListener("click", () => (this.recorder ? this.#stop() : this.#start()));
    this.#one(".discard").addEventListener("click", () => this.#discard());
    const input = this.#one(".speech-file");
    input.addEventListener("change", () => input.files[0] && this.#choose(input.files[0], input.files[0].name));
    const card = this.#one("fieldset");
    card.addEventListener("dragover", (event) => {
      event.preventDefault();
      card.classList.add("over");
    });
    card.addEventListener("dragleave", () => card.classList.remove("over"));
    card.addEventListener("drop", (event) => {
      event.preventDefault();
      card.classList.remove("over");
      const file = event.dataTransfer.files[0];
      if (file) this.#choose(file, file.name);
    });
  }

  async #start() {
    const button = this.#one(".record");
    const recorder = new Recorder((level, seconds) => this.#progress(level, seconds));
    this.recorder = recorder;
    this.#say("");
    this.#progress(0, 0);
    this.loudest = 0;
    button.disabled = true;
    try {
      await recorder.start();
    } catch (error) {
      this.recorder = null;
      await recorder.stop();
      return this.#say(error.message);
    } finally {
      button.disabled = false;
    }
    this.#clear();
    button.textContent = "Stop";
    button.classList.add("on");
    this.#one(".recording").hidden = this.#one(".read-aloud").hidden = false;
    this.#say("Recording.");
  }

  #progress(level, seconds) {
    this.#one(".level span").style.width = `${Math.min(100, Math.round(140 * Math.sqrt(level)))}%`;
    this.#one(".seconds").textContent = `${Math.floor(seconds)} s`;
    this.loudest = Math.max(this.loudest, level);
    if (seconds > MAX_RECORDING_SECONDS) this.#stop();
  }

  async #stop() {
    const recorder = this.recorder;
    if (!recorder) return;
    this.recorder = null;
    const blob = await recorder.stop();
    const button = this.#one(".record");
    button.textContent = "Record";
    button.classList.remove("on");
    this.#one(".recording").hidden = this.#one(".read-aloud").hidden = true;
    const seconds = (blob.size - 44) / 2 / recorder.context.sampleRate;
    if (seconds < MIN_RECORDING_SECONDS) return this.#say("That was too short; record at least a second.");
    if (this.loudest < 0.004) return this.#say("Nothing was heard; check the microphone, and record again.");
    this.#choose(blob, `Recording, ${Math.round(seconds)} s`);
  }

  #choose(blob, name) {
    if (blob.size > this.model.max_bytes) {
      return this.#say(`The file has more than ${Math.floor(this.model.max_bytes / 2 ** 20)} MB; choose a shorter one.`);
    }
    this.#clear();
    this.blob = blob;
    this.#one(".file-name").textContent = name;
    this.#one("audio").src = URL.createObjectURL(blob);
    this.#one("audio").setAttribute("aria-label", `${this.title}: ${name}`);
    this.#one(".chosen").hidden = false;
    this.#say("Ready.");
    this.place.dispatchEvent(new Event("chosen"));
  }

  #clear() {
    this.blob = null;
    const audio = this.#one("audio");
    if (audio.src) URL.revokeObjectURL(audio.src);
    audio.removeAttribute("src");
    this.#one(".chosen").hidden = true;
    this.#one(".file-name").textContent = "";
    this.#one(".speech-file").value = "";
  }

  #discard() {
    this.#clear();
    this.#say("Discarded.");
    this.#one(".record").focus();
  }

  #say(text) {
    this.#one(".person-status").textContent = text;
  }
}
