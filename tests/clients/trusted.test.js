// Tests trusted documents with the manifests that front-end tools generate (`npm run types`).

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { before, test } from "node:test";

import { ApolloClient, ApolloLink, HttpLink, InMemoryCache, gql } from "@apollo/client";
import { PersistedQueryLink } from "@apollo/client/link/persisted-queries";

import { PASSWORD, startCubby } from "./cubby.js";

const file = (name) => fileURLToPath(new URL(`types/made/${name}`, import.meta.url));
const read = async (name) => JSON.parse(await readFile(file(name), "utf8"));
const APOLLO = "apollo-persisted.json";
const CODEGEN = "gql/persisted-documents.json";
const RELAY = "relay-persisted.json";

let url;
before(async () => {
  const files = [APOLLO, CODEGEN, RELAY].map(file).join(",");
  url = await startCubby({ CUBBY_TRUSTED_DOCUMENTS: files, CUBBY_TRUSTED_DOCUMENTS_ONLY: "on" });
});

const send = (body, token) =>
  fetch(url, {
    method: "POST",
    headers: { "content-type": "application/json", ...(token && { authorization: `Bearer ${token}` }) },
    body: JSON.stringify(body),
  });

const post = async (body, token) => (await send(body, token)).json();

/** Returns the id of the document that contains `text`, in a manifest that is an object. */
const idOf = (manifest, text) => Object.entries(manifest).find(([, document]) => document.includes(text))[0];

async function signUp(name) {
  const id = idOf(await read(CODEGEN), "mutation SignUp");
  const variables = { input: { email: `${name}@example.com`, password: PASSWORD } };
  const { data, errors } = await post({ documentId: id, variables });
  assert.equal(errors, undefined, JSON.stringify(errors));
  return data.signUp.tokens.accessToken;
}

test("each document of each manifest is found by its id", async () => {
  const { operations } = await read(APOLLO);
  const ids = [...operations.map(({ id }) => id), ...Object.keys(await read(CODEGEN)), ...Object.keys(await read(RELAY))];
  assert.ok(ids.length >= 15, `${ids.length}`);
  for (const documentId of ids) {
    // Without variables the document may fail, and a subscription is a stream; both show that it
    // was found.
    const answer = await (await send({ documentId })).text();
    assert.doesNotMatch(answer, /PERSISTED|BAD_REQUEST/, `${documentId}: ${answer}`);
    assert.match(answer, /"data"|BAD_USER_INPUT/, `${documentId}: ${answer}`);
  }
});

test("only documents of graphql-codegen's and Relay's manifests run", async () => {
  const token = await signUp("ana");
  const relay = await read(RELAY);
  const create = idOf(relay, "mutation TaskListCreateMutation");
  const created = await post({ documentId: create, variables: { input: { title: "Buy milk" } } }, token);
  assert.equal(created.errors, undefined, JSON.stringify(created));
  const listed = await post({ documentId: idOf(relay, "query TaskListQuery") }, token);
  assert.equal(listed.data.viewer.tasks.totalCount, 1);
  const free = await post({ query: "{ viewer { id } }" }, token);
  assert.equal(free.errors[0].extensions.code, "PERSISTED_QUERY_NOT_IN_LIST");
});

test("Apollo Client sends hashes, and other documents are rejected", async () => {
  const token = await signUp("ben");
  const { operations } = await read(APOLLO);
  const { id, body } = operations.find(({ type, body }) => type === "query" && body.includes("viewer"));
  assert.equal(createHash("sha256").update(body).digest("hex"), id);
  const sent = [];
  const counting = (input, init) => {
    sent.push(JSON.parse(init.body));
    return fetch(input, { ...init, headers: { ...init.headers, authorization: `Bearer ${token}` } });
  };
  const client = (generateHash) =>
    new ApolloClient({
      cache: new InMemoryCache(),
      link: ApolloLink.from([new PersistedQueryLink({ generateHash }), new HttpLink({ uri: url, fetch: counting })]),
    });
  const { data } = await client(() => id).query({ query: gql(body) });
  assert.ok(data.viewer, JSON.stringify(data));
  assert.equal(sent.length, 1);
  assert.equal(sent[0].query, undefined);
  const sha256 = (document) => createHash("sha256").update(document.loc.source.body).digest("hex");
  await assert.rejects(client(sha256).query({ query: gql`query Other { viewer { email } }` }));
});
