// Tests Better Auth as an external provider, whose tokens Cubby accepts.

import assert from "node:assert/strict";
import { createServer } from "node:http";
import { after, test } from "node:test";

import { betterAuth } from "better-auth";
import { memoryAdapter } from "better-auth/adapters/memory";
import { toNodeHandler } from "better-auth/node";
import { jwt } from "better-auth/plugins";
import { SignJWT } from "jose";

import { startCubby } from "./cubby.js";

const SECRET = "a secret that both servers share, 32 bytes";
const TASKS = "{ viewer { id email name tasks { nodes { title } } } }";

const ends = [];
after(async () => {
  for (const end of ends.reverse()) await end();
});

/** Starts a Better Auth server with these options of its JWT plugin. */
async function betterAuthServer(options) {
  let handler;
  const server = createServer((request, response) => handler(request, response));
  await new Promise((listening) => server.listen(0, "127.0.0.1", listening));
  ends.push(() => new Promise((closed) => server.close(closed).closeAllConnections()));
  const baseURL = `http://127.0.0.1:${server.address().port}`;
  const auth = betterAuth({
    baseURL,
    secret: "a secret of Better Auth's own, for its cookies",
    database: memoryAdapter({ user: [], session: [], account: [], verification: [], jwks: [] }),
    emailAndPassword: { enabled: true },
    rateLimit: { enabled: false },
    telemetry: { enabled: false },
    plugins: [jwt(options(baseURL))],
  });
  handler = toNodeHandler(auth);
  const call = async (path, body, cookie) => {
    const response = await fetch(`${baseURL}/api/auth/${path}`, {
      method: body ? "POST" : "GET",
      headers: { origin: baseURL, ...(body && { "content-type": "application/json" }), ...(cookie && { cookie }) },
      body: body && JSON.stringify(body),
    });
    assert.equal(response.status, 200, `${path}: ${response.status} ${await response.clone().text()}`);
    return response;
  };
  return {
    baseURL,
    /** Signs up a user, and returns a function that fetches a token. */
    async signUp(name) {
      const email = `${name}@example.com`;
      const response = await call("sign-up/email", { name, email, password: "correct horse" });
      const cookie = response.headers.getSetCookie().map((set) => set.split(";")[0]).join("; ");
      return async () => (await (await call("token", undefined, cookie)).json()).token;
    },
  };
}

const cubby = (issuers) => startCubby({ CUBBY_TRUSTED_ISSUERS: JSON.stringify(issuers) });

async function execute(url, token, query, status = 200) {
  const response = await fetch(url, {
    method: "POST",
    headers: { "content-type": "application/json", authorization: `Bearer ${token}` },
    body: JSON.stringify({ query }),
  });
  const body = await response.json();
  assert.equal(response.status, status, JSON.stringify(body));
  if (status === 200) assert.equal(body.errors, undefined, JSON.stringify(body));
  return body;
}

async function anaAndBen(url, provider) {
  const ana = await provider.signUp("ana");
  const ben = await provider.signUp("ben");
  await execute(url, await ana(), 'mutation { createTask(input: { title: "Buy milk" }) { task { id } } }');
  const hers = (await execute(url, await ana(), TASKS)).data.viewer;
  assert.equal(hers.email, "ana@example.com");
  assert.equal(hers.name, "ana");
  assert.deepEqual(hers.tasks.nodes, [{ title: "Buy milk" }]);
  const his = (await execute(url, await ben(), TASKS)).data.viewer;
  assert.deepEqual(his.tasks.nodes, []);
  assert.notEqual(his.id, hers.id);
  // Changes one character of the signature.
  const token = await ana();
  const [head, body, signature] = token.split(".");
  const other = signature.startsWith("A") ? "B" : "A";
  const forged = await execute(url, `${head}.${body}.${other}${signature.slice(1)}`, TASKS, 401);
  assert.equal(forged.errors[0].extensions.reason, "TOKEN_INVALID");
  return ana;
}

for (const [algorithm, keyPairConfig] of [
  ["EdDSA", undefined],
  ["ES256", { alg: "ES256" }],
  ["RS256", { alg: "RS256" }],
]) {
  test(`tokens signed by Better Auth's published keys are accepted, ${algorithm}`, async () => {
    const provider = await betterAuthServer(() => ({ jwks: { keyPairConfig } }));
    const { baseURL } = provider;
    const trusted = { issuer: baseURL, audience: baseURL, jwks: `${baseURL}/api/auth/jwks`, algorithm };
    const ana = await anaAndBen(await cubby([trusted]), provider);
    const elsewhere = await cubby([{ ...trusted, audience: "https://another.example" }]);
    const refused = await execute(elsewhere, await ana(), TASKS, 401);
    assert.equal(refused.errors[0].extensions.reason, "TOKEN_INVALID");
  });
}

test("tokens signed by a shared secret are accepted", async () => {
  const sign = (payload) => new SignJWT(payload).setProtectedHeader({ alg: "HS256" }).sign(new TextEncoder().encode(SECRET));
  const provider = await betterAuthServer((baseURL) => ({
    // Better Auth requires this option with a custom `sign`, but does not use it.
    jwks: { remoteUrl: `${baseURL}/none`, keyPairConfig: { alg: "EdDSA" } },
    jwt: { sign },
  }));
  const { baseURL } = provider;
  const ana = await anaAndBen(await cubby([{ issuer: baseURL, audience: baseURL, secret: SECRET }]), provider);
  const other = await cubby([{ issuer: baseURL, audience: baseURL, secret: `${SECRET}.` }]);
  await execute(other, await ana(), TASKS, 401);
});
