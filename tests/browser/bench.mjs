// bench: how the page carries ten thousand tasks: JSON {firstPaintMs, allTasksMs, drawMs, frameP95Ms, frameMaxMs,
// liveMaxMs}. The page and its browser are real; the answers are made up here, so that the figures are the page's alone.
import { Browser, Server } from "./support.mjs";

const TASKS = Number(process.argv[2] ?? 10000);
const ID = "1764072000000000";
const start = Date.parse("2026-01-05T08:00:00Z");
const at = (ms) => new Date(start + ms).toISOString();
const states = ["Completed", "Completed", "Completed", "Completed", "Running", "Failed"];
const tasks = Array.from({ length: TASKS }, (_, i) => {
  const status = i % 97 ? states[i % 5] : "Failed";
  const begin = i * 50;
  return { taskName: `task-${String(i).padStart(6, "0")}`, version: i + 1, status, s3BucketName: "bucket", objectKey: `input/part-${i}.bin`,
    ecsTaskId: (i + 0x10000000).toString(16).padStart(32, "a"), createdAt: at(begin), pullStartedAt: at(begin + 4000), pullStoppedAt: at(begin + 9000),
    containerStartedAt: at(begin + 9500), startTime: at(begin + 10000), updateTime: at(begin + 20000 + ((i * 7919) % 60000)), attempt: 1,
    reason: status === "Failed" ? { class: "OutOfMemory", sentence: "The task needed more memory than it had.", remedy: "Give it more." } : null };
});
const count = (status) => tasks.filter((task) => task.status === status).length;
const run = (version) => ({ workflowRunId: Number(ID), version, workflowName: "bench", pattern: 1, parentRunId: null, status: "Running", reason: null,
  tasks: { total: TASKS, submitted: 0, running: count("Running"), completed: count("Completed"), failed: count("Failed"), cancelled: 0 },
  submittedAt: at(0), startedAt: at(0), endedAt: null, updatedAt: at(version), execution: { status: "RUNNING", arn: "arn" }, links: {} });

const server = await new Server().start();
const browser = await new Browser().open();
try {
  const page = await browser.page();
  const json = (route, body) => route.fulfill({ contentType: "application/json", body: JSON.stringify(body) });
  let version = TASKS;
  await page.route(/\/events\?workflow|\/definition|\/failures/, (route) => route.fulfill({ status: 404, contentType: "application/json", body: "{}" }));
  await page.route(/\/workflows\/\d+\/events/, (route) => json(route, { items: [], nextCursor: null }));
  await page.route(/\/workflows\/\d+$/, (route) => json(route, run(++version)));
  await page.route(/\/workflows\/\d+\/tasks/, (route) => {
    const query = new URL(route.request().url()).searchParams;
    if (query.has("since")) return json(route, { items: tasks.slice(0, 200).map((task) => ({ ...task, version })), version, nextCursor: null });
    const from = Number(query.get("cursor") ?? 0);
    return json(route, { items: tasks.slice(from, from + 1000), nextCursor: from + 1000 < TASKS ? String(from + 1000) : null });
  });
  const begin = performance.now();
  await page.goto(`${server.url}/#/runs/${ID}`);
  await page.locator("tr[data-row='0']").waitFor();
  const firstPaintMs = await page.evaluate(() => performance.getEntriesByName("first-contentful-paint")[0]?.startTime ?? NaN);
  await page.getByText(`${TASKS.toLocaleString("en-US")} tasks`, { exact: true }).waitFor();
  const allTasksMs = performance.now() - begin;
  const watch = () => page.evaluate(() => {
    window.frames_ = [];
    let last = performance.now();
    const tick = (now) => { window.frames_.push(now - last); last = now; window.watching = requestAnimationFrame(tick); };
    window.watching = requestAnimationFrame((now) => { last = now; window.watching = requestAnimationFrame(tick); });
  });
  const seen = () => page.evaluate(() => { cancelAnimationFrame(window.watching); return window.frames_.sort((a, b) => a - b); });
  const canvas = page.locator(".stage canvas");
  await canvas.scrollIntoViewIfNeeded();
  const box = await canvas.boundingBox();
  await page.getByRole("button", { name: "Zoom in" }).click();
  await watch();
  await page.mouse.move(box.x + box.width / 2, box.y + box.height / 2);
  await page.mouse.down();
  for (let i = 0; i < 120; i++) await page.mouse.move(box.x + box.width / 2 + 200 * Math.sin(i / 8), box.y + box.height / 2 + 60 * Math.cos(i / 8));
  await page.mouse.up();
  const frames = await seen();
  const drawMs = Number(await canvas.getAttribute("data-slowest-ms"));
  await watch();
  const changed = version;
  while (version < changed + 3) await page.waitForResponse(/since=/);
  const live = await seen();
  console.log(JSON.stringify({ tasks: TASKS, firstPaintMs: Math.round(firstPaintMs), allTasksMs: Math.round(allTasksMs), drawMs,
    frameP95Ms: Math.round(frames[Math.floor(frames.length * 0.95)] * 10) / 10, frameMaxMs: Math.round(frames.at(-1) * 10) / 10, liveMaxMs: Math.round(live.at(-1) * 10) / 10 }));
} finally {
  await browser.close();
  await server.close();
}
