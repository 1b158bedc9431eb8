// pointer: on which line of a JSON text the value of a JSON Pointer stands. Pure.

// Reads a JSON text that is known to be valid and calls `found(pointer, offset)` for each value.
export function walk(text, found) {
  let at = 0;
  const space = () => { while (/\s/.test(text[at] ?? "")) at++; };
  const string = () => {
    const start = at++;
    while (text[at] !== '"') at += text[at] === "\\" ? 2 : 1;
    return JSON.parse(text.slice(start, ++at));
  };
  const list = (end, item) => {
    at++;
    space();
    for (let index = 0; text[at] !== end; index++) {
      item(index);
      space();
      if (text[at] === ",") at++;
      space();
    }
    at++;
  };
  const value = (pointer, start) => {
    space();
    found(pointer, start ?? at);
    if (text[at] === "{") {
      list("}", () => {
        const from = at;
        const name = string();
        space();
        at++; // the colon
        value(`${pointer}/${name.replace(/~/g, "~0").replace(/\//g, "~1")}`, from);
      });
    } else if (text[at] === "[") list("]", (index) => value(`${pointer}/${index}`));
    else if (text[at] === '"') string();
    else while (at < text.length && !/[\s,\]}]/.test(text[at])) at++;
  };
  value("");
}

const lineAt = (text, offset) => {
  let line = 1;
  for (let i = text.indexOf("\n"); i >= 0 && i < offset; i = text.indexOf("\n", i + 1)) line++;
  return line;
};

// Gives each of the server's errors the line of its place, or of the nearest place around it that
// the text has; 1 when nothing is known.
export function place(text, errors) {
  const offsets = new Map();
  try {
    JSON.parse(text);
    const wanted = new Set(errors.flatMap(({ pointer }) => around(pointer)));
    walk(text, (pointer, offset) => wanted.has(pointer) && offsets.set(pointer, offset));
  } catch { /* not JSON: the server's sentence names the line */ }
  const placed = errors.map((error) => {
    const known = around(error.pointer).find((pointer) => offsets.has(pointer));
    const said = /^line (\d+)/.exec(error.detail);
    return { ...error, line: said && !offsets.size ? Number(said[1]) : known === undefined ? 1 : lineAt(text, offsets.get(known)) };
  });
  return placed.sort((a, b) => a.line - b.line);
}

// "/a/0/b" -> itself, "/a/0", "/a", "".
function around(pointer = "") {
  const list = [pointer];
  for (let p = pointer; p; list.push(p)) p = p.slice(0, p.lastIndexOf("/"));
  return list;
}
