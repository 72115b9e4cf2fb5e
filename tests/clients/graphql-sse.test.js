// GraphQL over server-sent events, a connection for each operation.

import assert from "node:assert/strict";
import { after, test } from "node:test";
import { createClient } from "graphql-sse";

import { TASK_CHANGES, ask, hearsWhatItsPersonDoes, Heard, isOpen, signUp, url } from "./cubby.js";

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

/** All that an operation is answered, to its end. */
async function answers(client, query, variables = {}) {
  const all = [];
  for await (const result of client.iterate({ query, variables })) all.push(result);
  return all;
}

/** Subscribes, and keeps what comes: each change, and what kind of message came when. */
function subscribe(client) {
  const changes = new Heard();
  const messages = new Heard();
  const over = new Heard();
  const unsubscribe = client.subscribe(
    { query: TASK_CHANGES },
    {
      next: ({ data }) => data && changes.push(data.taskChanges),
      error: (error) => over.push({ error }),
      complete: () => over.push({}),
    },
    { message: (message) => messages.push(message) },
  );
  return { changes, messages, over, unsubscribe };
}

test("a query has one answer", async () => {
  const ana = await signUp("ana");
  const [{ data }, ...others] = await answers(clientFor(ana.token), "{ viewer { email } }");
  assert.equal(data.viewer.email, ana.email);
  assert.deepEqual(others, []);
});

test("a mutation has one answer", async () => {
  const ana = await signUp("ana");
  const [{ data }] = await answers(
    clientFor(ana.token),
    "mutation ($input: CreateTaskInput!) { createTask(input: $input) { task { title } } }",
    { input: { title: "Buy milk" } },
  );
  assert.equal(data.createTask.task.title, "Buy milk");
  const elsewhere = await ask("{ viewer { tasks { totalCount } } }", {}, ana.token);
  assert.equal(elsewhere.viewer.tasks.totalCount, 1);
});

test("a subscription hears what its person does", async () => {
  const ana = await signUp("ana");
  const stream = subscribe(clientFor(ana.token));
  await hearsWhatItsPersonDoes(ana, stream);
  assert.deepEqual(stream.over.all, []);
  stream.unsubscribe();
});

test("two subscriptions of one person both hear", async () => {
  const ana = await signUp("ana");
  const streams = [subscribe(clientFor(ana.token)), subscribe(clientFor(ana.token))];
  for (const stream of streams) await isOpen(ana, stream);
  const nodeId = await ana.create("Buy milk");
  for (const { changes, unsubscribe } of streams) {
    assert.ok(await changes.first((change) => change.nodeId === nodeId));
    unsubscribe();
  }
});

test("a session that ends has the last word, and then its streams are complete", async () => {
  const ana = await signUp("ana");
  const stream = subscribe(clientFor(ana.token));
  await isOpen(ana, stream);
  await ana.signOut();
  const { messages, over } = stream;
  assert.deepEqual(await over.first(() => true, 1000), {}, "it completes");
  const [last, complete] = messages.all.slice(-2);
  assert.equal(last.event, "next");
  const [{ extensions }] = last.data.errors;
  assert.deepEqual([extensions.code, extensions.reason], ["UNAUTHENTICATED", "SESSION_ENDED"]);
  assert.equal(complete.event, "complete");
});

test("a token that opens nothing is refused", async () => {
  const refused = await answers(clientFor("nonsense"), TASK_CHANGES).catch((error) => error.response);
  // As a status, or as the first and last that is said.
  if (Array.isArray(refused)) {
    assert.equal(refused.length, 1);
    assert.equal(refused[0].errors[0].extensions.code, "UNAUTHENTICATED");
  } else {
    assert.equal(refused?.status, 401);
  }
});

test("a stream that its client leaves does not keep others from hearing", async () => {
  const ana = await signUp("ana");
  const left = subscribe(clientFor(ana.token));
  const kept = subscribe(clientFor(ana.token));
  await isOpen(ana, left);
  left.unsubscribe();
  await hearsWhatItsPersonDoes(ana, kept);
  kept.unsubscribe();
});
