// urql, with the exchanges that fetch: subscriptions come by whichever media type the two agree on.

import assert from "node:assert/strict";
import { after, test } from "node:test";
import { Client, fetchExchange, gql } from "@urql/core";

import {
  PASSWORD,
  TASK_CHANGES,
  address,
  hearsWhatItsPersonDoes,
  Heard,
  isOpen,
  signUp,
  url,
} from "./cubby.js";

/** A client for one person, or nobody, and what the answers to it called themselves. */
function clientFor(token, { preferGetMethod = false } = {}) {
  const types = new Heard();
  const client = new Client({
    url,
    preferGetMethod,
    exchanges: [fetchExchange],
    fetchSubscriptions: true,
    fetchOptions: () => ({ headers: token ? { authorization: `Bearer ${token}` } : {} }),
    async fetch(...request) {
      const response = await fetch(...request);
      types.push(response.headers.get("content-type"));
      return response;
    },
  });
  return { client, types };
}

const SIGN_UP = gql`
  mutation SignUp($input: SignUpInput!) {
    signUp(input: $input) { tokens { accessToken } userErrors { code } }
  }
`;

const CREATE = gql`
  mutation Create($input: CreateTaskInput!) {
    createTask(input: $input) { task { id } userErrors { code path } }
  }
`;

const TASKS = gql`
  query Tasks($first: Int!, $after: String) {
    viewer {
      tasks(first: $first, after: $after) { nodes { id title } pageInfo { endCursor hasNextPage } }
    }
  }
`;

for (const preferGetMethod of [false, true]) {
  test(`signs up, creates, pages and signs out, queries by ${preferGetMethod ? "GET" : "POST"}`, async () => {
    const nobody = clientFor(null).client;
    const email = address("ana");
    const signedUp = await nobody.mutation(SIGN_UP, { input: { email, password: PASSWORD } });
    assert.equal(signedUp.error, undefined);
    const taken = await nobody.mutation(SIGN_UP, { input: { email, password: PASSWORD } });
    assert.deepEqual(
      taken.data.signUp.userErrors.map(({ code }) => code),
      ["EMAIL_TAKEN"],
    );

    const { client, types } = clientFor(signedUp.data.signUp.tokens.accessToken, { preferGetMethod });
    for (const title of ["One", "Two", "Three"]) {
      const { data } = await client.mutation(CREATE, { input: { title } });
      assert.deepEqual(data.createTask.userErrors, []);
    }
    const first = await client.query(TASKS, { first: 2 });
    const { endCursor: after, hasNextPage } = first.data.viewer.tasks.pageInfo;
    assert.equal(hasNextPage, true);
    const second = await client.query(TASKS, { first: 2, after });
    assert.deepEqual(
      [first, second].flatMap(({ data }) => data.viewer.tasks.nodes.map(({ title }) => title)),
      ["Three", "Two", "One"],
    );
    for (const type of types.all) assert.match(type, /^application\/(graphql-response\+)?json/);

    const out = await client.mutation(gql`mutation Out { signOut { endedSessions } }`, {});
    assert.equal(out.data.signOut.endedSessions, 1);

    const refused = await client.query(TASKS, { first: 2 });
    const [{ extensions }] = refused.error.graphQLErrors;
    assert.deepEqual([extensions.code, extensions.reason], ["UNAUTHENTICATED", "SESSION_ENDED"]);
    assert.equal(refused.error.response.status, 401);
  });
}

// A stream that a failed test has left open would keep the process.
const streams = [];
after(() => streams.forEach((stream) => stream.unsubscribe()));

/** Subscribes, and keeps what comes. What is over is said again, with the last change. */
function subscribe(client) {
  const changes = new Heard();
  const errors = new Heard();
  const over = new Heard();
  const { unsubscribe } = client.subscription(gql(TASK_CHANGES), {}).subscribe(({ data, error, hasNext }) => {
    if (error) errors.push(error);
    else if (data && hasNext) changes.push(data.taskChanges);
    if (hasNext === false) over.push(true);
  });
  const stream = { changes, errors, over, unsubscribe };
  streams.push(stream);
  return stream;
}

test("a subscription hears what its person does, by server-sent events", async () => {
  const ana = await signUp("ana");
  const { client, types } = clientFor(ana.token);
  const stream = subscribe(client);
  await hearsWhatItsPersonDoes(ana, stream);
  stream.unsubscribe();
  assert.deepEqual(stream.errors.all, []);
  assert.match(types.all[0], /^text\/event-stream/);
});

test("a subscription ends with its session", async () => {
  const ana = await signUp("ana");
  const stream = subscribe(clientFor(ana.token).client);
  await isOpen(ana, stream);
  await ana.signOut();
  const { errors, over } = stream;
  assert.ok(await over.first(() => true, 2000), "it ends");
  const [{ extensions }] = errors.all[0].graphQLErrors;
  assert.deepEqual([extensions.code, extensions.reason], ["UNAUTHENTICATED", "SESSION_ENDED"]);
});

test("a subscription that nobody may open says why", async () => {
  const { errors } = subscribe(clientFor("nonsense").client);
  const error = await errors.first(() => true);
  assert.equal(error?.graphQLErrors[0]?.extensions.code, "UNAUTHENTICATED", String(error));
});
