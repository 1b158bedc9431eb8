// dom: small helpers to build and update elements. Text always goes in as text, never as markup.

// el("td", {class: "num"}, "12", child): an element with attributes and children. Attributes that are
// null or false are left out; children that are null are left out.
export function el(name, attributes, ...children) {
  const node = document.createElement(name);
  for (const [key, value] of Object.entries(attributes ?? {})) {
    if (value !== null && value !== false && value !== undefined) node.setAttribute(key, value);
  }
  node.append(...children.filter((child) => child !== null && child !== undefined));
  return node;
}

// Puts `fresh` in the place of `old` only if something changed, so that a selection of text and the
// focus survive a refresh in which nothing happened. Returns the element that is on the page.
export function swap(old, fresh) {
  if (old.isEqualNode(fresh)) return old;
  old.replaceWith(fresh);
  return fresh;
}

const shapes = { Submitted: "○", Running: "◐", Completed: "●", Failed: "✕", Cancelled: "■" };

// A status as shape, word and colour.
export function badge(status) {
  return el("span", { class: `badge ${status.toLowerCase()}` },
    el("span", { class: "shape", "aria-hidden": "true" }, shapes[status] ?? "?"), status);
}

export function time(text) {
  if (!text) return "–";
  const date = new Date(text);
  return el("time", { datetime: text, title: text }, date.toLocaleString(undefined, { hour12: false }));
}

export function duration(seconds) {
  if (seconds === null || seconds === undefined) return "–";
  if (seconds < 1) return `${Math.round(seconds * 1000)} ms`;
  if (seconds < 60) return `${seconds.toFixed(1)} s`;
  const whole = Math.floor(seconds);
  const parts = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  return parts.map((part) => String(part).padStart(2, "0")).join(":");
}

// Completed, failed and running tasks as one bar; the numbers stand beside it.
export function progress(tasks) {
  const bar = el("div", { class: "bar", role: "img",
    "aria-label": `${tasks.completed} completed, ${tasks.failed} failed, ${tasks.running} running of ${tasks.total}` });
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("viewBox", `0 0 ${Math.max(tasks.total, 1)} 1`);
  svg.setAttribute("preserveAspectRatio", "none");
  let x = 0;
  for (const kind of ["completed", "failed", "cancelled", "running"]) {
    const rect = document.createElementNS("http://www.w3.org/2000/svg", "rect");
    rect.setAttribute("x", x);
    rect.setAttribute("width", tasks[kind]);
    rect.setAttribute("height", 1);
    rect.setAttribute("class", kind);
    svg.append(rect);
    x += tasks[kind];
  }
  bar.append(svg);
  return el("div", { class: "progress" }, bar,
    el("span", { class: "num" }, `${tasks.completed}/${tasks.total}`),
    tasks.failed ? el("span", { class: "failed-text num" }, `✕ ${tasks.failed}`) : null,
    tasks.running ? el("span", { class: "num dim" }, `◐ ${tasks.running}`) : null);
}

export function table(caption, heads, rows, empty) {
  return el("table", null, el("caption", null, caption),
    el("thead", null, el("tr", null, ...heads.map((head) => el("th", { scope: "col" }, head)))),
    el("tbody", null, ...(rows.length ? rows
      : [el("tr", null, el("td", { colspan: heads.length, class: "dim" }, empty))])));
}
