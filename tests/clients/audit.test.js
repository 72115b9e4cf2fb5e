// GraphQL over HTTP, as its working group's own audits measure it.

import assert from "node:assert/strict";
import { test } from "node:test";
import { serverAudits } from "graphql-http";

import { url } from "./cubby.js";

const audits = serverAudits({ url });

test("all audits are there", () => assert.equal(audits.length, 61));

// What is recommended or optional must be so here, too.
for (const audit of audits) {
  test(`${audit.id} ${audit.name}`, async () => {
    const result = await audit.fn();
    assert.equal(result.status, "ok", result.status === "ok" ? "" : await why(result));
  });
}

async function why({ status, reason, response }) {
  const body = response.bodyUsed ? "" : await response.text();
  return `${status}: ${reason}\n${response.status} ${response.headers.get("content-type")}\n${body}`;
}
