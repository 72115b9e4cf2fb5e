// Runs the code generated for typed clients and for Relay against the server.

import assert from "node:assert/strict";
import { test } from "node:test";
import relay from "relay-runtime";

import { PASSWORD, address, execute, signUp, url } from "./cubby.js";
import * as tasks from "./types/made/js/codegen/tasks.js";
import { create, list, more, ofUser, refresh, remove, row } from "./types/made/js/relay/artifacts.js";

test("generated types match the responses", async () => {
  const anonymous = (query, variables) => execute(query, variables);
  const email = address("ana");
  const weak = await tasks.signUp(anonymous, { email, password: "short" });
  assert.deepEqual(weak.problems, ["input.password: TOO_SHORT"]);
  const { token, problems } = await tasks.signUp(anonymous, { email, password: PASSWORD });
  assert.deepEqual(problems, []);

  const ana = (query, variables) => execute(query, variables, token);
  const titles = ["One", "Two", "Three", "Four", "Five"];
  for (const title of titles) assert.deepEqual((await tasks.create(ana, title)).problems, []);
  assert.deepEqual(await tasks.titles(ana, 2), titles.toReversed());
  assert.deepEqual((await tasks.create(ana, " ")).problems, ["input.title: REQUIRED"]);

  const { task, count } = await tasks.create(ana, "Six");
  assert.equal(count, 6);
  const urgent = await tasks.makeUrgent(ana, task.id, task.version);
  assert.deepEqual([urgent.task.priority, urgent.task.version], ["URGENT", 2]);
  const late = await tasks.makeUrgent(ana, task.id, task.version);
  assert.deepEqual(late.problems, [`input.ifVersion: VERSION_CONFLICT ${urgent.task.version}`]);
  assert.equal(await tasks.kindOf(ana, task.id), "task Six");
});

test("Relay pages a connection, refetches a node, adds and deletes edges", async () => {
  const ana = await signUp("ana");
  for (const title of ["One", "Two", "Three"]) await ana.create(title);
  const environment = environmentFor(ana);
  const shown = () => {
    const { viewer } = environment.lookup(relay.createOperationDescriptor(list, {}).fragment).data;
    const { tasks } = read(environment, ofUser, viewer);
    return tasks.edges.map(({ node }) => read(environment, row, node).title);
  };

  const { viewer } = await fetchAndRetain(environment, list, {});
  assert.deepEqual(shown(), ["Three", "Two"]);
  const { tasks } = read(environment, ofUser, viewer);
  assert.equal(tasks.totalCount, 3);
  assert.equal(tasks.pageInfo.hasNextPage, true);
  await fetchAndRetain(environment, more, { id: viewer.id, count: 2, cursor: tasks.pageInfo.endCursor });
  assert.deepEqual(shown(), ["Three", "Two", "One"]);

  const { id } = tasks.edges[0].node;
  await ana.rename(id, "Three and a half");
  await fetchAndRetain(environment, refresh, { id });
  assert.deepEqual(shown(), ["Three and a half", "Two", "One"]);

  const connections = [relay.ConnectionHandler.getConnectionID(viewer.id, "TaskList_tasks")];
  await commit(environment, create, { input: { title: "Four" }, connections });
  assert.deepEqual(shown(), ["Four", "Three and a half", "Two", "One"]);
  await commit(environment, remove, { input: { id }, connections });
  assert.deepEqual(shown(), ["Four", "Two", "One"]);
});

function environmentFor({ authorization }) {
  const network = relay.Network.create(async ({ text: query }, variables) => {
    const response = await fetch(url, {
      method: "POST",
      headers: { "content-type": "application/json", authorization },
      body: JSON.stringify({ query, variables }),
    });
    return response.json();
  });
  const store = new relay.Store(new relay.RecordSource());
  return new relay.Environment({ network, store });
}

async function fetchAndRetain(environment, query, variables) {
  environment.retain(relay.createOperationDescriptor(query, variables));
  return relay.fetchQuery(environment, query, variables).toPromise();
}

const read = (environment, fragment, of) =>
  environment.lookup(relay.getSingularSelector(fragment, of)).data;

const commit = (environment, mutation, variables) =>
  new Promise((resolve, reject) => {
    relay.commitMutation(environment, { mutation, variables, onCompleted: resolve, onError: reject });
  });
