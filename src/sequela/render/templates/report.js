"use strict";
(() => {
  const run = JSON.parse(document.getElementById("run").textContent);
  const $ = (id) => document.getElementById(id);
  const all = (selector) => Array.from(document.querySelectorAll(selector));
  const stack = $("stack"), slider = $("state"), handle = $("handle");
  const view = { branch: 0, moment: run.branches[0].moments.length - 1, wipe: true, heat: false, region: false, cut: 50 };
  const source = (picture) => $(picture).src;
  const name = (moment) => (moment.step === 0 ? "Baseline" : "Step " + moment.step);

  function pair(term, value) {
    const row = document.createElement("div");
    for (const [tag, text] of [["dt", term], ["dd", value]]) {
      row.appendChild(document.createElement(tag)).textContent = text;
    }
    return row;
  }

  function overlay(image, uri, shown) {
    image.hidden = !(shown && uri);
    if (uri && image.src !== uri) { image.src = uri; }
  }

  function showImages(branch, moment) {
    const baseline = branch.moments[0];
    const wiping = view.wipe && moment !== baseline;
    $("before").src = source(baseline.picture);
    $("after").src = source(moment.picture);
    $("after").alt = name(moment) + ", " + moment.kind + ", branch " + branch.id;
    stack.classList.toggle("wiping", wiping);
    stack.style.setProperty("--cut", view.cut + "%");
    handle.setAttribute("aria-valuenow", String(Math.round(view.cut)));
    handle.setAttribute("aria-valuetext", Math.round(view.cut) + " % baseline");
    $("tag-after").textContent = name(moment) + (moment.kind === "observed" ? "" : " (synthetic)");
    overlay($("heat"), run.heat[moment.picture], view.heat);
    overlay($("region"), run.regions[branch.region], view.region);
  }

  function showPanel(branch, moment) {
    const last = branch.moments[branch.moments.length - 1];
    const of = document.createElement("small");
    of.textContent = " of " + last.step;
    $("step").replaceChildren(name(moment));
    if (moment.step !== 0) { $("step").appendChild(of); }
    $("kind").textContent = moment.kind === "observed" ? "observed: the patient's own image" : moment.kind + ", synthetic";
    slider.max = branch.moments.length - 1;
    slider.value = view.moment;
    slider.setAttribute("aria-valuetext", name(moment));
    $("previous").disabled = view.moment === 0;
    $("next").disabled = view.moment === branch.moments.length - 1;
    $("figures").replaceChildren(pair("Time", moment.time), pair("Mean |change|, whole image", moment.change), ...moment.figures.map(([k, v]) => pair(k, v)));
    for (const layer of ["wipe", "heat", "region"]) { $("toggle-" + layer).setAttribute("aria-pressed", String(view[layer])); }
    $("toggle-region").disabled = !run.regions[branch.region];
    if ($("branch")) { $("branch").value = view.branch; }
  }

  function showCards(step) {
    for (const image of all("[data-card]")) {
      const moments = run.branches[image.dataset.card].moments;
      const reached = moments.filter((m) => m.step <= step).pop() || moments[0];
      image.src = source(reached.picture);
      const ends = document.querySelector("[data-ends='" + image.dataset.card + "']");
      ends.textContent = reached.step < step ? "ends at step " + reached.step : "";
    }
    if ($("at-step")) { $("at-step").textContent = "at step " + step; }
    for (const card of all(".card")) { card.setAttribute("aria-current", String(Number(card.dataset.branch) === view.branch)); }
  }

  function showMarks(branch) {
    for (const line of all("[data-line]")) {
      const on = line.dataset.line === branch.id;
      line.classList.toggle("on", on);
      if (on) { line.parentNode.appendChild(line); }
      line.querySelectorAll("circle").forEach((dot, index) => dot.classList.toggle("now", on && index === view.moment));
    }
    const picture = branch.moments[view.moment].picture;
    for (const thumb of all(".thumb")) {
      const current = thumb.querySelector("img").id === picture;
      thumb.setAttribute("aria-current", String(current));
      if (current) { reveal(thumb); }
    }
  }

  function reveal(thumb) {
    const strip = thumb.parentNode, left = thumb.offsetLeft - strip.offsetLeft;
    if (left < strip.scrollLeft) { strip.scrollLeft = left - 12; }
    const overshoot = left + thumb.offsetWidth - strip.scrollLeft - strip.clientWidth;
    if (overshoot > 0) { strip.scrollLeft += overshoot + 12; }
  }

  function show() {
    const branch = run.branches[view.branch];
    view.moment = Math.max(0, Math.min(branch.moments.length - 1, view.moment));
    const moment = branch.moments[view.moment];
    showImages(branch, moment);
    showPanel(branch, moment);
    showCards(moment.step);
    showMarks(branch);
  }

  function go(moment) { view.moment = moment; show(); }
  function toggle(layer) { if (!$("toggle-" + layer).disabled) { view[layer] = !view[layer]; show(); } }

  function choose(index) {
    const step = run.branches[view.branch].moments[view.moment].step;
    view.branch = index;
    const moments = run.branches[index].moments;
    view.moment = moments.reduce((best, m, i) => (m.step <= step ? i : best), 0);
    show();
  }

  function cutTo(percent) {
    view.cut = Math.max(0, Math.min(100, percent));
    const branch = run.branches[view.branch];
    showImages(branch, branch.moments[view.moment]);
  }

  function drag(event) {
    const box = stack.getBoundingClientRect();
    cutTo(100 * (event.clientX - box.left) / box.width);
  }

  const WIPE_KEYS = { ArrowLeft: -2, ArrowRight: 2, PageDown: -10, PageUp: 10, Home: -100, End: 100 };
  function wipeKey(event) {
    if (!(event.key in WIPE_KEYS) || event.altKey || event.ctrlKey || event.metaKey) { return; }
    event.preventDefault();
    event.stopPropagation();
    cutTo(view.cut + WIPE_KEYS[event.key]);
  }

  function pageKey(event) {
    if (event.altKey || event.ctrlKey || event.metaKey || event.target.closest("select, video, input, .scroll")) { return; }
    const last = run.branches[view.branch].moments.length - 1;
    const moves = { ArrowLeft: view.moment - 1, ArrowRight: view.moment + 1, Home: 0, End: last };
    const layers = { w: "wipe", h: "heat", r: "region" };
    if (event.key in moves) { event.preventDefault(); go(moves[event.key]); }
    const layer = layers[event.key.toLowerCase()];
    if (layer) { toggle(layer); }
  }

  function switchTheme() {
    const root = document.documentElement;
    const dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
    root.dataset.theme = dark ? "light" : "dark";
  }

  slider.addEventListener("input", () => go(Number(slider.value)));
  slider.addEventListener("keydown", (event) => {
    const layer = { w: "wipe", h: "heat", r: "region" }[event.key.toLowerCase()];
    if (layer && !event.altKey && !event.ctrlKey && !event.metaKey) { toggle(layer); }
  });
  $("previous").addEventListener("click", () => go(view.moment - 1));
  $("next").addEventListener("click", () => go(view.moment + 1));
  for (const layer of ["wipe", "heat", "region"]) { $("toggle-" + layer).addEventListener("click", () => toggle(layer)); }
  if ($("branch")) { $("branch").addEventListener("change", (event) => choose(Number(event.target.value))); }
  for (const card of all(".card")) { card.addEventListener("click", () => choose(Number(card.dataset.branch))); }
  for (const thumb of all(".thumb")) {
    thumb.addEventListener("click", () => { view.branch = Number(thumb.dataset.branch); go(Number(thumb.dataset.moment)); });
  }
  handle.addEventListener("keydown", wipeKey);
  stack.addEventListener("pointerdown", (event) => {
    if (!stack.classList.contains("wiping") || event.button !== 0) { return; }
    stack.setPointerCapture(event.pointerId);
    drag(event);
  });
  stack.addEventListener("pointermove", (event) => { if (stack.hasPointerCapture(event.pointerId)) { drag(event); } });
  document.addEventListener("keydown", pageKey);
  for (const film of all("video")) { film.poster = source(run.branches[0].moments[0].picture); }
  $("theme").addEventListener("click", switchTheme);
  show();
})();
