// The page of a binary that has no GraphiQL in it, in a browser. The packages cdn-* of package.json
// are what the CDN has, so that the page's hashes are held against the files.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { after, before, test } from "node:test";

import { launch, open, runIt, screenshot } from "./browser.js";

let browser;
before(async () => (browser = await launch()));
after(() => browser?.close());

/** Answers as the CDN does, and hands on what `change` makes of each file. */
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

test("the page loads from the CDN exactly what it names, and works", async () => {
  const { page, wrongs } = await open(browser, { prepare: answerAsCdn() });
  const answer = await runIt(page);
  assert.equal(answer.data.service.limits.maxPageSize, 100);
  await page.locator(".result-window").getByText("maxPageSize").waitFor();
  await screenshot(page, "from_cdn");
  assert.deepEqual(wrongs, []);
});

test("a file of the CDN's with another content is not run", async () => {
  const change = (path, content) =>
    path.includes("graphiql.min.js") ? `${content}\nglobalThis.ran = true;` : content;
  const { page, wrongs } = await open(browser, { prepare: answerAsCdn(change) });
  await page.waitForLoadState();
  assert.equal(await page.evaluate(() => globalThis.ran), undefined);
  assert.ok(wrongs.some((wrong) => wrong.includes("integrity")), wrongs.join("\n"));
});

test("without the CDN the page says what to do, and links to the schema", async () => {
  const prepare = (page) => page.route("https://cdn.jsdelivr.net/**", (route) => route.abort("connectionrefused"));
  const { page } = await open(browser, { prepare });
  await page.getByRole("heading", { name: "GraphiQL could not be loaded from cdn.jsdelivr.net" }).waitFor();
  await screenshot(page, "cdn_unreachable");
  await page.getByRole("link", { name: "/graphql/schema.graphql" }).click();
  await page.getByText("type Query").first().waitFor();
});
