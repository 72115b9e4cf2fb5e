// GraphiQL as it is built into the binary, in a browser.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { isAnswer, launch, open, runIt, screenshot, url } from "./browser.js";

const PASSWORD = "correct horse battery";
const NARROW = { width: 390, height: 844 };

let browser;
before(async () => (browser = await launch()));
after(() => browser?.close());

/** An address that nobody has yet. */
const somebody = () => `ana-${crypto.randomUUID().slice(0, 8)}@example.com`;

/** Puts the operation in place of the one that is there. */
async function write(page, operation) {
  await page.waitForFunction(() => globalThis.__MONACO);
  await page.evaluate((operation) => {
    // Typed, it would have brackets closed and names completed.
    const models = globalThis.__MONACO.editor.getModels();
    models.find((model) => model.getLanguageId() === "graphql").setValue(operation);
  }, operation);
}

async function run(page, operation) {
  await write(page, operation);
  return runIt(page);
}

/** Does it again and again, for ten seconds at most, until it says that it is so. */
async function expectEventually(isSo) {
  for (let tries = 0; tries < 50; tries += 1) {
    if (await isSo()) return;
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  assert.fail("it never came to be");
}

const told = (page) => page.locator("form").getByRole("alert");

async function press(page, button, email, password = PASSWORD) {
  await page.getByLabel("E-mail").fill(email);
  await page.getByLabel("Password").fill(password);
  await page.getByRole("button", { name: button, exact: true }).click();
}

async function signUp(page) {
  const email = somebody();
  await press(page, "Sign up", email);
  await page.getByText(`Signed in as ${email}`).waitFor();
  return email;
}

test("whoever arrives can run the query that is there", async () => {
  const { page, wrongs } = await open(browser);
  const answer = await runIt(page);
  assert.equal(answer.data.service.limits.maxPageSize, 100);
  await page.locator(".result-window").getByText("maxPageSize").waitFor();
  await screenshot(page, "arrived");
  assert.deepEqual(wrongs, []);
});

test("an operation is checked and completed in a worker", async () => {
  const { page, wrongs } = await open(browser);
  await page.locator(".graphiql-query-editor .view-lines").click();
  await page.keyboard.press("ControlOrMeta+A");
  await page.keyboard.type("{ vie");
  await page.locator(".suggest-widget").getByText("viewer").waitFor();
  await page.locator(".graphiql-query-editor .squiggly-error").first().waitFor();
  assert.deepEqual(wrongs, []);
});

test("every other part of GraphiQL is let work", async () => {
  const { page, wrongs } = await open(browser);
  await runIt(page);
  await page.getByLabel("Show Documentation Explorer").click();
  await page.locator(".graphiql-doc-explorer").getByText("Query", { exact: true }).click();
  await page.locator(".graphiql-doc-explorer").getByText("viewer", { exact: true }).waitFor();
  await screenshot(page, "documentation");
  await page.getByLabel("Show History").click();
  await page.locator(".graphiql-history-item").first().waitFor();
  await page.getByLabel("Prettify query").click();
  await page.getByRole("button", { name: "Headers" }).click();
  await page.getByLabel("Open settings dialog").click();
  await page.getByRole("button", { name: "Dark" }).click();
  await page.keyboard.press("Escape");
  await screenshot(page, "dark");
  await page.locator(".graphiql-query-editor .view-lines").click({ button: "right" });
  await page.getByText("Command Palette").waitFor();
  await page.keyboard.press("Escape");
  assert.deepEqual(wrongs, []);
});

test("somebody signs up, asks as themselves, signs out and is nobody", async () => {
  const { page, wrongs } = await open(browser);
  const email = await signUp(page);
  await screenshot(page, "signed_in");
  const answer = await run(page, "{ viewer { email currentSession { label } } }");
  assert.deepEqual(answer.data.viewer, { email, currentSession: { label: "GraphiQL" } });

  await page.getByRole("button", { name: "Sign out" }).click();
  await page.getByLabel("Password").waitFor();
  assert.deepEqual(await run(page, "{ viewer { email } }"), { data: { viewer: null } });

  await press(page, "Sign in", email);
  await page.getByText(`Signed in as ${email}`).waitFor();
  assert.equal((await run(page, "{ viewer { email } }")).data.viewer.email, email);
  assert.deepEqual(wrongs, []);
});

/** What a script finds that reads all storage of the page. */
async function readStorage(page) {
  const { cookies, origins } = await page.context().storageState({ indexedDB: true });
  return JSON.stringify([cookies, origins, await page.evaluate(() => ({ ...sessionStorage }))]);
}

test("a reload keeps the session, and no token is in storage before or after it", async () => {
  const { page, wrongs } = await open(browser);
  const answered = page.waitForResponse((response) => isAnswer(response, "signUp("));
  const email = await signUp(page);
  const { tokens } = (await (await answered).json()).data.signUp;
  await run(page, "{ viewer { email } }");
  await page.reload();
  await page.getByText(`Signed in as ${email}`).waitFor();
  assert.equal((await run(page, "{ viewer { email } }")).data.viewer.email, email);
  await page.reload();
  await page.getByText(`Signed in as ${email}`).waitFor();
  const kept = await readStorage(page);
  assert.ok(kept.includes("viewer"), "GraphiQL keeps its tabs");
  for (const secret of [...Object.values(tokens), PASSWORD]) assert.ok(!kept.includes(secret));

  const [copy] = await Promise.all([page.waitForEvent("popup"), page.evaluate(() => void window.open("/"))]);
  await copy.getByLabel("Password").waitFor();

  await page.getByRole("button", { name: "Sign out" }).click();
  await page.reload();
  await page.getByLabel("Password").waitFor();
  assert.ok(!(await readStorage(page)).includes(tokens.refreshToken));
  assert.deepEqual(wrongs, []);
});

test("a reload after the access token has expired refreshes the session", async () => {
  const { page, wrongs } = await open(browser);
  const email = await signUp(page);
  const refreshed = page.waitForResponse((response) => isAnswer(response, "refreshSession("));
  let old;
  await page.route("**/graphql", (route) => {
    const { authorization } = route.request().headers();
    old ??= authorization;
    if (!authorization || authorization !== old) return route.continue();
    return route.fulfill({
      status: 401,
      json: { errors: [{ message: "Expired.", extensions: { code: "UNAUTHENTICATED", reason: "TOKEN_EXPIRED" } }] },
    });
  });
  await page.reload();
  await refreshed;
  await page.getByText(`Signed in as ${email}`).waitFor();
  assert.equal((await run(page, "{ viewer { email } }")).data.viewer.email, email);
  assert.deepEqual(wrongs, []);
});

test("a reload after the session has ended signs out, says so, and has the schema", async () => {
  const { page, wrongs } = await open(browser);
  const email = await signUp(page);
  const other = await open(browser);
  await press(other.page, "Sign in", email);
  await other.page.getByText("Signed in as").waitFor();
  await run(other.page, "mutation { signOut(input: { everywhere: true }) { endedSessions } }");
  await page.reload();
  await told(page).getByText("The session has ended. Sign in again.").waitFor();
  await page.getByLabel("Show Documentation Explorer").click();
  await page.locator(".graphiql-doc-explorer").getByText("Query", { exact: true }).waitFor();
  assert.deepEqual(wrongs, []);
});

test("what is wrong with what was typed is told beside it", async () => {
  const { page, wrongs } = await open(browser);
  await press(page, "Sign up", "nobody", "short");
  await told(page).waitFor();
  assert.equal(await page.getByLabel("E-mail").getAttribute("aria-invalid"), "true");
  assert.equal(await page.getByLabel("Password").getAttribute("aria-invalid"), "true");

  await press(page, "Sign in", somebody(), "not the password");
  await told(page).getByText("The address and the password").waitFor();
  await screenshot(page, "refused");
  assert.deepEqual(wrongs, []);
});

test("when the session has ended elsewhere the token is forgotten, and that is said", async () => {
  const { page, wrongs } = await open(browser);
  const email = await signUp(page);
  const other = await open(browser);
  await press(other.page, "Sign in", email);
  await other.page.getByText("Signed in as").waitFor();
  await run(other.page, "mutation { signOut(input: { everywhere: true }) { endedSessions } }");

  const answer = await run(page, "{ viewer { email } }");
  assert.equal(answer.errors[0].extensions.code, "UNAUTHENTICATED");
  await told(page).getByText("The session has ended. Sign in again.").waitFor();
  assert.deepEqual(await run(page, "{ viewer { email } }"), { data: { viewer: null } });
  assert.deepEqual(wrongs, []);
});

test("a subscription shows what happens as it happens, until its session ends", async () => {
  const { page, wrongs } = await open(browser);
  const email = await signUp(page);
  await write(page, "subscription Live { taskChanges { kind node { ... on Task { title } } } }");
  // GraphiQL has read the operation once it has named the tab after it.
  await page.locator(".graphiql-tab-active").getByText("Live").waitFor();
  const socket = page.waitForEvent("websocket");
  await page.locator(".graphiql-execute-button").click();
  await socket;

  const other = await open(browser);
  await press(other.page, "Sign in", email);
  await other.page.getByText("Signed in as").waitFor();
  const result = page.locator(".result-window");
  await expectEventually(async () => {
    // The first may be made before anybody listens.
    await run(other.page, `mutation { createTask(input: { title: "milk" }) { task { id } } }`);
    return result.getByText("milk").isVisible();
  });
  await screenshot(page, "subscribed");

  await run(other.page, "mutation { signOut(input: { everywhere: true }) { endedSessions } }");
  await told(page).getByText("The session has ended. Sign in again.").waitFor();
  assert.deepEqual(wrongs, []);
});

test("what the page does not name is not run", async () => {
  const { page, wrongs } = await open(browser);
  await page.getByLabel("E-mail").waitFor();
  const ran = await page.evaluate(async () => {
    const inline = document.createElement("script");
    inline.textContent = "globalThis.ran = 'inline'";
    const own = document.createElement("script");
    own.src = "/graphql/schema.graphql";
    const loaded = new Promise((resolve) => {
      own.onload = () => resolve(true);
      own.onerror = () => resolve(false);
    });
    document.body.append(inline, own);
    setTimeout("globalThis.made = true");
    const away = await fetch("https://example.com/").then(() => true, () => false);
    return { inline: globalThis.ran, own: await loaded, made: globalThis.made, away };
  });
  assert.deepEqual(ran, { inline: undefined, own: false, made: undefined, away: false });
  assert.ok(wrongs.length >= 3, wrongs.join("\n"));
});

test("it can be used on a narrow screen", async () => {
  const { page, wrongs } = await open(browser, NARROW);
  await screenshot(page, "narrow");
  await press(page, "Sign in", somebody(), "not the password");
  await told(page).waitFor();
  await screenshot(page, "narrow_refused");
  await signUp(page);
  await runIt(page);
  await page.locator(".result-window").getByText("maxPageSize").waitFor();
  await screenshot(page, "narrow_signed_in");
  const width = await page.evaluate(() => document.documentElement.scrollWidth);
  assert.ok(width <= NARROW.width, `the page is ${width} wide`);
  const result = await page.locator(".result-window").boundingBox();
  assert.ok(result.width > 300 && result.height > 150, JSON.stringify(result));
  await page.getByLabel("Show Documentation Explorer").click();
  await page.locator(".graphiql-doc-explorer").waitFor();
  await screenshot(page, "narrow_documentation");
  assert.deepEqual(wrongs, []);
});
