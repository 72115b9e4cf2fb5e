// Tests Apollo Client with the links of its documentation.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { after, test } from "node:test";
import { ApolloClient, ApolloLink, HttpLink, InMemoryCache, gql } from "@apollo/client";
import { CombinedGraphQLErrors, CombinedProtocolErrors } from "@apollo/client/errors";
import { SetContextLink } from "@apollo/client/link/context";
import { PersistedQueryLink } from "@apollo/client/link/persisted-queries";
import { GraphQLWsLink } from "@apollo/client/link/subscriptions";
import { relayStylePagination } from "@apollo/client/utilities";
import { createClient } from "graphql-ws";
import WebSocket from "ws";

import {
  PASSWORD,
  TASK_CHANGES,
  address,
  receivesChangesOfItsUser,
  Recorder,
  waitUntilActive,
  signUp,
  socketUrl,
  url,
} from "./cubby.js";

// GraphQLWsLink needs the global WebSocket, which Node.js provides from version 22 on.
globalThis.WebSocket ??= WebSocket;

const sha256 = (text) => createHash("sha256").update(text).digest("hex");

const SIGN_UP = gql`
  mutation SignUp($input: SignUpInput!) {
    signUp(input: $input) {
      tokens { accessToken }
      user { id email }
      userErrors { code path ... on WeakPasswordError { reasons } }
    }
  }
`;

const CREATE = gql`
  mutation Create($input: CreateTaskInput!) {
    createTask(input: $input) { task { id title } userErrors { code path } }
  }
`;

const TASKS = gql`
  query Tasks($first: Int!, $after: String) {
    viewer {
      id
      tasks(first: $first, after: $after) {
        totalCount
        edges { cursor node { id title } }
        pageInfo { endCursor hasNextPage }
      }
    }
  }
`;

/** Returns a client over these links that sends `session.token`, if set. */
const clientOver = (session, ...links) =>
  new ApolloClient({
    link: ApolloLink.from([
      new SetContextLink(({ headers }) => ({
        headers: session.token ? { ...headers, authorization: `Bearer ${session.token}` } : headers,
      })),
      ...links,
    ]),
    cache: new InMemoryCache({
      possibleTypes: {
        Node: ["Session", "Task", "User"],
        UserError: ["InputError", "VersionConflictError", "WeakPasswordError"],
      },
      typePolicies: { User: { fields: { tasks: relayStylePagination(["filter", "orderBy"]) } } },
    }),
  });

const overHttp = {
  "HttpLink": () => [new HttpLink({ uri: url })],
  "persisted queries": () => [new PersistedQueryLink({ sha256 }), new HttpLink({ uri: url })],
  "persisted queries by GET": () => [
    new PersistedQueryLink({ sha256, useGETForHashedQueries: true }),
    new HttpLink({ uri: url }),
  ],
};

for (const [name, links] of Object.entries(overHttp)) {
  test(`signs up, creates, pages and signs out over ${name}`, async () => {
    const session = {};
    const client = clientOver(session, ...links());

    const weak = await client.mutate({
      mutation: SIGN_UP,
      variables: { input: { email: address("ana"), password: "short" } },
    });
    assert.deepEqual(
      weak.data.signUp.userErrors.map(({ code, path, reasons }) => [code, path, reasons]),
      [["PASSWORD_TOO_WEAK", ["input", "password"], ["TOO_SHORT"]]],
    );

    const email = address("ana");
    const { data } = await client.mutate({
      mutation: SIGN_UP,
      variables: { input: { email, password: PASSWORD } },
    });
    assert.equal(data.signUp.user.email, email);
    session.token = data.signUp.tokens.accessToken;

    for (const title of ["One", "Two", "Three"]) {
      const { data } = await client.mutate({ mutation: CREATE, variables: { input: { title } } });
      assert.equal(data.createTask.task.title, title);
    }

    const pages = client.watchQuery({ query: TASKS, variables: { first: 2 } });
    const shown = new Recorder();
    const watching = pages.subscribe(({ data, dataState }) => dataState === "complete" && shown.push(data));
    const first = await shown.first(() => true);
    assert.equal(first.viewer.tasks.totalCount, 3);
    const { endCursor: after, hasNextPage } = first.viewer.tasks.pageInfo;
    assert.equal(hasNextPage, true);
    await pages.fetchMore({ variables: { after } });
    const both = await shown.first(({ viewer }) => viewer.tasks.edges.length === 3);
    assert.deepEqual(
      both?.viewer.tasks.edges.map(({ node }) => node.title),
      ["Three", "Two", "One"],
    );
    watching.unsubscribe();

    const asked = await client.query({ query: TASKS, variables: { first: 2 }, fetchPolicy: "network-only" });
    assert.equal(asked.data.viewer.tasks.totalCount, 3);

    const { data: out } = await client.mutate({ mutation: gql`mutation Out { signOut { endedSessions } }` });
    assert.equal(out.signOut.endedSessions, 1);

    await assert.rejects(
      client.query({ query: TASKS, variables: { first: 2 }, fetchPolicy: "network-only" }),
      (error) => {
        assert.ok(CombinedGraphQLErrors.is(error), String(error));
        const [{ extensions }] = error.errors;
        assert.deepEqual([extensions.code, extensions.reason], ["UNAUTHENTICATED", "SESSION_ENDED"]);
        return true;
      },
    );
  });
}

const forSubscriptions = {
  "multipart": () => [new HttpLink({ uri: url })],
  "multipart with persisted queries": () => [new PersistedQueryLink({ sha256 }), new HttpLink({ uri: url })],
  "GraphQLWsLink": (session) => [
    new GraphQLWsLink(
      createClient({
        url: socketUrl,
        webSocketImpl: WebSocket,
        connectionParams: () => ({ authorization: `Bearer ${session.token}` }),
        // Retrying is pointless after the end of the session.
        shouldRetry: (event) => event?.code !== 4403,
      }),
    ),
  ],
};

// An open stream of a failed test would keep the process running.
const streams = [];
after(() => streams.forEach((stream) => stream.unsubscribe()));

/** Subscribes, and records changes, errors and the end of the stream. */
function subscribe(client) {
  const changes = new Recorder();
  const errors = new Recorder();
  const ended = new Recorder();
  const subscription = client.subscribe({ query: gql(TASK_CHANGES) }).subscribe({
    next({ data, error }) {
      if (data) changes.push(data.taskChanges);
      if (error) errors.push(error);
    },
    error(error) {
      errors.push(error);
      ended.push(true);
    },
    complete: () => ended.push(true),
  });
  const stream = { changes, errors, ended, unsubscribe: () => subscription.unsubscribe() };
  streams.push(stream);
  return stream;
}

for (const [name, links] of Object.entries(forSubscriptions)) {
  test(`subscription over ${name} receives its user's changes`, async () => {
    const ana = await signUp("ana");
    const stream = subscribe(clientOver(ana, ...links(ana)));
    await receivesChangesOfItsUser(ana, stream);
    stream.unsubscribe();
    assert.deepEqual(stream.errors.all, []);
  });

  test(`subscription over ${name} ends with its session`, async () => {
    const ana = await signUp("ana");
    const stream = subscribe(clientOver(ana, ...links(ana)));
    await waitUntilActive(ana, stream);
    await ana.signOut();
    const { errors, ended } = stream;
    assert.ok(await ended.first(() => true, 2000), "the stream ends");
    const [error, ...others] = errors.all;
    assert.deepEqual(others, []);
    if (name === "GraphQLWsLink") {
      assert.match(error.message, /4403/);
    } else {
      assert.ok(CombinedGraphQLErrors.is(error) || CombinedProtocolErrors.is(error), String(error));
      const [{ extensions }] = error.errors;
      assert.deepEqual([extensions.code, extensions.reason], ["UNAUTHENTICATED", "SESSION_ENDED"]);
    }
  });
}

for (const name of ["multipart", "multipart with persisted queries"]) {
  test(`subscription over ${name} with an invalid token fails with its code`, async () => {
    const { errors, ended } = subscribe(clientOver({ token: "nonsense" }, ...forSubscriptions[name]()));
    assert.ok(await ended.first(() => true), "the stream ends");
    const [error] = errors.all;
    assert.ok(CombinedGraphQLErrors.is(error) || CombinedProtocolErrors.is(error), String(error));
    assert.equal(error.errors[0].extensions.code, "UNAUTHENTICATED");
  });
}
