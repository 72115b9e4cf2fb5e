// Apollo Client, with the links that its documentation puts together.

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
  hearsWhatItsPersonDoes,
  Heard,
  isOpen,
  signUp,
  socketUrl,
  url,
} from "./cubby.js";

// A browser has it; Node.js has it from 22 on, and the link looks nowhere else.
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

/** A client that sends `session.token`, as far as there is one, over the links that are given. */
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
    const shown = new Heard();
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
        // A session that has ended does not come back.
        shouldRetry: (event) => event?.code !== 4403,
      }),
    ),
  ],
};

// A stream that a failed test has left open would keep the process.
const streams = [];
after(() => streams.forEach((stream) => stream.unsubscribe()));

/** Subscribes, and keeps what comes: each change, each error, and that it was the last. */
function subscribe(client) {
  const changes = new Heard();
  const errors = new Heard();
  const over = new Heard();
  const subscription = client.subscribe({ query: gql(TASK_CHANGES) }).subscribe({
    next({ data, error }) {
      if (data) changes.push(data.taskChanges);
      if (error) errors.push(error);
    },
    error(error) {
      errors.push(error);
      over.push(true);
    },
    complete: () => over.push(true),
  });
  const stream = { changes, errors, over, unsubscribe: () => subscription.unsubscribe() };
  streams.push(stream);
  return stream;
}

for (const [name, links] of Object.entries(forSubscriptions)) {
  test(`a subscription over ${name} hears what its person does`, async () => {
    const ana = await signUp("ana");
    const stream = subscribe(clientOver(ana, ...links(ana)));
    await hearsWhatItsPersonDoes(ana, stream);
    stream.unsubscribe();
    assert.deepEqual(stream.errors.all, []);
  });

  test(`a subscription over ${name} ends with its session`, async () => {
    const ana = await signUp("ana");
    const stream = subscribe(clientOver(ana, ...links(ana)));
    await isOpen(ana, stream);
    await ana.signOut();
    const { errors, over } = stream;
    assert.ok(await over.first(() => true, 2000), "it ends");
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
  test(`a subscription over ${name} that nobody may open says why`, async () => {
    const { errors, over } = subscribe(clientOver({ token: "nonsense" }, ...forSubscriptions[name]()));
    assert.ok(await over.first(() => true), "it ends");
    const [error] = errors.all;
    assert.ok(CombinedGraphQLErrors.is(error) || CombinedProtocolErrors.is(error), String(error));
    assert.equal(error.errors[0].extensions.code, "UNAUTHENTICATED");
  });
}
