// history: which states an execution has been in, told from its events. Pure.

// Counts entered, left and failed per state name. Events come in their order, each once.
export function count() {
  const states = new Map();
  const names = new Map(); // event id -> the state that was entered on the way to it
  const of = (name) => {
    if (!states.has(name)) states.set(name, { entered: 0, left: 0, failed: 0, last: null });
    return states.get(name);
  };
  return {
    states,
    add(event) {
      const name = event.details?.name;
      const inherited = names.get(event.previousEventId) ?? null;
      if (/StateEntered$/.test(event.type) && name) {
        of(name).entered++;
        of(name).last = event.timestamp;
        names.set(event.id, name);
      } else if (/StateExited$/.test(event.type) && name) {
        of(name).left++;
      } else {
        names.set(event.id, inherited);
        if (/(Failed|TimedOut|Aborted)$/.test(event.type) && !/^Execution/.test(event.type) && inherited) of(inherited).failed++;
      }
    },
  };
}

// What a state shows: "current", "failed", "stopped", "done" or "idle". A state that was entered and not
// left is where a run that goes on stands, where one that broke has broken, or was stopped.
export function standing(state, run) {
  if (!state?.entered) return "idle";
  const inside = state.entered > state.left;
  if (inside && !run.endedAt) return "current";
  if (inside && run.execution?.status && run.execution.status !== "SUCCEEDED") return run.execution.status === "ABORTED" ? "stopped" : "failed";
  return "done";
}

// The state's name for an event, for filtering: its own or that of its details.
export const stateOf = (event) => event.details?.name ?? "";
// What an event says besides its type: an error first.
export function said(event) {
  const d = event.details ?? {};
  if (d.error) return `${d.error}: ${d.cause ?? ""}`;
  return d.name ?? d.resource ?? "";
}
