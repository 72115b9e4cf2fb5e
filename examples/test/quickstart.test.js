// Tests the code blocks of the quickstart.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { cp, mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

import { PASSWORD, newEmail, open } from "./browser.js";
import { signInElsewhere } from "./elsewhere.js";
import { cubby, frontEnd } from "./servers.js";

const run = promisify(execFile);
const here = (path) => new URL(path, import.meta.url);
const text = await readFile(here("../../specs/001-user-auth/quickstart.md"), "utf8");
const blocks = [...text.matchAll(/^```(?:js|ts)\n(.*?)^```$/gms)].map(([, code]) => code);

/** Returns the only code block that contains `part`. */
function block(part) {
  const found = blocks.filter((code) => code.includes(part));
  assert.equal(found.length, 1, `${found.length} blocks contain ${part}`);
  return found[0];
}

/** Creates a directory whose files can import the packages of an example. */
async function makeDirectory(example, files) {
  const directory = here(`../${example}/node_modules/.quickstart/`);
  await rm(directory, { recursive: true, force: true });
  await mkdir(new URL("src/", directory), { recursive: true });
  for (const name of ["vite.config.ts", "tsconfig.json"]) await cp(here(`../${example}/${name}`), new URL(name, directory));
  for (const [name, content] of Object.entries(files)) await writeFile(new URL(name, directory), content);
  return directory;
}

const bin = (name) => fileURLToPath(here(`../apollo/node_modules/.bin/${name}`));

/** Opens a page with the quickstart's client and session as globals, with a Cubby instance of its own. */
async function openPage(t, example, client) {
  const directory = await makeDirectory(example, {
    "index.html": '<link rel="icon" href="data:," /><script type="module" src="/src/main.js"></script>',
    "src/main.js": client.main,
    "src/client.js": client.code,
    "src/session.ts": await readFile(here(`../${example}/src/session.ts`), "utf8"),
  });
  await run(bin("vite"), ["build"], { cwd: fileURLToPath(directory) });
  const server = await cubby();
  t.after(() => server.remove());
  const site = await frontEnd(directory, server.url);
  t.after(() => site.stop());
  const { page, pageErrors } = await open(t, site.url);
  const email = newEmail();
  await page.waitForFunction(() => globalThis.session);
  await page.evaluate(
    async ([email, password]) => {
      const query = "mutation ($input: SignUpInput!) { signUp(input: $input) { tokens { accessToken } } }";
      const { data } = await run(newClient(), "mutate", query, { input: { email, password, delivery: "HYBRID" } });
      session.enter(data.signUp.tokens);
    },
    [email, PASSWORD],
  );
  const elsewhere = await signInElsewhere(server.url, email, PASSWORD);
  await elsewhere.createAll(["Done 1", "Done 2", "Done 3"]);
  for (const { id } of await elsewhere.tasks()) await elsewhere.complete(id);
  await elsewhere.createAll(["Open 1", "Open 2", "Open 3"]);
  return { server, page, pageErrors };
}

const TASKS = `query Tasks($completed: Boolean, $after: String) {
  viewer {
    id
    tasks(first: 2, after: $after, filter: { completed: $completed }) {
      edges { cursor node { id title } }
      pageInfo { endCursor hasNextPage }
    }
  }
}`;

const APOLLO = `
  import { gql } from "@apollo/client";
  import { newClient } from "./client";
  import * as session from "./session";
  const run = (client, kind, text, variables) =>
    kind === "mutate"
      ? client.mutate({ mutation: gql(text), variables })
      : client.query({ query: gql(text), variables });
  Object.assign(globalThis, { gql, newClient, run, session });
`;

test("Apollo Client: each filter has its own list", async (t) => {
  const code = block("relayStylePagination([");
  const { page, pageErrors } = await openPage(t, "apollo", { main: APOLLO, code });
  const shown = await page.evaluate(async (text) => {
    const client = newClient();
    const query = gql(text);
    const [open, done] = [false, true].map((completed) => client.watchQuery({ query, variables: { completed } }));
    const titles = ({ variables }) =>
      client.readQuery({ query, variables }).viewer.tasks.edges.map(({ node }) => node.title);
    for (const list of [open, done]) {
      await new Promise((resolve) => list.subscribe(({ dataState }) => dataState === "complete" && resolve()));
    }
    const first = [titles(open), titles(done)];
    for (const list of [open, done]) {
      const after = list.getCurrentResult().data.viewer.tasks.pageInfo.endCursor;
      await list.fetchMore({ variables: { after } });
    }
    return [...first, titles(open), titles(done)];
  }, TASKS);
  assert.deepEqual(shown, [
    ["Open 3", "Open 2"],
    ["Done 3", "Done 2"],
    ["Open 3", "Open 2", "Open 1"],
    ["Done 3", "Done 2", "Done 1"],
  ]);
  assert.deepEqual(pageErrors, []);
});

const URQL = `
  import { newClient } from "./client";
  import * as session from "./session";
  const run = (client, kind, text, variables) => client[kind === "mutate" ? "mutation" : "query"](text, variables);
  Object.assign(globalThis, { newClient, run, session });
`;

test("urql: each filter has its own list", async (t) => {
  const code = block("cacheExchange");
  const { page, pageErrors } = await openPage(t, "urql", { main: URQL, code });
  const shown = await page.evaluate(async (text) => {
    const client = newClient();
    const titles = [];
    for (const completed of [false, true, false]) {
      const { data } = await run(client, "query", text, { completed });
      titles.push(data.viewer.tasks.edges.map(({ node }) => node.title));
    }
    return titles;
  }, TASKS);
  assert.deepEqual(shown, [
    ["Open 3", "Open 2"],
    ["Done 3", "Done 2"],
    ["Open 3", "Open 2"],
  ]);
  assert.deepEqual(pageErrors, []);
});

test("resume returns the state of the session and never throws", async (t) => {
  const { server, page, pageErrors } = await openPage(t, "apollo", { main: APOLLO, code: block("relayStylePagination([") });
  const resume = async () => {
    await page.reload();
    await page.waitForFunction(() => globalThis.session);
    return page.evaluate(() => session.resume());
  };
  assert.equal(await resume(), "signed in");
  await server.stop();
  assert.equal(await resume(), "unreachable");
  await server.restart();
  assert.equal(await resume(), "signed in");
  await page.evaluate(() => session.signOut());
  assert.equal(await resume(), "signed out");
  assert.deepEqual(pageErrors, []);
});

test("optimisticResponse compiles with the generated types", async () => {
  const directory = await makeDirectory("apollo", {
    "codegen.ts": block("CodegenConfig"),
    "schema.graphql": await readFile(here("../../schema.graphql")),
    "src/main.ts": `
      import type { ApolloClient } from "@apollo/client";
      import { graphql } from "./gql";
      const SET_COMPLETED = graphql(\`
        mutation SetCompleted($id: ID!, $completed: Boolean!) {
          setTaskCompleted(input: { id: $id, completed: $completed }) {
            task { id version completed }
            userErrors { message }
          }
        }
      \`);
      type Task = { __typename: "Task"; id: string; version: number; completed: boolean };
      export async function complete(client: ApolloClient, task: Task) {
        ${block("optimisticResponse:")}
      }
    `,
  });
  const options = { cwd: fileURLToPath(directory) };
  await run(bin("graphql-codegen"), ["--config", "codegen.ts"], options);
  await run(bin("tsc"), ["--project", "tsconfig.json"], options).catch(({ stdout }) => assert.fail(stdout));
});
