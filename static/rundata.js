// rundata: everything that is known of one run, kept fresh. Tasks stay in the order of the spec; after the first
// load only those that changed are asked for (?since=), where the server can tell them.
import { useEffect, useRef, useState } from "preact/hooks";
import * as api from "./api.js";
import * as format from "./format.js";
import { paced, useFollow } from "./live.js";
import { count } from "./history.js";
import { useLatest } from "./ui.js";

const FRESH_MS = 500; // the least time between two loads of changes

class Data {
  constructor(id) {
    Object.assign(this, { id, run: null, tasks: [], at: new Map(), version: undefined, complete: false,
      events: [], counts: count(), failures: null, definition: undefined, error: null, news: "" });
  }

  put(task) {
    const index = this.at.get(task.taskName);
    if (index === undefined) {
      this.at.set(task.taskName, this.tasks.length);
      this.tasks.push(task);
    } else if (!(this.tasks[index].version > task.version)) this.tasks[index] = task;
  }

  hear(run) {
    const old = this.run;
    if (old?.version > run.version || (old && !run.version && old.updatedAt > run.updatedAt)) return;
    if (old && old.status !== run.status) this.news = `The run is ${run.status}. ${format.cut(format.summary(run), 200)}`;
    this.run = run;
  }

  // All tasks, page by page; what the view shows grows with them.
  async loadTasks(signal, grown) {
    let cursor = null;
    const version = this.run.version; // read before the tasks: what changes meanwhile is asked for again
    do {
      const page = await api.tasks(this.id, cursor, signal);
      for (const task of page.items) this.put(task);
      cursor = page.nextCursor;
      grown();
    } while (cursor);
    this.version = version;
    this.complete = true;
  }

  async loadChanges(signal) {
    let cursor = null;
    let version = this.version;
    do {
      const page = await api.changed(this.id, this.version, cursor, signal);
      for (const task of page.items) this.put(task);
      version = page.version ?? version;
      cursor = page.nextCursor;
    } while (cursor);
    this.version = version;
  }

  async loadEvents(signal, grown) {
    for (let more = true; more;) {
      const page = await api.events(this.id, api.offline ? null : this.events.at(-1)?.id, signal);
      const last = this.events.at(-1)?.id ?? 0; // another load may have brought them meanwhile
      const items = page.items.filter((event) => event.id > last);
      for (const event of items) {
        this.events.push(event);
        this.counts.add(event);
      }
      more = Boolean(page.nextCursor);
      if (items.length) grown();
    }
  }

  async load(signal, grown) {
    const before = this.run;
    this.hear(await api.run(this.id, signal));
    grown();
    const still = before && before.updatedAt === this.run.updatedAt && format.over(this.run.status);
    const tasks = !this.complete || this.version === undefined ? (this.complete && still ? null : this.loadTasks(signal, grown)) : this.loadChanges(signal);
    await Promise.all([tasks, this.loadEvents(signal, grown),
      this.run.tasks.failed || this.failures ? api.failures(this.id, signal).then((value) => { this.failures = value; }) : null,
      this.definition === undefined ? api.definition(this.id, signal).then((value) => { this.definition = value; }) : null]);
    grown();
  }
}

// Answers the data and a number that grows with each change of it.
export function useRunData(id) {
  const ref = useRef(null);
  ref.current ??= new Data(id);
  const data = ref.current;
  const [edition, setEdition] = useState(0);
  const frame = useRef(0);
  // At most one rendering a frame, however many answers come in.
  const grown = () => { frame.current ||= requestAnimationFrame(() => { frame.current = 0; setEdition((n) => n + 1); }); };
  const load = async (signal) => {
    try {
      await data.load(signal, grown);
      data.error = null;
      if (missed.current) soon.current();
      missed.current = false;
    } catch (error) {
      if (!signal.aborted && error.status >= 400 && error.status < 500) data.error = error;
      grown();
      throw error;
    }
  };
  const latest = useLatest(load);
  const soon = useRef(null);
  const missed = useRef(false); // something changed while all was loaded for the first time
  soon.current ??= paced(() => {
    missed.current = !data.complete;
    return data.complete && latest.current(new AbortController().signal).catch(() => {});
  }, FRESH_MS);
  useEffect(() => () => { soon.current.stop(); cancelAnimationFrame(frame.current); }, []);
  const heard = (run) => {
    if (String(run.workflowRunId) !== id) return;
    data.hear(run);
    grown();
    soon.current();
  };
  useFollow(`/events?workflow=${id}`, load, heard);
  return { data, edition, refresh: soon.current };
}
