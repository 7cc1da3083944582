// Records the microphone as WAV: the same samples in every browser, without a lossy codec between voice and model.

export class Recorder {
  /** @param {(level: number, seconds: number) => void} onProgress called for every block of samples */
  constructor(onProgress) {
    this.onProgress = onProgress;
    this.blocks = [];
    this.numSamples = 0;
  }

  async start() {
    if (!navigator.mediaDevices?.getUserMedia || !window.AudioWorkletNode) {
      throw new Error("This browser cannot record here; choose a file instead.");
    }
    // What makes calls clearer changes the voice.
    const audio = { echoCancellation: false, noiseSuppression: false, autoGainControl: false, channelCount: 1 };
    try {
      this.stream = await navigator.mediaDevices.getUserMedia({ audio });
    } catch (error) {
      throw new Error(error.name === "NotAllowedError"
        ? "The browser does not let this page use the microphone; allow it beside the address, or choose a file."
        : "No microphone was found; connect one, or choose a file.");
    }
    this.context = new AudioContext();
    await this.context.audioWorklet.addModule("/page/recorder-worklet.js");
    this.node = new AudioWorkletNode(this.context, "recorder", { numberOfOutputs: 0 });
    this.node.port.onmessage = ({ data }) => this.#add(data);
    this.context.createMediaStreamSource(this.stream).connect(this.node);
    await this.context.resume();
  }

  /** @returns {Promise<Blob>} the recording; empty if nothing was recorded */
  async stop() {
    this.stream?.getTracks().forEach((track) => track.stop());
    const rate = this.context?.sampleRate ?? 48000;
    if (this.node) this.node.port.onmessage = null;
    await this.context?.close();
    return encodeWav(this.blocks, this.numSamples, rate);
  }

  #add(block) {
    this.blocks.push(block);
    this.numSamples += block.length;
    const level = Math.max(...block.map(Math.abs));
    this.onProgress(level, this.numSamples / this.context.sampleRate);
  }
}

/** Encodes blocks of floats as a mono WAV of 16 bits. */
export function encodeWav(blocks, numSamples, rateHz) {
  if (!numSamples) return new Blob([], { type: "audio/wav" });
  const view = new DataView(new ArrayBuffer(44 + 2 * numSamples));
  const write = (offset, text) => [...text].forEach((c, i) => view.setUint8(offset + i, c.charCodeAt(0)));
  write(0, "RIFF");
  view.setUint32(4, 36 + 2 * numSamples, true);
  write(8, "WAVEfmt ");
  view.setUint32(16, 16, true);
  view.setUint16(20, 1, true); // PCM
  view.setUint16(22, 1, true); // channels
  view.setUint32(24, rateHz, true);
  view.setUint32(28, 2 * rateHz, true);
  view.setUint16(32, 2, true);
  view.setUint16(34, 16, true);
  write(36, "data");
  view.setUint32(40, 2 * numSamples, true);
  let offset = 44;
  for (const block of blocks) {
    for (const sample of block) {
      view.setInt16(offset, Math.round(32767 * Math.max(-1, Math.min(1, sample))), true);
      offset += 2;
    }
  }
  return new Blob([view.buffer], { type: "audio/wav" });
}
