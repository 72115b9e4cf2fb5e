// Tests urql with fetchExchange; subscriptions use the media type that client and server negotiate.

import assert from "node:assert/strict";
import { after, test } from "node:test";
import { Client, fetchExchange, gql } from "@urql/core";

import {
  PASSWORD,
  TASK_CHANGES,
  address,
  receivesChangesOfItsUser,
  Recorder,
  waitUntilActive,
  signUp,
  url,
} from "./cubby.js";

/** Returns a client, anonymous without a token, and a recorder of the media types of responses. */
function clientFor(token, { preferGetMethod = false } = {}) {
  const types = new Recorder();
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
    const anonymous = clientFor(null).client;
    const email = address("ana");
    const signedUp = await anonymous.mutation(SIGN_UP, { input: { email, password: PASSWORD } });
    assert.equal(signedUp.error, undefined);
    const taken = await anonymous.mutation(SIGN_UP, { input: { email, password: PASSWORD } });
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

// An open stream of a failed test would keep the process running.
const streams = [];
after(() => streams.forEach((stream) => stream.unsubscribe()));

/** Subscribes, and records changes, errors and the end. urql repeats the last change at the end. */
function subscribe(client) {
  const changes = new Recorder();
  const errors = new Recorder();
  const ended = new Recorder();
  const { unsubscribe } = client.subscription(gql(TASK_CHANGES), {}).subscribe(({ data, error, hasNext }) => {
    if (error) errors.push(error);
    else if (data && hasNext) changes.push(data.taskChanges);
    if (hasNext === false) ended.push(true);
  });
  const stream = { changes, errors, ended, unsubscribe };
  streams.push(stream);
  return stream;
}

test("subscription receives its user's changes by server-sent events", async () => {
  const ana = await signUp("ana");
  const { client, types } = clientFor(ana.token);
  const stream = subscribe(client);
  await receivesChangesOfItsUser(ana, stream);
  stream.unsubscribe();
  assert.deepEqual(stream.errors.all, []);
  assert.match(types.all[0], /^text\/event-stream/);
});

test("subscription ends with its session", async () => {
  const ana = await signUp("ana");
  const stream = subscribe(clientFor(ana.token).client);
  await waitUntilActive(ana, stream);
  await ana.signOut();
  const { errors, ended } = stream;
  assert.ok(await ended.first(() => true, 2000), "the stream ends");
  const [{ extensions }] = errors.all[0].graphQLErrors;
  assert.deepEqual([extensions.code, extensions.reason], ["UNAUTHENTICATED", "SESSION_ENDED"]);
});

test("subscription with an invalid token fails with its code", async () => {
  const { errors } = subscribe(clientFor("nonsense").client);
  const error = await errors.first(() => true);
  assert.equal(error?.graphQLErrors[0]?.extensions.code, "UNAUTHENTICATED", String(error));
});
