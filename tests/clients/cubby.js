// Where Cubby is served, people who sign up there, and a way to wait for what they are told.

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

if (!CUBBY_URL) throw new Error("CUBBY_URL says where Cubby is served, such as http://127.0.0.1:8000");

export const url = new URL("/graphql", CUBBY_URL).href;
export const socketUrl = url.replace(/^http/, "ws");

export const PASSWORD = "correct horse";

/** What every client subscribes to. */
export const TASK_CHANGES = `subscription TaskChanges {
  taskChanges { kind nodeId version node { ... on Task { id title } } originSessionId }
}`;

/** An operation without a client, for what a test is not about. */
export async function ask(query, variables = {}, token) {
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

/** Somebody who has just signed up, and what they do from elsewhere than the client that is tried. */
export async function signUp(name) {
  const email = address(name);
  const { signUp } = await ask(
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
      const data = await ask(
        "mutation ($input: CreateTaskInput!) { createTask(input: $input) { task { id } } }",
        { input: { title } },
        token,
      );
      return data.createTask.task.id;
    },
    rename: (id, title) =>
      ask(
        "mutation ($input: UpdateTaskInput!) { updateTask(input: $input) { task { id } } }",
        { input: { id, title } },
        token,
      ),
    delete: (id) =>
      ask(
        "mutation ($input: DeleteTaskInput!) { deleteTask(input: $input) { deletedTaskId } }",
        { input: { id } },
        token,
      ),
    signOut: () => ask("mutation { signOut { endedSessions } }", {}, token),
  };
}

/** What a stream tells, kept until somebody waits for it. */
export class Heard {
  #all = [];
  #waiting = new Set();

  /** Where whatever comes is put. */
  push = (item) => {
    this.#all.push(item);
    for (const look of this.#waiting) look();
  };

  get all() {
    return [...this.#all];
  }

  [inspect.custom]() {
    return this.#all;
  }

  /** The first that is so, whether it has come already or comes in time; undefined otherwise. */
  async first(isIt, milliseconds = 5000) {
    const end = Date.now() + milliseconds;
    for (;;) {
      const found = this.#all.find(isIt);
      if (found !== undefined || Date.now() >= end) return found;
      await new Promise((resolve) => {
        const look = () => {
          clearTimeout(timer);
          this.#waiting.delete(look);
          resolve();
        };
        const timer = setTimeout(look, end - Date.now());
        this.#waiting.add(look);
      });
    }
  }
}

/**
 * A subscription to TASK_CHANGES hears what its person does, and nobody else. `stream.changes` is
 * where the client puts what it is told of each change.
 */
export async function hearsWhatItsPersonDoes(ana, stream) {
  await isOpen(ana, stream);
  const { changes } = stream;
  const ben = await signUp("ben");
  const notHers = await ben.create("Not hers");

  const nodeId = await ana.create("Buy milk");
  const created = await changes.first((change) => change.nodeId === nodeId && change.version === 1);
  assert.ok(created, "the new task is heard of");
  assert.deepEqual(created.node, { ...created.node, id: nodeId, title: "Buy milk" });
  assert.deepEqual([created.kind, created.originSessionId], ["UPSERT", ana.sessionId]);

  await ana.rename(nodeId, "Buy oat milk");
  const renamed = await changes.first((change) => change.nodeId === nodeId && change.version === 2);
  assert.ok(renamed, "the new title is heard of");
  assert.deepEqual(renamed.node, { ...renamed.node, id: nodeId, title: "Buy oat milk" });

  await ana.delete(nodeId);
  const deleted = await changes.first((change) => change.nodeId === nodeId && change.node === null);
  assert.ok(deleted, "that it is gone is heard of");
  assert.deepEqual([deleted.kind, deleted.version], ["DELETE", 3]);

  assert.ok(!changes.all.some((change) => change.nodeId === notHers), "nobody else is heard");
}

/** Waits until a subscription is told of something: no protocol says when it has begun. */
export async function isOpen(person, stream) {
  for (let tries = 0; tries < 10; tries += 1) {
    const nodeId = await person.create("Is anybody there?");
    if (await stream.changes.first((change) => change.nodeId === nodeId, 500)) return;
  }
  assert.fail(`the subscription is not told of it: ${inspect(stream, { depth: 6 })}`);
}

const ends = [];
after(async () => {
  for (const end of ends.reverse()) await end();
});

/** A Cubby of its own with these settings, until the file's tests are over; its endpoint. */
export async function startCubby(settings) {
  if (!CUBBY_BINARY) throw new Error("CUBBY_BINARY says which binary to start");
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
  throw new Error("it did not start");
}
