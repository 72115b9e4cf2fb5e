// The WebSocket protocol graphql-transport-ws: its own client, and what only a bare socket can do.

import assert from "node:assert/strict";
import { after, test } from "node:test";
import { createClient } from "graphql-ws";
import WebSocket from "ws";

import { TASK_CHANGES, ask, hearsWhatItsPersonDoes, Heard, isOpen, signUp, socketUrl } from "./cubby.js";

const clients = [];
after(() => clients.forEach((client) => client.dispose()));

function clientWith(connectionParams) {
  const closed = new Heard();
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

/** The one answer to a query or a mutation. */
async function answer(client, query, variables = {}) {
  const answers = [];
  for await (const result of client.iterate({ query, variables })) answers.push(result);
  assert.equal(answers.length, 1);
  return answers[0];
}

/** Subscribes, and keeps what comes: each change, each error, and how it ended. */
function subscribe(client) {
  const changes = new Heard();
  const errors = new Heard();
  const over = new Heard();
  const unsubscribe = client.subscribe(
    { query: TASK_CHANGES },
    {
      next({ data, errors: told }) {
        if (data) changes.push(data.taskChanges);
        if (told) errors.push(told);
      },
      error: (error) => over.push({ error }),
      complete: () => over.push({}),
    },
  );
  return { changes, errors, over, unsubscribe };
}

for (const name of ["Authorization", "authorization", "AUTHORIZATION"]) {
  test(`the connection's parameter ${name} says who it is`, async () => {
    const ana = await signUp("ana");
    const { client } = clientWith({ [name]: ana.authorization });
    const { data } = await answer(client, "{ viewer { email } }");
    assert.equal(data.viewer.email, ana.email);
  });
}

test("a scheme in lower case is the same scheme", async () => {
  const ana = await signUp("ana");
  const { client } = clientWith({ authorization: `bearer ${ana.token}` });
  const { data } = await answer(client, "{ viewer { email } }");
  assert.equal(data.viewer.email, ana.email);
});

test("a connection without parameters is nobody's", async () => {
  const { client } = clientWith(undefined);
  const { data, errors } = await answer(client, "{ viewer { email } service { version } }");
  assert.deepEqual([data.viewer, errors], [null, undefined]);
});

test("queries and mutations are run over the socket", async () => {
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
  const elsewhere = await ask("{ viewer { tasks { totalCount } } }", {}, ana.token);
  assert.equal(elsewhere.viewer.tasks.totalCount, 1);
});

test("a document that is not valid is answered with an error of its own", async () => {
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

test("a subscription hears what its person does", async () => {
  const ana = await signUp("ana");
  const { client } = clientWith({ authorization: ana.authorization });
  const stream = subscribe(client);
  await hearsWhatItsPersonDoes(ana, stream);
  assert.deepEqual([stream.errors.all, stream.over.all], [[], []]);
  stream.unsubscribe();
});

test("what is done over the same socket is heard there", async () => {
  const ana = await signUp("ana");
  const { client } = clientWith({ authorization: ana.authorization });
  const stream = subscribe(client);
  await isOpen(ana, stream);
  const { data } = await answer(
    client,
    'mutation { createTask(input: { title: "Buy milk" }) { task { id } } }',
  );
  const { id } = data.createTask.task;
  assert.ok(await stream.changes.first(({ nodeId }) => nodeId === id));
  stream.unsubscribe();
});

test("a token that opens nothing closes the socket with 4403", async () => {
  const { client, closed } = clientWith({ authorization: "Bearer nonsense" });
  await assert.rejects(answer(client, "{ viewer { id } }"), ({ code }) => code === 4403);
  assert.ok(await closed.first(({ code }) => code === 4403));
});

test("a session that ends closes its sockets with 4403 within a second, and no other", async () => {
  const ana = await signUp("ana");
  const ben = await signUp("ben");
  const hers = subscribe(clientWith({ authorization: ana.authorization }).client);
  const his = subscribe(clientWith({ authorization: ben.authorization }).client);
  await isOpen(ana, hers);
  await isOpen(ben, his);
  await ana.signOut();
  const ended = await hers.over.first(() => true, 1000);
  assert.equal(ended?.error?.code, 4403, "it ends");
  await isOpen(ben, his);
  assert.deepEqual(his.over.all, []);
  his.unsubscribe();
});

// From here on with a bare socket.

/** A socket that has just opened. `said` is all that the server said over it. */
async function connect(protocol = "graphql-transport-ws") {
  const said = new Heard();
  const changes = new Heard();
  const closed = new Heard();
  const socket = new WebSocket(socketUrl, protocol);
  clients.push({ dispose: () => socket.terminate() });
  socket.on("message", (data) => {
    const message = JSON.parse(data);
    said.push(message);
    if (message.payload?.data?.taskChanges) changes.push(message.payload.data.taskChanges);
  });
  socket.on("close", (code, reason) => closed.push({ code, reason: String(reason) }));
  await new Promise((resolve, reject) => socket.once("open", resolve).once("error", reject));
  return {
    protocol: socket.protocol,
    say: (message) => socket.send(typeof message === "object" ? JSON.stringify(message) : message),
    close: (code, reason) => socket.close(code, reason),
    hears: (type, milliseconds) => said.first((message) => message.type === type, milliseconds),
    said,
    changes,
    closed: (milliseconds) => closed.first(() => true, milliseconds),
  };
}

/** A socket that has been acknowledged. */
async function connectAs(person) {
  const socket = await connect();
  socket.say({ type: "connection_init", payload: person && { authorization: person.authorization } });
  assert.ok(await socket.hears("connection_ack"));
  return socket;
}

const closesWith = async (socket, code, milliseconds) =>
  assert.equal((await socket.closed(milliseconds))?.code, code);

test("the subprotocol is agreed on, and without it there is no connection", async () => {
  assert.equal((await connect()).protocol, "graphql-transport-ws");
  const outcome = await connect("graphql-ws").then(
    (socket) => socket.closed(),
    (error) => error,
  );
  // Either the handshake fails, or the socket is closed as the protocol says.
  assert.ok(outcome instanceof Error || outcome?.code === 4406, JSON.stringify(outcome));
});

test("connection_init with a token that opens nothing closes with 4403", async () => {
  const socket = await connect();
  socket.say({ type: "connection_init", payload: { authorization: "Bearer nonsense" } });
  await closesWith(socket, 4403);
});

test("connection_init with the token of a session that has ended closes with 4403", async () => {
  const ana = await signUp("ana");
  await ana.signOut();
  const socket = await connect();
  socket.say({ type: "connection_init", payload: { authorization: ana.authorization } });
  await closesWith(socket, 4403);
});

test("a second connection_init closes with 4429", async () => {
  const socket = await connectAs(null);
  socket.say({ type: "connection_init" });
  await closesWith(socket, 4429);
});

test("subscribe before the acknowledgement closes with 4401", async () => {
  const socket = await connect();
  socket.say({ id: "1", type: "subscribe", payload: { query: "{ __typename }" } });
  await closesWith(socket, 4401);
});

test("an id that is in use closes with 4409", async () => {
  const socket = await connectAs(await signUp("ana"));
  socket.say({ id: "1", type: "subscribe", payload: { query: TASK_CHANGES } });
  socket.say({ id: "1", type: "subscribe", payload: { query: TASK_CHANGES } });
  await closesWith(socket, 4409);
});

test("an id can be used again when its operation is over", async () => {
  const socket = await connectAs(null);
  for (let times = 1; times <= 2; times += 1) {
    socket.say({ id: "1", type: "subscribe", payload: { query: "{ __typename }" } });
    const isLast = () => socket.said.all.filter(({ type }) => type === "complete").length === times;
    assert.ok(await socket.said.first(isLast), "it completes");
  }
  assert.deepEqual(
    socket.said.all.map(({ type }) => type),
    ["connection_ack", "next", "complete", "next", "complete"],
  );
});

test("an id can be used again when the client has completed it", async () => {
  const ana = await signUp("ana");
  const socket = await connectAs(ana);
  socket.say({ id: "1", type: "subscribe", payload: { query: TASK_CHANGES } });
  socket.say({ id: "1", type: "complete" });
  socket.say({ id: "1", type: "subscribe", payload: { query: "{ viewer { email } }" } });
  const { payload } = await socket.hears("next");
  assert.equal(payload.data.viewer.email, ana.email);
});

test("what the client has completed says nothing more", async () => {
  const ana = await signUp("ana");
  const socket = await connectAs(ana);
  socket.say({ id: "1", type: "subscribe", payload: { query: TASK_CHANGES } });
  await isOpen(ana, socket);
  socket.say({ id: "1", type: "complete" });
  // What is on its way has come once this is answered.
  socket.say({ type: "ping" });
  assert.ok(await socket.hears("pong"));
  const before = socket.said.all.length;
  await ana.create("Buy bread");
  await socket.said.first(() => socket.said.all.length > before, 1500);
  assert.equal(socket.said.all.length, before);
});

for (const [what, message] of Object.entries({
  "no JSON": "nonsense",
  "no object": "[1]",
  "no type": {},
  "a type that does not exist": { type: "nonsense" },
  "a type that only the server sends": { type: "connection_ack" },
  "subscribe without an id": { type: "subscribe", payload: { query: "{ __typename }" } },
  "subscribe without a payload": { id: "1", type: "subscribe" },
  "parameters that are no object": { type: "connection_init", payload: "nonsense" },
})) {
  test(`${what} closes with 4400`, async () => {
    const isInit = message.type === "connection_init";
    const socket = isInit ? await connect() : await connectAs(null);
    socket.say(message);
    await closesWith(socket, 4400);
  });
}

test("subscribe without a query or its hash closes with 4400", async () => {
  const socket = await connectAs(null);
  socket.say({ id: "1", type: "subscribe", payload: {} });
  await closesWith(socket, 4400);
});

test("a close is answered with a close", async () => {
  const socket = await connectAs(null);
  socket.close(1000, "Normal Closure");
  // Otherwise it is 1006, which graphql-ws takes for a failure of whatever it sends next.
  await closesWith(socket, 1000);
});

test("no connection_init closes with 4408 after ten seconds", async () => {
  const began = Date.now();
  const socket = await connect();
  await closesWith(socket, 4408, 12_000);
  assert.ok(Date.now() - began >= 9_000, "not before");
});

test("ping is answered with pong, before connection_init and after", async () => {
  const socket = await connect();
  socket.say({ type: "ping" });
  assert.ok(await socket.hears("pong"));
  const other = await connectAs(null);
  other.say({ type: "ping", payload: { nonce: 7 } });
  const { payload } = await other.hears("pong");
  // The protocol lets a server leave it out.
  assert.ok(payload === undefined || payload.nonce === 7);
});

test("pong that nobody asked for is ignored, as is complete for what is over", async () => {
  const socket = await connectAs(null);
  socket.say({ type: "pong" });
  socket.say({ id: "1", type: "complete" });
  socket.say({ id: "2", type: "subscribe", payload: { query: "{ __typename }" } });
  assert.ok(await socket.hears("complete"));
});

test("a session that ends closes an open socket with 4403 within a second", async () => {
  const ana = await signUp("ana");
  const socket = await connectAs(ana);
  socket.say({ id: "1", type: "subscribe", payload: { query: TASK_CHANGES } });
  await isOpen(ana, socket);
  await ana.signOut();
  await closesWith(socket, 4403, 1000);
});
