// Tests the iCalendar import and export with todoman and with ical.js, the library of Thunderbird.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";

import ICAL from "ical.js";

import { PASSWORD } from "./cubby.js";

const ANA = "ana@example.com";
const BEN = "ben@example.com";
const { CUBBY_BINARY, PATH } = process.env;

let directory;
before(() => {
  directory = mkdtempSync(join(tmpdir(), "cubby-calendar-"));
  cubby(["migrate", "up"]);
  for (const address of [ANA, BEN]) cubby(["user", "create", address], `${PASSWORD}\n`);
});
after(() => rmSync(directory, { recursive: true }));

function cubby(args, input = "") {
  const env = { PATH, CUBBY_MODE: "development" };
  return execFileSync(CUBBY_BINARY, args, { cwd: directory, env, input, encoding: "utf8" });
}

const imported = (who, file) => cubby(["import", "--user", who, file]);

test("todoman's tasks survive import and export", () => {
  const lists = join(directory, "lists");
  for (const name of ["home", "back"]) mkdirSync(join(lists, name), { recursive: true });
  const config = join(directory, "todoman.py");
  writeFileSync(
    config,
    `path = "${lists}/*"\ndate_format = "%Y-%m-%d"\ntime_format = "%H:%M"\ndefault_list = "home"\n` +
      `cache_path = "${directory}/cache"\n`,
  );
  const env = { PATH, TZ: "Europe/Vienna", LC_ALL: "C.UTF-8", HOME: directory };
  const todoman = (...args) => execFileSync("todoman", ["--config", config, ...args], { env, encoding: "utf8" });
  const listed = (list) =>
    JSON.parse(todoman("--porcelain", "list", "--status", "ANY", list))
      .map(({ summary, description, due, completed, completed_at, priority }) => ({
        summary,
        description,
        due,
        completed,
        completed_at,
        // iCalendar priorities from 1 to 4 are all high.
        priority: priority >= 1 && priority <= 4 ? "high" : priority,
      }))
      .sort((one, other) => (one.summary < other.summary ? -1 : 1));

  todoman("new", "--due", "2026-12-01 18:30", "--priority", "high", "Buy milk, eggs; and \"bread\"");
  todoman("new", "--due", "2026-12-24", "--priority", "low", "Weihnachtsbäckerei 🍪 ".repeat(9).trim());
  todoman("new", "--due", "2026-07-01 09:00", "Done \\ and dusted");
  const [done] = JSON.parse(todoman("--porcelain", "list")).filter(({ summary }) => summary.startsWith("Done"));
  todoman("done", String(done.id));

  const files = readdirSync(join(lists, "home"));
  assert.equal(files.length, 3);
  for (const file of files) imported(ANA, join(lists, "home", file));
  const tasks = JSON.parse(cubby(["export", "--user", ANA]));
  assert.deepEqual(tasks.map(({ priority }) => priority).sort(), ["HIGH", "LOW", "NONE"]);
  assert.equal(tasks.filter(({ completedAt }) => completedAt).length, 1);

  // todoman needs one file per task.
  const calendar = new ICAL.Component(ICAL.parse(cubby(["export", "--user", ANA, "--format", "ics"])));
  for (const todo of calendar.getAllSubcomponents("vtodo")) {
    const alone = new ICAL.Component("vcalendar");
    alone.addPropertyWithValue("version", "2.0");
    alone.addSubcomponent(todo);
    writeFileSync(join(lists, "back", `${todo.getFirstPropertyValue("uid")}.ics`), alone.toString());
  }
  assert.deepEqual(listed("back"), listed("home"));
  assert.equal(listed("back").length, 3);
});

test("ical.js reads exported tasks with the same texts and times", () => {
  const tasks = [
    { title: "All day", due: { date: "2026-12-24" } },
    { title: "Wherever I am", due: { date: "2026-12-01", time: "18:30" } },
    { title: "In winter", due: { date: "2026-12-01", time: "18:30", timeZone: "Europe/Vienna" } },
    { title: "In summer", due: { date: "2026-07-01", time: "09:00", timeZone: "America/New_York" } },
    { title: "At the change", due: { date: "2027-03-14", time: "03:30", timeZone: "America/New_York" } },
    { title: "Long ago", due: { date: "1999-07-01", time: "12:00", timeZone: "Europe/Vienna" } },
    { title: "Nepal", due: { date: "2026-01-01", time: "00:00", timeZone: "Asia/Kathmandu" } },
    { title: "In UTC", due: { date: "2026-01-01", time: "00:00", timeZone: "UTC" } },
    {
      title: "ü; , \\ : \" 🎉 ".repeat(12).trim(),
      description: "one\ntwo\\n, three;\n\n🎉".repeat(20),
      priority: "URGENT",
      completedAt: "2026-11-01T10:00:00.000Z",
    },
  ];
  const file = join(directory, "tasks.json");
  writeFileSync(file, JSON.stringify(tasks, null, 2));
  assert.match(imported(BEN, file), /^9 tasks were stored/);
  const out = join(directory, "tasks.ics");
  cubby(["export", "--user", BEN, out]);

  const calendar = new ICAL.Component(ICAL.parse(readFileSync(out, "utf8")));
  const zones = calendar.getAllSubcomponents("vtimezone");
  assert.equal(zones.length, 3, "one VTIMEZONE for each time zone");
  for (const zone of zones) ICAL.TimezoneService.register(new ICAL.Timezone(zone));
  const due = {};
  const read = calendar.getAllSubcomponents("vtodo").map((todo) => {
    const value = (name) => todo.getFirstPropertyValue(name);
    const at = value("due");
    if (at) due[value("summary")] = at.isDate || at.zone.tzid === "floating" ? at.toString() : at.toJSDate().toISOString();
    return { title: value("summary"), description: value("description") };
  });
  const texts = ({ title, description = null }) => ({ title, description });
  const byTitle = (one, other) => (one.title < other.title ? -1 : 1);
  assert.deepEqual(read.sort(byTitle), tasks.map(texts).sort(byTitle));
  assert.deepEqual(due, {
    "All day": "2026-12-24",
    "Wherever I am": "2026-12-01T18:30:00",
    "In winter": "2026-12-01T17:30:00.000Z",
    "In summer": "2026-07-01T13:00:00.000Z",
    "At the change": "2027-03-14T07:30:00.000Z",
    "Long ago": "1999-07-01T10:00:00.000Z",
    Nepal: "2025-12-31T18:15:00.000Z",
    "In UTC": "2026-01-01T00:00:00.000Z",
  });
  const done = calendar.getAllSubcomponents("vtodo").find((todo) => todo.getFirstPropertyValue("completed"));
  const values = ["priority", "status", "percent-complete"].map((name) => done.getFirstPropertyValue(name));
  assert.deepEqual(values, [1, "COMPLETED", 100]);
});
