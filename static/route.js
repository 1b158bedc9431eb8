// route: the address is the state of the view. "#/runs/12?status=Failed" is {path: ["runs", "12"],
// query: {status: "Failed"}}; whoever gets the address sees the same.
import { useEffect, useState } from "preact/hooks";
import { offline } from "./api.js";

export function read(hash = location.hash) {
  const [path, query] = hash.replace(/^#\/?/, "").split("?");
  const names = path.split("/").filter(Boolean);
  return { path: offline && !names.length ? ["runs", String(offline.run.workflowRunId)] : names,
    query: Object.fromEntries(new URLSearchParams(query ?? "")) };
}

export function link(path, query = {}) {
  const set = Object.entries(query).filter(([, value]) => value !== "" && value !== null && value !== undefined);
  const text = new URLSearchParams(set).toString();
  return `#/${path.join("/")}${text ? `?${text}` : ""}`;
}

// Changes some members of the query ("" removes one). A step worth going back to is pushed, typing
// is not.
export function change(members, push = false) {
  const { path, query } = read();
  const next = link(path, { ...query, ...members });
  if (next === location.hash) return;
  if (push) location.hash = next;
  else {
    history.replaceState(null, "", next);
    dispatchEvent(new HashChangeEvent("hashchange"));
  }
}

export function useRoute() {
  const [route, set] = useState(read);
  useEffect(() => {
    const update = () => set(read());
    addEventListener("hashchange", update);
    return () => removeEventListener("hashchange", update);
  }, []);
  return route;
}
