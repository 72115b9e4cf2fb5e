// Tests the WebSocket protocol graphql-transport-ws with the client graphql-ws and with a bare
// socket.

import assert from "node:assert/strict";
import { after, test } from "node:test";
import { createClient } from "graphql-ws";
import WebSocket from "ws";

import { TASK_CHANGES, execute, receivesChangesOfItsUser, Recorder, waitUntilActive, signUp, socketUrl } from "./cubby.js";

const clients = [];
after(() => clients.forEach((client) => client.dispose()));

function clientWith(connectionParams) {
  const closed = new Recorder();
  const client = createClient({
    url: socketUrl,
    webSocketImpl: WebSocket,
    connectionParams,
    retryAttempts: 0,
    on: { closed: ({ code, reason }) => closed.push({ code, reason }) },
  });
  clients.push(client);
  return { client, closed };
}

/** Returns the only result of a query or a mutation. */
async function answer(client, query, variables = {}) {
  const answers = [];
  for await (const result of client.iterate({ query, variables })) answers.push(result);
  assert.equal(answers.length, 1);
  return answers[0];
}

/** Subscribes, and records changes, errors and the end of the stream. */
function subscribe(client) {
  const changes = new Recorder();
  const errors = new Recorder();
  const ended = new Recorder();
  const unsubscribe = client.subscribe(
    { query: TASK_CHANGES },
    {
      next({ data, errors: reported }) {
        if (data) changes.push(data.taskChanges);
        if (reported) errors.push(reported);
      },
      error: (error) => ended.push({ error }),
      complete: () => ended.push({}),
    },
  );
  return { changes, errors, ended, unsubscribe };
}

for (const name of ["Authorization", "authorization", "AUTHORIZATION"]) {
  test(`connection parameter ${name} authenticates`, async () => {
    const ana = await signUp("ana");
    const { client } = clientWith({ [name]: ana.authorization });
    const { data } = await answer(client, "{ viewer { email } }");
    assert.equal(data.viewer.email, ana.email);
  });
}

test("scheme is case-insensitive", async () => {
  const ana = await signUp("ana");
  const { client } = clientWith({ authorization: `bearer ${ana.token}` });
  const { data } = await answer(client, "{ viewer { email } }");
  assert.equal(data.viewer.email, ana.email);
});

test("connection without parameters is anonymous", async () => {
  const { client } = clientWith(undefined);
  const { data, errors } = await answer(client, "{ viewer { email } service { version } }");
  assert.deepEqual([data.viewer, errors], [null, undefined]);
});

test("queries and mutations run over the socket", async () => {
  const ana = await signUp("ana");
  const { client } = clientWith({ authorization: ana.authorization });
  const { data } = await answer(
    client,
    "mutation ($input: CreateTaskInput!) { createTask(input: $input) { task { id title } userErrors { code } } }",
    { input: { title: "Buy milk" } },
  );
  assert.equal(data.createTask.task.title, "Buy milk");
  const listed = await answer(client, "{ viewer { tasks { nodes { id } } } }");
  assert.deepEqual(listed.data.viewer.tasks.nodes, [{ id: data.createTask.task.id }]);
  const elsewhere = await execute("{ viewer { tasks { totalCount } } }", {}, ana.token);
  assert.equal(elsewhere.viewer.tasks.totalCount, 1);
});

test("invalid document returns an error and leaves the socket open", async () => {
  const ana = await signUp("ana");
  const { client, closed } = clientWith({ authorization: ana.authorization });
  for (const [query, code] of [
    ["{ nonsense }", "GRAPHQL_VALIDATION_FAILED"],
    ["{ ", "GRAPHQL_PARSE_FAILED"],
  ]) {
    await assert.rejects(answer(client, query), (errors) => {
      assert.equal(errors[0].extensions.code, code);
      return true;
    });
  }
  assert.ok(!closed.all.some(({ code }) => code >= 4000), "the socket stays open");
});

test("subscription receives its user's changes", async () => {
  const ana = await signUp("ana");
  const { client } = clientWith({ authorization: ana.authorization });
  const stream = subscribe(client);
  await receivesChangesOfItsUser(ana, stream);
  assert.deepEqual([stream.errors.all, stream.ended.all], [[], []]);
  stream.unsubscribe();
});

test("subscription receives changes made over its own socket", async () => {
  const ana = await signUp("ana");
  const { client } = clientWith({ authorization: ana.authorization });
  const stream = subscribe(client);
  await waitUntilActive(ana, stream);
  const { data } = await answer(
    client,
    'mutation { createTask(input: { title: "Buy milk" }) { task { id } } }',
  );
  const { id } = data.createTask.task;
  assert.ok(await stream.changes.first(({ nodeId }) => nodeId === id));
  stream.unsubscribe();
});

test("invalid token closes the socket with 4403", async () => {
  const { client, closed } = clientWith({ authorization: "Bearer nonsense" });
  await assert.rejects(answer(client, "{ viewer { id } }"), ({ code }) => code === 4403);
  assert.ok(await closed.first(({ code }) => code === 4403));
});

test("end of a session closes only its sockets with 4403 within a second", async () => {
  const ana = await signUp("ana");
  const ben = await signUp("ben");
  const hers = subscribe(clientWith({ authorization: ana.authorization }).client);
  const his = subscribe(clientWith({ authorization: ben.authorization }).client);
  await waitUntilActive(ana, hers);
  await waitUntilActive(ben, his);
  await ana.signOut();
  const ended = await hers.ended.first(() => true, 1000);
  assert.equal(ended?.error?.code, 4403, "the socket closes");
  await waitUntilActive(ben, his);
  assert.deepEqual(his.ended.all, []);
  his.unsubscribe();
});

// The following tests use a bare socket.

/** Opens a socket. `received` records the messages of the server. */
async function connect(protocol = "graphql-transport-ws") {
  const received = new Recorder();
  const changes = new Recorder();
  const closed = new Recorder();
  const socket = new WebSocket(socketUrl, protocol);
  clients.push({ dispose: () => socket.terminate() });
  socket.on("message", (data) => {
    const message = JSON.parse(data);
    received.push(message);
    if (message.payload?.data?.taskChanges) changes.push(message.payload.data.taskChanges);
  });
  socket.on("close", (code, reason) => closed.push({ code, reason: String(reason) }));
  await new Promise((resolve, reject) => socket.once("open", resolve).once("error", reject));
  return {
    protocol: socket.protocol,
    send: (message) => socket.send(typeof message === "object" ? JSON.stringify(message) : message),
    close: (code, reason) => socket.close(code, reason),
    receive: (type, milliseconds) => received.first((message) => message.type === type, milliseconds),
    received,
    changes,
    closed: (milliseconds) => closed.first(() => true, milliseconds),
  };
}

/** Opens a socket and waits for its acknowledgement. */
async function connectAs(person) {
  const socket = await connect();
  socket.send({ type: "connection_init", payload: person && { authorization: person.authorization } });
  assert.ok(await socket.receive("connection_ack"));
  return socket;
}

const closesWith = async (socket, code, milliseconds) =>
  assert.equal((await socket.closed(milliseconds))?.code, code);

test("connection requires the subprotocol", async () => {
  assert.equal((await connect()).protocol, "graphql-transport-ws");
  const outcome = await connect("graphql-ws").then(
    (socket) => socket.closed(),
    (error) => error,
  );
  // Either the handshake fails, or the socket is closed as the protocol says.
  assert.ok(outcome instanceof Error || outcome?.code === 4406, JSON.stringify(outcome));
});

test("connection_init with an invalid token closes with 4403", async () => {
  const socket = await connect();
  socket.send({ type: "connection_init", payload: { authorization: "Bearer nonsense" } });
  await closesWith(socket, 4403);
});

test("connection_init with the token of an ended session closes with 4403", async () => {
  const ana = await signUp("ana");
  await ana.signOut();
  const socket = await connect();
  socket.send({ type: "connection_init", payload: { authorization: ana.authorization } });
  await closesWith(socket, 4403);
});

test("second connection_init closes with 4429", async () => {
  const socket = await connectAs(null);
  socket.send({ type: "connection_init" });
  await closesWith(socket, 4429);
});

test("subscribe before the acknowledgement closes with 4401", async () => {
  const socket = await connect();
  socket.send({ id: "1", type: "subscribe", payload: { query: "{ __typename }" } });
  await closesWith(socket, 4401);
});

test("id in use closes with 4409", async () => {
  const socket = await connectAs(await signUp("ana"));
  socket.send({ id: "1", type: "subscribe", payload: { query: TASK_CHANGES } });
  socket.send({ id: "1", type: "subscribe", payload: { query: TASK_CHANGES } });
  await closesWith(socket, 4409);
});

test("id can be reused after its operation has ended", async () => {
  const socket = await connectAs(null);
  for (let times = 1; times <= 2; times += 1) {
    socket.send({ id: "1", type: "subscribe", payload: { query: "{ __typename }" } });
    const isLast = () => socket.received.all.filter(({ type }) => type === "complete").length === times;
    assert.ok(await socket.received.first(isLast), "the operation completes");
  }
  assert.deepEqual(
    socket.received.all.map(({ type }) => type),
    ["connection_ack", "next", "complete", "next", "complete"],
  );
});

test("id can be reused after the client has completed it", async () => {
  const ana = await signUp("ana");
  const socket = await connectAs(ana);
  socket.send({ id: "1", type: "subscribe", payload: { query: TASK_CHANGES } });
  socket.send({ id: "1", type: "complete" });
  socket.send({ id: "1", type: "subscribe", payload: { query: "{ viewer { email } }" } });
  const { payload } = await socket.receive("next");
  assert.equal(payload.data.viewer.email, ana.email);
});

test("completed subscription sends nothing more", async () => {
  const ana = await signUp("ana");
  const socket = await connectAs(ana);
  socket.send({ id: "1", type: "subscribe", payload: { query: TASK_CHANGES } });
  await waitUntilActive(ana, socket);
  socket.send({ id: "1", type: "complete" });
  // The pong follows all messages that were already queued.
  socket.send({ type: "ping" });
  assert.ok(await socket.receive("pong"));
  const before = socket.received.all.length;
  await ana.create("Buy bread");
  await socket.received.first(() => socket.received.all.length > before, 1500);
  assert.equal(socket.received.all.length, before);
});

for (const [what, message] of Object.entries({
  "text that is not JSON": "nonsense",
  "JSON that is not an object": "[1]",
  "a message without a type": {},
  "a type that does not exist": { type: "nonsense" },
  "a type that only the server sends": { type: "connection_ack" },
  "subscribe without an id": { type: "subscribe", payload: { query: "{ __typename }" } },
  "subscribe without a payload": { id: "1", type: "subscribe" },
  "connection_init with a payload that is not an object": { type: "connection_init", payload: "nonsense" },
})) {
  test(`${what} closes with 4400`, async () => {
    const isInit = message.type === "connection_init";
    const socket = isInit ? await connect() : await connectAs(null);
    socket.send(message);
    await closesWith(socket, 4400);
  });
}

test("subscribe without a query or its hash closes with 4400", async () => {
  const socket = await connectAs(null);
  socket.send({ id: "1", type: "subscribe", payload: {} });
  await closesWith(socket, 4400);
});

test("close frame is answered with a close frame", async () => {
  const socket = await connectAs(null);
  socket.close(1000, "Normal Closure");
  // Otherwise the code is 1006, which graphql-ws reports as a failure of the next operation.
  await closesWith(socket, 1000);
});

test("missing connection_init closes with 4408 after ten seconds", async () => {
  const began = Date.now();
  const socket = await connect();
  await closesWith(socket, 4408, 12_000);
  assert.ok(Date.now() - began >= 9_000, "the server waits ten seconds");
});

test("ping is answered with pong, before connection_init and after", async () => {
  const socket = await connect();
  socket.send({ type: "ping" });
  assert.ok(await socket.receive("pong"));
  const other = await connectAs(null);
  other.send({ type: "ping", payload: { nonce: 7 } });
  const { payload } = await other.receive("pong");
  // The payload of a pong is optional.
  assert.ok(payload === undefined || payload.nonce === 7);
});

test("unexpected pong and complete are ignored", async () => {
  const socket = await connectAs(null);
  socket.send({ type: "pong" });
  socket.send({ id: "1", type: "complete" });
  socket.send({ id: "2", type: "subscribe", payload: { query: "{ __typename }" } });
  assert.ok(await socket.receive("complete"));
});

test("end of the session closes a bare socket with 4403 within a second", async () => {
  const ana = await signUp("ana");
  const socket = await connectAs(ana);
  socket.send({ id: "1", type: "subscribe", payload: { query: TASK_CHANGES } });
  await waitUntilActive(ana, socket);
  await ana.signOut();
  await closesWith(socket, 4403, 1000);
});
