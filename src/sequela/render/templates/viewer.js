(() => {
  "use strict";
  const root = document.querySelector("[data-volumes]");
  const one = (name) => root.querySelector(`[data-${name}]`);
  const all = (name) => [...root.querySelectorAll(`[data-${name}]`)];
  const content = JSON.parse(one("content").textContent);
  const held = (name) => one(name).textContent.trim();
  const state = { scene: 0, viewer: null, images: [], opacity: content.layers.map((l) => l.opacity), hidden: new Set() };

  const number = (value) => (Math.abs(value) >= 100 ? value.toFixed(0) : String(Number(value.toPrecision(3))));
  const layersOf = (scene) => content.scenes[scene].layers;
  const opacityOf = (layer) => (state.hidden.has(layer) ? 0 : state.opacity[layer]);
  // the lowest layer holds the grid and stays, however clear; others are left out when hidden
  const drawn = () => layersOf(state.scene).filter((layer, at) => at === 0 || !state.hidden.has(layer));

  function say(problem) {
    const sentence = one("missing");
    sentence.textContent = `${problem} Three still planes of each scene are shown instead.`;
    sentence.hidden = false;
    one("stage").hidden = true;
    one("layers").hidden = true;
    state.viewer = null;
    show(state.scene);
  }

  function draw() {
    const { viewer } = state;
    if (!viewer) return;
    viewer.volumes = drawn().map((layer) => Object.assign(state.images[layer], { opacity: opacityOf(layer) }));
    viewer.back = viewer.volumes[0];
    viewer.overlays = viewer.volumes.slice(1);
    viewer.updateGLVolume();
    viewer.createOnLocationChange();
  }

  function legend() {
    const list = one("layers");
    list.replaceChildren();
    for (const index of layersOf(state.scene)) {
      const layer = content.layers[index];
      const item = document.createElement("li");
      const label = document.createElement("label");
      const seen = Object.assign(document.createElement("input"), { type: "checkbox", checked: !state.hidden.has(index) });
      const name = Object.assign(document.createElement("span"), { textContent: layer.name });
      const opacity = Object.assign(document.createElement("input"), { type: "range", min: 0, max: 1, step: 0.05, value: state.opacity[index] });
      opacity.setAttribute("aria-label", `Opacity of ${layer.name}`);
      const ramp = Object.assign(document.createElement("span"), { className: "ramp", title: layer.words });
      ramp.style.backgroundImage = `linear-gradient(to right, ${layer.gradient})`;
      const ends = Object.assign(document.createElement("span"), { className: "ends" });
      for (const text of [number(layer.low), layer.words, `${number(layer.high)} ${layer.unit}`]) {
        ends.append(Object.assign(document.createElement("span"), { textContent: text }));
      }
      seen.addEventListener("change", () => { state.hidden[seen.checked ? "delete" : "add"](index); draw(); });
      opacity.addEventListener("input", () => { state.opacity[index] = Number(opacity.value); draw(); });
      label.append(seen, name, opacity, ramp, ends);
      item.append(label);
      list.append(item);
    }
  }

  function show(index) {
    const last = content.scenes.length - 1;
    state.scene = Math.max(0, Math.min(last, index));
    const scene = content.scenes[state.scene];
    one("caption").textContent = scene.caption;
    for (const button of all("scene")) button.setAttribute("aria-pressed", String(Number(button.dataset.scene) === state.scene));
    if (one("slider")) one("slider").value = state.scene;
    if (one("scene-name")) one("scene-name").textContent = scene.name;
    for (const still of all("still")) still.hidden = Boolean(state.viewer) || Number(still.dataset.still) !== state.scene;
    if (state.viewer) { legend(); draw(); }
  }

  function place(location) {
    const side = (value, plus, minus) => `${Math.abs(value).toFixed(0)} mm ${value >= 0 ? plus : minus}`;
    const [x, y, z] = location.mm;
    const words = [side(x, "right", "left"), side(y, "anterior", "posterior"), side(z, "superior", "inferior")];
    const values = location.values.map((entry, at) => {
      const layer = content.layers[drawn()[at]];
      return layer ? `${layer.name} ${number(layer.low + (entry.value / 255) * (layer.high - layer.low))} ${layer.unit}`.trim() : "";
    });
    one("place").textContent = `${words.join(", ")}. ${values.filter(Boolean).join("; ")}`;
  }

  async function library() {
    const packed = Uint8Array.from(atob(held("library")), (letter) => letter.charCodeAt(0));
    const text = await new Response(new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"))).blob();
    const address = URL.createObjectURL(new Blob([text], { type: "text/javascript" }));
    await new Promise((loaded, failed) => {
      const script = Object.assign(document.createElement("script"), { src: address, onload: loaded, onerror: failed });
      document.head.append(script);
    });
    URL.revokeObjectURL(address);
    return window.niivue;
  }

  async function start() {
    const niivue = await library();
    for (const still of all("still")) still.hidden = true;
    one("stage").hidden = false; // before the canvas is attached: it takes the size of its stage
    const viewer = new niivue.Niivue({
      backColor: [0, 0, 0, 1], crosshairColor: [1, 1, 1, 0.45], crosshairWidth: 1, fontColor: [0.75, 0.8, 0.85, 1],
      isRadiologicalConvention: true, sagittalNoseLeft: true, multiplanarShowRender: 0, multiplanarForceRender: false,
      dragAndDropEnabled: false, isColorbar: false, logLevel: "error", loadingText: "", dragMode: niivue.DRAG_MODE.none,
    });
    viewer.onLocationChange = place;
    await viewer.attachToCanvas(one("canvas"));
    for (const [name, table] of Object.entries(content.colours)) viewer.addColormap(`sequela-${name}`, table);
    for (const [index, layer] of content.layers.entries()) {
      state.images.push(await niivue.NVImage.loadFromBase64({
        base64: held(`volume="${index}"`), name: `layer${index}.nii.gz`, colormap: `sequela-${layer.colours}`,
        opacity: layer.opacity, cal_min: 0, cal_max: 255, trustCalMinMax: false, colorbarVisible: false,
      }));
    }
    viewer.setSliceType(viewer.sliceTypeMultiplanar);
    state.viewer = viewer;
    show(state.scene);
    viewer.scene.crosshairPos = viewer.mm2frac(content.focus);
    show(state.scene);
    root.dataset.ready = "true";
  }

  for (const button of all("scene")) button.addEventListener("click", () => show(Number(button.dataset.scene)));
  for (const button of all("step")) button.addEventListener("click", () => show(state.scene + Number(button.dataset.step)));
  if (one("slider")) one("slider").addEventListener("input", () => show(Number(one("slider").value)));
  if (!document.createElement("canvas").getContext("webgl2")) say("This browser offers no WebGL 2.");
  else if (!("DecompressionStream" in window)) say("This browser is too old to unpack the volumes.");
  else start().catch((problem) => say(`The viewer could not start (${problem.message || problem}).`));
})();
