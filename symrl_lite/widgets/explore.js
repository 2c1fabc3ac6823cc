// A prepared widget: title, picture, a row for each control, and the picture's text alternative below.
//
// One module for every place. Live, anywidget imports it and `model` is an ipywidget's model. On a page without a
// kernel it stands inside the page, and `model` is a small stand-in with the same four methods.
//
// The model holds
//   blob       all frames (PNG files) one after the other; frames that look alike are there once
//   lengths    the number of bytes of each frame
//   spec       title, width, height, controls [{name, kind, labels}], captions and frames, one for each combination
//              of choices, the last control varying fastest
//   selection  the index of the chosen label of each control

const STYLE = `
.symrl-widget { color: inherit; font-size: 16px; line-height: 1.4; margin: 0.5rem 0; max-width: 46rem; }
.symrl-widget img { display: block; box-sizing: border-box; width: auto; height: auto; max-width: 100%; margin: 0;
  padding: 6px; border-radius: 10px; background: #fff !important; filter: none !important; }
.symrl-widget .symrl-row { display: flex; flex-wrap: wrap; align-items: center; gap: 6px; margin: 8px 0; }
.symrl-widget .symrl-name { min-width: 4em; font-weight: 600; overflow-wrap: anywhere; }
.symrl-widget .symrl-choices { display: flex; flex-wrap: wrap; gap: 6px; flex: 1 1 15rem; }
.symrl-widget button { box-sizing: border-box; min-width: 44px; min-height: 44px; margin: 0; padding: 4px 10px;
  border: 2px solid currentColor; border-radius: 8px; background: transparent; color: inherit;
  font: inherit; cursor: pointer; }
.symrl-widget button[aria-checked="true"] { background: #1f5fa8; color: #fff; border-color: #1f5fa8;
  font-weight: 700; text-decoration: underline; }
.symrl-widget input { flex: 1 1 12rem; min-width: 0; max-width: 100%; height: 44px; margin: 0;
  accent-color: #4a90d9; cursor: pointer; }
.symrl-widget .symrl-value { min-width: 3.5em; font-variant-numeric: tabular-nums; }
.symrl-widget button:focus-visible, .symrl-widget input:focus-visible { outline: 3px solid currentColor;
  outline-offset: 2px; }
@media (max-width: 480px) { .symrl-widget .symrl-name { flex: 1 0 100%; } }
.symrl-widget .symrl-title { margin: 0 0 8px; font-weight: 600; }
.symrl-widget .symrl-caption { margin: 8px 0 0; }
`;

/** A new element with attributes and text, as the last child of `parent`. */
function add(parent, tag, attributes = {}, text = "") {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.textContent = text;
  return parent.appendChild(element);
}

/** One address for each frame. The bytes come as a DataView or as an array. */
function addresses(model) {
  const raw = model.get("blob");
  const bytes = new Uint8Array(raw.buffer ?? raw, raw.byteOffset ?? 0, raw.byteLength);
  let start = 0;
  return model.get("lengths").map((length) => {
    const frame = new Blob([bytes.slice(start, start + length)], { type: "image/png" });
    start += length;
    return URL.createObjectURL(frame);
  });
}

/** A row of buttons, one of which is pressed: a radio group, in which the arrow keys move the choice. */
function buttons(parent, control, choose) {
  const group = add(parent, "div", { role: "radiogroup", "aria-label": control.name, class: "symrl-choices" });
  const all = control.labels.map((label, index) => {
    const button = add(group, "button", { type: "button", role: "radio" }, label);
    button.addEventListener("click", () => choose(index));
    return button;
  });
  group.addEventListener("keydown", (event) => {
    const from = all.indexOf(event.target);
    const steps = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1, Home: -from, End: all.length - 1 - from };
    if (from < 0 || !Object.hasOwn(steps, event.key)) return;
    if (event.ctrlKey || event.altKey || event.metaKey) return;
    event.preventDefault(); // the page must not scroll
    const to = (from + steps[event.key] + all.length) % all.length;
    choose(to);
    all[to].focus();
  });
  return (chosen) => {
    all.forEach((button, index) => {
      button.setAttribute("aria-checked", String(index === chosen));
      button.tabIndex = index === chosen ? 0 : -1; // the Tab key stops once in a row
    });
  };
}

/** The browser's own slider, which knows the arrow keys; it says the label, not the number. */
function slider(parent, control, choose) {
  const last = control.labels.length - 1;
  const input = add(parent, "input", { type: "range", min: 0, max: last, step: 1, "aria-label": control.name });
  const value = add(parent, "span", { class: "symrl-value", "aria-hidden": "true" });
  input.addEventListener("input", () => choose(Number(input.value)));
  return (chosen) => {
    input.value = String(chosen);
    input.setAttribute("aria-valuetext", control.labels[chosen]);
    value.textContent = control.labels[chosen];
  };
}

function render({ model, el }) {
  const spec = model.get("spec");
  const urls = addresses(model);

  // A page without a kernel has the box and the first picture already, for readers without scripts.
  const root = el.querySelector(".symrl-widget") ?? add(el, "div", { class: "symrl-widget" });
  root.setAttribute("role", "group");
  root.setAttribute("aria-label", spec.title);
  root.querySelector(".symrl-title") ?? add(root, "div", { class: "symrl-title" }, spec.title);
  const picture = root.querySelector("img") ?? add(root, "img");
  picture.removeAttribute("style");
  picture.width = spec.width;
  picture.height = spec.height;
  picture.decoding = "sync";
  root.querySelectorAll(".symrl-still").forEach((element) => element.remove());
  root.prepend(add(root, "style", {}, STYLE));
  // JupyterLab takes arrow keys for moving between cells: those pressed here stay here.
  root.addEventListener("keydown", (event) => event.stopPropagation());

  const show = spec.controls.map((control, position) => {
    const row = add(root, "div", { class: "symrl-row" });
    add(row, "span", { class: "symrl-name", "aria-hidden": "true" }, control.name);
    const kind = control.kind === "slider" ? slider : buttons;
    return kind(row, control, (index) => {
      const selection = [...model.get("selection")];
      selection[position] = index;
      model.set("selection", selection);
      model.save_changes();
    });
  });
  const caption = add(root, "p", { class: "symrl-caption", "aria-live": "polite" });

  function update() {
    const selection = model.get("selection");
    const combination = spec.controls.reduce((sum, control, i) => sum * control.labels.length + selection[i], 0);
    picture.src = urls[spec.frames[combination]];
    picture.alt = spec.captions[combination];
    caption.textContent = spec.captions[combination];
    show.forEach((showChoice, position) => showChoice(selection[position]));
  }
  model.on("change:selection", update);
  update();

  return () => {
    model.off("change:selection", update);
    urls.forEach((url) => URL.revokeObjectURL(url));
  };
}

export default { render };
