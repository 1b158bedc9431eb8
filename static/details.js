// details: what the server knows of one task beyond its row in the list, and the end of its log; asked
// again while something is still to come.
import { useEffect, useState } from "preact/hooks";
import * as api from "./api.js";
import * as format from "./format.js";
import { useLatest } from "./ui.js";

const FOLLOW_MS = 2000; // a log grows without an event that says so
const AGAIN_MS = 5000; // after an answer that did not come
const LATE_MS = 300000; // so long after its row ECS may still have to say how a task stopped
const nothing = (name) => ({ name, details: null, log: null, cut: false, error: "" });

// Paths have no place for these two, however they are written.
const askable = (name) => name !== "." && name !== "..";

const unfinished = (task, details) => !format.over(task.status)
  || (task.ecsTaskId && details && !details.ecs?.stopped && api.now() - format.ms(task.updateTime) < LATE_MS);

async function load(id, name, signal) {
  const details = await api.task(id, name, signal);
  const log = details.log?.kind === "file" ? await api.taskLog(id, name, signal) : null;
  return { name, details, log: log?.text ?? null, cut: Boolean(log?.cut), error: "" };
}

// {details, log, cut, error}; details is null until it is known, log where there is none to be shown.
// Asked anew with each change of the task that the list tells of.
export function useDetails(id, task) {
  const name = task?.taskName;
  const [state, set] = useState(nothing(name));
  const latest = useLatest(task);
  useEffect(() => {
    if (!name || api.offline || !askable(name)) return undefined;
    const gone = new AbortController();
    let timer = 0;
    const turn = async () => {
      let wait = FOLLOW_MS;
      try {
        const next = document.hidden ? null : await load(id, name, gone.signal);
        if (gone.signal.aborted) return;
        // The same again leaves the document alone: somebody may be reading or marking there.
        if (next) set((now) => (JSON.stringify(now) === JSON.stringify(next) ? now : next));
        if (next && !unfinished(latest.current, next.details)) return;
      } catch (error) {
        if (gone.signal.aborted) return;
        set((now) => ({ ...(now.name === name ? now : nothing(name)), error: error.message }));
        if (error.status >= 400 && error.status < 500) return;
        wait = AGAIN_MS;
      }
      timer = setTimeout(turn, wait);
    };
    turn();
    return () => {
      gone.abort();
      clearTimeout(timer);
    };
  }, [id, name, task?.version]);
  return state.name === name ? state : nothing(name);
}
