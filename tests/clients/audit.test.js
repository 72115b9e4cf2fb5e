// Runs the audits of the GraphQL over HTTP working group.

import assert from "node:assert/strict";
import { test } from "node:test";
import { serverAudits } from "graphql-http";

import { url } from "./cubby.js";

const audits = serverAudits({ url });

test("number of audits is unchanged", () => assert.equal(audits.length, 61));

// Recommended and optional audits must pass too.
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
