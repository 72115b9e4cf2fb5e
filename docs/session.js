// Runs the session of the README with the Cubby instance at CUBBY_URL, which is new, and compares
// the output.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";

const { CUBBY_URL } = process.env;

if (!CUBBY_URL) throw new Error("set CUBBY_URL to the address of Cubby, such as http://127.0.0.1:8000");

const readme = readFileSync(new URL("../README.md", import.meta.url), "utf8");
const [, session] = /^```console\n(.*?)^```/ms.exec(readme);

// Each command, with the lines of its output. An indented line continues its command.
const steps = session
  .split(/^\$ /m)
  .slice(1)
  .map((step) => {
    const lines = step.trim().split("\n");
    const end = lines.findIndex((line, index) => index > 0 && !line.startsWith(" "));
    return end < 0 ? [lines.join("\n"), ""] : [lines.slice(0, end).join("\n"), lines.slice(end).join("\n")];
  });

const SEPARATOR = "=== next";
const script = steps
  .map(([command]) => {
    const run = command.replaceAll("http://127.0.0.1:8000", CUBBY_URL);
    // The README shortens the token.
    return run.startsWith("TOKEN=")
      ? `TOKEN=$(sed 's/.*"accessToken":"\\([^"]*\\)".*/\\1/' <<<"$last"); echo '${SEPARATOR}'`
      : `${run.startsWith("ask '") ? `last=$(${run}); echo "$last"` : run}; echo '${SEPARATOR}'`;
  })
  .join("\n");
const { stdout, stderr } = spawnSync("bash", ["-c", script], { encoding: "utf8" });
const outputs = stdout.split(`${SEPARATOR}\n`).map((output) => output.trim());

for (const [index, [command, expected]] of steps.entries()) {
  const pattern = expected
    .split("…")
    .map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"))
    .join("[^\"]*");
  assert.match(outputs[index] ?? "", new RegExp(`^${pattern}$`), `${command}\n${stderr}`);
}
console.log(`the ${steps.length} commands of README.md print what it says`);
