// Tests GraphQL over server-sent events, with one connection per operation.

import assert from "node:assert/strict";
import { after, test } from "node:test";
import { createClient } from "graphql-sse";

import { TASK_CHANGES, execute, receivesChangesOfItsUser, Recorder, waitUntilActive, signUp, url } from "./cubby.js";

const clients = [];
after(() => clients.forEach((client) => client.dispose()));

function clientFor(token) {
  const client = createClient({
    url,
    retryAttempts: 0,
    headers: token ? { authorization: `Bearer ${token}` } : {},
  });
  clients.push(client);
  return client;
}

/** Returns all results of an operation. */
async function answers(client, query, variables = {}) {
  const all = [];
  for await (const result of client.iterate({ query, variables })) all.push(result);
  return all;
}

/** Subscribes, and records changes, messages and the end of the stream. */
function subscribe(client) {
  const changes = new Recorder();
  const messages = new Recorder();
  const ended = new Recorder();
  const unsubscribe = client.subscribe(
    { query: TASK_CHANGES },
    {
      next: ({ data }) => data && changes.push(data.taskChanges),
      error: (error) => ended.push({ error }),
      complete: () => ended.push({}),
    },
    { message: (message) => messages.push(message) },
  );
  return { changes, messages, ended, unsubscribe };
}

test("query has one result", async () => {
  const ana = await signUp("ana");
  const [{ data }, ...others] = await answers(clientFor(ana.token), "{ viewer { email } }");
  assert.equal(data.viewer.email, ana.email);
  assert.deepEqual(others, []);
});

test("mutation has one result", async () => {
  const ana = await signUp("ana");
  const [{ data }] = await answers(
    clientFor(ana.token),
    "mutation ($input: CreateTaskInput!) { createTask(input: $input) { task { title } } }",
    { input: { title: "Buy milk" } },
  );
  assert.equal(data.createTask.task.title, "Buy milk");
  const elsewhere = await execute("{ viewer { tasks { totalCount } } }", {}, ana.token);
  assert.equal(elsewhere.viewer.tasks.totalCount, 1);
});

test("subscription receives its user's changes", async () => {
  const ana = await signUp("ana");
  const stream = subscribe(clientFor(ana.token));
  await receivesChangesOfItsUser(ana, stream);
  assert.deepEqual(stream.ended.all, []);
  stream.unsubscribe();
});

test("two subscriptions of one user both receive changes", async () => {
  const ana = await signUp("ana");
  const streams = [subscribe(clientFor(ana.token)), subscribe(clientFor(ana.token))];
  for (const stream of streams) await waitUntilActive(ana, stream);
  const nodeId = await ana.create("Buy milk");
  for (const { changes, unsubscribe } of streams) {
    assert.ok(await changes.first((change) => change.nodeId === nodeId));
    unsubscribe();
  }
});

test("end of the session sends an error and completes the stream", async () => {
  const ana = await signUp("ana");
  const stream = subscribe(clientFor(ana.token));
  await waitUntilActive(ana, stream);
  await ana.signOut();
  const { messages, ended } = stream;
  assert.deepEqual(await ended.first(() => true, 1000), {}, "the stream completes");
  const [last, complete] = messages.all.slice(-2);
  assert.equal(last.event, "next");
  const [{ extensions }] = last.data.errors;
  assert.deepEqual([extensions.code, extensions.reason], ["UNAUTHENTICATED", "SESSION_ENDED"]);
  assert.equal(complete.event, "complete");
});

test("invalid token is rejected", async () => {
  const refused = await answers(clientFor("nonsense"), TASK_CHANGES).catch((error) => error.response);
  // Either by the status or by the only event.
  if (Array.isArray(refused)) {
    assert.equal(refused.length, 1);
    assert.equal(refused[0].errors[0].extensions.code, "UNAUTHENTICATED");
  } else {
    assert.equal(refused?.status, 401);
  }
});

test("closed stream does not affect other streams", async () => {
  const ana = await signUp("ana");
  const closedStream = subscribe(clientFor(ana.token));
  const openStream = subscribe(clientFor(ana.token));
  await waitUntilActive(ana, closedStream);
  closedStream.unsubscribe();
  await receivesChangesOfItsUser(ana, openStream);
  openStream.unsubscribe();
});
