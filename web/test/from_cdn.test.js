// Tests the page of a binary without embedded GraphiQL, in a browser. The packages cdn-* of
// package.json are copies of the CDN's files, so the page's integrity hashes are checked against
// them.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { after, before, test } from "node:test";

import { launch, open, runOperation, screenshot } from "./browser.js";

let browser;
before(async () => (browser = await launch()));
after(() => browser?.close());

/** Responds as the CDN does, with each file changed by `change`. */
const answerAsCdn =
  (change = (_path, content) => content) =>
  (page) =>
    page.route("https://cdn.jsdelivr.net/**", async (route) => {
      const path = new URL(route.request().url()).pathname;
      const [, name, version, file] = path.match(/^\/npm\/([^@]+)@([^/]+)\/(.+)$/);
      const read = (file) => readFile(new URL(`../node_modules/cdn-${name}/${file}`, import.meta.url));
      assert.equal(JSON.parse(await read("package.json")).version, version);
      await route.fulfill({
        body: change(path, await read(file)),
        contentType: path.endsWith(".css") ? "text/css" : "text/javascript",
        headers: { "access-control-allow-origin": "*" },
      });
    });

test("page loads its files from the CDN and runs a query", async () => {
  const { page, errors } = await open(browser, { prepare: answerAsCdn() });
  const answer = await runOperation(page);
  assert.equal(answer.data.service.limits.maxPageSize, 100);
  await page.locator(".result-window").getByText("maxPageSize").waitFor();
  await screenshot(page, "from_cdn");
  assert.deepEqual(errors, []);
});

test("page rejects a CDN file with other content", async () => {
  const change = (path, content) =>
    path.includes("graphiql.min.js") ? `${content}\nglobalThis.ran = true;` : content;
  const { page, errors } = await open(browser, { prepare: answerAsCdn(change) });
  await page.waitForLoadState();
  assert.equal(await page.evaluate(() => globalThis.ran), undefined);
  assert.ok(errors.some((error) => error.includes("integrity")), errors.join("\n"));
});

test("page without the CDN shows an explanation and a link to the schema", async () => {
  const prepare = (page) => page.route("https://cdn.jsdelivr.net/**", (route) => route.abort("connectionrefused"));
  const { page } = await open(browser, { prepare });
  await page.getByRole("heading", { name: "GraphiQL could not be loaded from cdn.jsdelivr.net" }).waitFor();
  await screenshot(page, "cdn_unreachable");
  await page.getByRole("link", { name: "/graphql/schema.graphql" }).click();
  await page.getByText("type Query").first().waitFor();
});
