// Helpers of the tests: requests, new users, recorders of messages, and Cubby instances.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { after } from "node:test";
import { inspect } from "node:util";

const { CUBBY_URL, CUBBY_BINARY } = process.env;

if (!CUBBY_URL) throw new Error("set CUBBY_URL to the address of Cubby, such as http://127.0.0.1:8000");

export const url = new URL("/graphql", CUBBY_URL).href;
export const socketUrl = url.replace(/^http/, "ws");

export const PASSWORD = "correct horse";

/** The subscription of all clients. */
export const TASK_CHANGES = `subscription TaskChanges {
  taskChanges { kind nodeId version node { ... on Task { id title } } originSessionId }
}`;

/** Executes an operation without a GraphQL client. */
export async function execute(query, variables = {}, token) {
  const response = await fetch(url, {
    method: "POST",
    headers: { "content-type": "application/json", ...(token && { authorization: `Bearer ${token}` }) },
    body: JSON.stringify({ query, variables }),
  });
  const { data, errors } = await response.json();
  assert.equal(errors, undefined, JSON.stringify(errors));
  return data;
}

export const address = (name) => `${name}-${randomUUID()}@example.com`;

/** Signs up a new user. The returned methods send requests independently of the client under test. */
export async function signUp(name) {
  const email = address(name);
  const { signUp } = await execute(
    `mutation ($input: SignUpInput!) {
      signUp(input: $input) { tokens { accessToken } session { id } userErrors { code } }
    }`,
    { input: { email, password: PASSWORD } },
  );
  assert.deepEqual(signUp.userErrors, []);
  const token = signUp.tokens.accessToken;
  return {
    email,
    token,
    sessionId: signUp.session.id,
    authorization: `Bearer ${token}`,
    async create(title) {
      const data = await execute(
        "mutation ($input: CreateTaskInput!) { createTask(input: $input) { task { id } } }",
        { input: { title } },
        token,
      );
      return data.createTask.task.id;
    },
    rename: (id, title) =>
      execute(
        "mutation ($input: UpdateTaskInput!) { updateTask(input: $input) { task { id } } }",
        { input: { id, title } },
        token,
      ),
    delete: (id) =>
      execute(
        "mutation ($input: DeleteTaskInput!) { deleteTask(input: $input) { deletedTaskId } }",
        { input: { id } },
        token,
      ),
    signOut: () => execute("mutation { signOut { endedSessions } }", {}, token),
  };
}

/** Records the messages of a stream, and lets a test wait for one. */
export class Recorder {
  #all = [];
  #waiting = new Set();

  /** Adds a message. */
  push = (item) => {
    this.#all.push(item);
    for (const check of this.#waiting) check();
  };

  get all() {
    return [...this.#all];
  }

  [inspect.custom]() {
    return this.#all;
  }

  /** Returns the first matching message, recorded or still to come, or undefined after the timeout. */
  async first(matches, milliseconds = 5000) {
    const end = Date.now() + milliseconds;
    for (;;) {
      const found = this.#all.find(matches);
      if (found !== undefined || Date.now() >= end) return found;
      await new Promise((resolve) => {
        const check = () => {
          clearTimeout(timer);
          this.#waiting.delete(check);
          resolve();
        };
        const timer = setTimeout(check, end - Date.now());
        this.#waiting.add(check);
      });
    }
  }
}

/**
 * Checks that a subscription to TASK_CHANGES receives the changes of its user and of no other user.
 * `stream.changes` records the changes that the client receives.
 */
export async function receivesChangesOfItsUser(ana, stream) {
  await waitUntilActive(ana, stream);
  const { changes } = stream;
  const ben = await signUp("ben");
  const bensTask = await ben.create("Not hers");

  const nodeId = await ana.create("Buy milk");
  const created = await changes.first((change) => change.nodeId === nodeId && change.version === 1);
  assert.ok(created, "the subscription receives the new task");
  assert.deepEqual(created.node, { ...created.node, id: nodeId, title: "Buy milk" });
  assert.deepEqual([created.kind, created.originSessionId], ["UPSERT", ana.sessionId]);

  await ana.rename(nodeId, "Buy oat milk");
  const renamed = await changes.first((change) => change.nodeId === nodeId && change.version === 2);
  assert.ok(renamed, "the subscription receives the new title");
  assert.deepEqual(renamed.node, { ...renamed.node, id: nodeId, title: "Buy oat milk" });

  await ana.delete(nodeId);
  const deleted = await changes.first((change) => change.nodeId === nodeId && change.node === null);
  assert.ok(deleted, "the subscription receives the deletion");
  assert.deepEqual([deleted.kind, deleted.version], ["DELETE", 3]);

  assert.ok(!changes.all.some((change) => change.nodeId === bensTask), "the subscription receives no changes of other users");
}

/** Waits until a subscription receives a change; no protocol signals that it is active. */
export async function waitUntilActive(person, stream) {
  for (let tries = 0; tries < 10; tries += 1) {
    const nodeId = await person.create("Probe");
    if (await stream.changes.first((change) => change.nodeId === nodeId, 500)) return;
  }
  assert.fail(`the subscription received no change: ${inspect(stream, { depth: 6 })}`);
}

const ends = [];
after(async () => {
  for (const end of ends.reverse()) await end();
});

/** Starts a Cubby instance with these settings until the end of the file's tests. Returns its endpoint. */
export async function startCubby(settings) {
  if (!CUBBY_BINARY) throw new Error("set CUBBY_BINARY to the path of the binary");
  const directory = await mkdtemp(join(tmpdir(), "cubby-"));
  ends.push(() => rm(directory, { recursive: true }));
  const { PATH } = process.env;
  const server = spawn(CUBBY_BINARY, {
    cwd: directory,
    env: { PATH, CUBBY_LISTEN: "127.0.0.1:0", CUBBY_LOG: "warn", ...settings },
    stdio: ["ignore", "pipe", "inherit"],
  });
  const ended = new Promise((ended) => server.once("exit", ended));
  ends.push(() => (server.kill(), ended));
  for await (const line of createInterface(server.stdout)) {
    const url = /^Cubby is at (http:\/\/\S+)/.exec(line)?.[1];
    if (url) return `${url}/graphql`;
  }
  throw new Error("Cubby did not start");
}
