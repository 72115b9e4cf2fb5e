// Cubby in a directory of its own, and an example in front of it as its users' browsers meet it.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

const { CUBBY_BINARY } = process.env;

if (!CUBBY_BINARY) throw new Error("CUBBY_BINARY says which binary is tried: run examples/run BINARY");

/** Starts a program, and gives what `says` finds in a line of its output, and what stops it. */
async function start(command, args, options, says) {
  const child = spawn(command, args, { ...options, stdio: ["ignore", "pipe", "pipe"] });
  const exited = once(child, "exit");
  // Shown only if it ends by itself: a proxy complains of each request while Cubby is stopped.
  let complaints = "";
  child.stderr.on("data", (chunk) => (complaints += chunk));
  const stop = async () => {
    child.kill();
    await exited;
  };
  const found = new Promise((resolve) => {
    createInterface(child.stdout).on("line", (line) => {
      const match = says.exec(line);
      if (match) resolve(match[1]);
    });
  });
  const gone = exited.then(([code]) => Promise.reject(new Error(`${command} ended with ${code}: ${complaints}`)));
  gone.catch(() => {});
  return { said: await Promise.race([found, gone]), stop };
}

/** A Cubby that can be stopped, and started again with the same people at the same address. */
export async function cubby() {
  const directory = await mkdtemp(join(tmpdir(), "cubby-examples-"));
  // What the shell has set for a server of its own is not meant for this one.
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
    // From an empty directory, so that no .env is read.
    running = await start(CUBBY_BINARY, [], { cwd: directory, env }, /Cubby is at (http:\/\/[0-9.:]+)/);
  };
  await open("127.0.0.1:0");
  const url = running.said;
  return {
    url,
    stop: () => running.stop(),
    startAgain: () => open(new URL(url).host),
    async remove() {
      await running.stop();
      await rm(directory, { recursive: true });
    },
  };
}

/** The front end that was built in this directory, in front of that Cubby. */
export async function frontEnd(directory, cubbyUrl) {
  const env = { ...process.env, CUBBY_URL: cubbyUrl, NO_COLOR: "1" };
  // Not by npm, which would not stop what it has started.
  const vite = fileURLToPath(new URL("../apollo/node_modules/vite/bin/vite.js", import.meta.url));
  const options = { cwd: fileURLToPath(directory), env };
  const { said: url, stop } = await start(
    process.execPath,
    [vite, "preview", "--port", "0"],
    options,
    /Local: +(http:\/\/localhost:\d+)/,
  );
  return { url, stop };
}
