// Starts Cubby instances, and examples that forward to them.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

const { CUBBY_BINARY } = process.env;

if (!CUBBY_BINARY) throw new Error("CUBBY_BINARY is not set: run examples/run BINARY");

/** Starts a program. Returns the match of `pattern` in its output, and a function that stops the program. */
async function start(command, args, options, pattern) {
  const child = spawn(command, args, { ...options, stdio: ["ignore", "pipe", "pipe"] });
  const exited = once(child, "exit");
  // Shown only if the program ends unexpectedly: a proxy logs each request while Cubby is stopped.
  let stderr = "";
  child.stderr.on("data", (chunk) => (stderr += chunk));
  const stop = async () => {
    child.kill();
    await exited;
  };
  const found = new Promise((resolve) => {
    createInterface(child.stdout).on("line", (line) => {
      const match = pattern.exec(line);
      if (match) resolve(match[1]);
    });
  });
  const gone = exited.then(([code]) => Promise.reject(new Error(`${command} ended with ${code}: ${stderr}`)));
  gone.catch(() => {});
  return { output: await Promise.race([found, gone]), stop };
}

/** Starts a Cubby instance that can be stopped, and restarted with the same data and address. */
export async function cubby() {
  const directory = await mkdtemp(join(tmpdir(), "cubby-examples-"));
  // Ignores settings of the caller's environment.
  const inherited = Object.entries(process.env).filter(([name]) => !/^(CUBBY_|DATABASE_URL$)/.test(name));
  const settings = {
    CUBBY_MODE: "development",
    CUBBY_THROTTLES: "off",
    CUBBY_LOG: "error",
    CUBBY_DATA_DIR: join(directory, "data"),
  };
  let running;
  const open = async (listen) => {
    const env = { ...Object.fromEntries(inherited), ...settings, CUBBY_LISTEN: listen };
    // Starts in an empty directory, so that no .env is read.
    running = await start(CUBBY_BINARY, [], { cwd: directory, env }, /Cubby is at (http:\/\/[0-9.:]+)/);
  };
  await open("127.0.0.1:0");
  const url = running.output;
  return {
    url,
    stop: () => running.stop(),
    restart: () => open(new URL(url).host),
    async remove() {
      await running.stop();
      await rm(directory, { recursive: true });
    },
  };
}

/** Serves the front end built in this directory, forwarding to this Cubby. */
export async function frontEnd(directory, cubbyUrl) {
  const env = { ...process.env, CUBBY_URL: cubbyUrl, NO_COLOR: "1" };
  // Not started by npm, which would not stop the child process.
  const vite = fileURLToPath(new URL("../apollo/node_modules/vite/bin/vite.js", import.meta.url));
  const options = { cwd: fileURLToPath(directory), env };
  const { output: url, stop } = await start(
    process.execPath,
    [vite, "preview", "--port", "0"],
    options,
    /Local: +(http:\/\/localhost:\d+)/,
  );
  return { url, stop };
}
