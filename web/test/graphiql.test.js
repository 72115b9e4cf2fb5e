// Tests the GraphiQL embedded in the binary, in a browser.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { isAnswer, launch, open, runOperation, screenshot, url } from "./browser.js";

const PASSWORD = "correct horse battery";
const NARROW = { width: 390, height: 844 };

let browser;
before(async () => (browser = await launch()));
after(() => browser?.close());

/** Returns an unused address. */
const newAddress = () => `ana-${crypto.randomUUID().slice(0, 8)}@example.com`;

/** Replaces the operation in the editor. */
async function write(page, operation) {
  await page.waitForFunction(() => globalThis.__MONACO);
  await page.evaluate((operation) => {
    // Typing would close brackets and complete names.
    const models = globalThis.__MONACO.editor.getModels();
    models.find((model) => model.getLanguageId() === "graphql").setValue(operation);
  }, operation);
}

async function run(page, operation) {
  await write(page, operation);
  return runOperation(page);
}

/** Polls until `isSo` resolves to true, for at most ten seconds. */
async function expectEventually(isSo) {
  for (let tries = 0; tries < 50; tries += 1) {
    if (await isSo()) return;
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  assert.fail("the condition was not met within ten seconds");
}

const alertOf = (page) => page.locator("form").getByRole("alert");

async function press(page, button, email, password = PASSWORD) {
  await page.getByLabel("E-mail").fill(email);
  await page.getByLabel("Password").fill(password);
  await page.getByRole("button", { name: button, exact: true }).click();
}

async function signUp(page) {
  const email = newAddress();
  await press(page, "Sign up", email);
  await page.getByText(`Signed in as ${email}`).waitFor();
  return email;
}

test("anonymous visitor can run the default query", async () => {
  const { page, errors } = await open(browser);
  const answer = await runOperation(page);
  assert.equal(answer.data.service.limits.maxPageSize, 100);
  await page.locator(".result-window").getByText("maxPageSize").waitFor();
  await screenshot(page, "anonymous");
  assert.deepEqual(errors, []);
});

test("editor validates and completes operations in a worker", async () => {
  const { page, errors } = await open(browser);
  await page.locator(".graphiql-query-editor .view-lines").click();
  await page.keyboard.press("ControlOrMeta+A");
  await page.keyboard.type("{ vie");
  await page.locator(".suggest-widget").getByText("viewer").waitFor();
  await page.locator(".graphiql-query-editor .squiggly-error").first().waitFor();
  assert.deepEqual(errors, []);
});

test("documentation, history, settings and menus work", async () => {
  const { page, errors } = await open(browser);
  await runOperation(page);
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
  assert.deepEqual(errors, []);
});

test("sign-up authenticates requests and sign-out ends that", async () => {
  const { page, errors } = await open(browser);
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
  assert.deepEqual(errors, []);
});

/** Returns all storage that a script on the page can read. */
async function readStorage(page) {
  const { cookies, origins } = await page.context().storageState({ indexedDB: true });
  return JSON.stringify([cookies, origins, await page.evaluate(() => ({ ...sessionStorage }))]);
}

test("reload preserves the session and leaves no token in storage", async () => {
  const { page, errors } = await open(browser);
  const answered = page.waitForResponse((response) => isAnswer(response, "signUp("));
  const email = await signUp(page);
  const { tokens } = (await (await answered).json()).data.signUp;
  await run(page, "{ viewer { email } }");
  await page.reload();
  await page.getByText(`Signed in as ${email}`).waitFor();
  assert.equal((await run(page, "{ viewer { email } }")).data.viewer.email, email);
  await page.reload();
  await page.getByText(`Signed in as ${email}`).waitFor();
  const stored = await readStorage(page);
  assert.ok(stored.includes("viewer"), "GraphiQL stores its tabs");
  for (const secret of [...Object.values(tokens), PASSWORD]) assert.ok(!stored.includes(secret));

  const [copy] = await Promise.all([page.waitForEvent("popup"), page.evaluate(() => void window.open("/"))]);
  await copy.getByLabel("Password").waitFor();

  await page.getByRole("button", { name: "Sign out" }).click();
  await page.reload();
  await page.getByLabel("Password").waitFor();
  assert.ok(!(await readStorage(page)).includes(tokens.refreshToken));
  assert.deepEqual(errors, []);
});

test("reload with an expired access token refreshes the session", async () => {
  const { page, errors } = await open(browser);
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
  assert.deepEqual(errors, []);
});

test("reload after the end of the session signs out and loads the schema", async () => {
  const { page, errors } = await open(browser);
  const email = await signUp(page);
  const other = await open(browser);
  await press(other.page, "Sign in", email);
  await other.page.getByText("Signed in as").waitFor();
  await run(other.page, "mutation { signOut(input: { everywhere: true }) { endedSessions } }");
  await page.reload();
  await alertOf(page).getByText("The session has ended. Sign in again.").waitFor();
  await page.getByLabel("Show Documentation Explorer").click();
  await page.locator(".graphiql-doc-explorer").getByText("Query", { exact: true }).waitFor();
  assert.deepEqual(errors, []);
});

test("form shows user errors and marks invalid fields", async () => {
  const { page, errors } = await open(browser);
  await press(page, "Sign up", "not-an-address", "short");
  await alertOf(page).waitFor();
  assert.equal(await page.getByLabel("E-mail").getAttribute("aria-invalid"), "true");
  assert.equal(await page.getByLabel("Password").getAttribute("aria-invalid"), "true");

  await press(page, "Sign in", newAddress(), "not the password");
  await alertOf(page).getByText("The address and the password").waitFor();
  await screenshot(page, "refused");
  assert.deepEqual(errors, []);
});

test("end of the session elsewhere signs out with a message", async () => {
  const { page, errors } = await open(browser);
  const email = await signUp(page);
  const other = await open(browser);
  await press(other.page, "Sign in", email);
  await other.page.getByText("Signed in as").waitFor();
  await run(other.page, "mutation { signOut(input: { everywhere: true }) { endedSessions } }");

  const answer = await run(page, "{ viewer { email } }");
  assert.equal(answer.errors[0].extensions.code, "UNAUTHENTICATED");
  await alertOf(page).getByText("The session has ended. Sign in again.").waitFor();
  assert.deepEqual(await run(page, "{ viewer { email } }"), { data: { viewer: null } });
  assert.deepEqual(errors, []);
});

test("subscription shows changes live until its session ends", async () => {
  const { page, errors } = await open(browser);
  const email = await signUp(page);
  await write(page, "subscription Live { taskChanges { kind node { ... on Task { title } } } }");
  // GraphiQL has parsed the operation when the tab has its name.
  await page.locator(".graphiql-tab-active").getByText("Live").waitFor();
  const socket = page.waitForEvent("websocket");
  await page.locator(".graphiql-execute-button").click();
  await socket;

  const other = await open(browser);
  await press(other.page, "Sign in", email);
  await other.page.getByText("Signed in as").waitFor();
  const result = page.locator(".result-window");
  await expectEventually(async () => {
    // The first tasks may be created before the subscription is active.
    await run(other.page, `mutation { createTask(input: { title: "milk" }) { task { id } } }`);
    return result.getByText("milk").isVisible();
  });
  await screenshot(page, "subscribed");

  await run(other.page, "mutation { signOut(input: { everywhere: true }) { endedSessions } }");
  await alertOf(page).getByText("The session has ended. Sign in again.").waitFor();
  assert.deepEqual(errors, []);
});

test("Content-Security-Policy blocks scripts and requests of others", async () => {
  const { page, errors } = await open(browser);
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
  assert.ok(errors.length >= 3, errors.join("\n"));
});

test("page is usable on a narrow screen", async () => {
  const { page, errors } = await open(browser, NARROW);
  await screenshot(page, "narrow");
  await press(page, "Sign in", newAddress(), "not the password");
  await alertOf(page).waitFor();
  await screenshot(page, "narrow_refused");
  await signUp(page);
  await runOperation(page);
  await page.locator(".result-window").getByText("maxPageSize").waitFor();
  await screenshot(page, "narrow_signed_in");
  const width = await page.evaluate(() => document.documentElement.scrollWidth);
  assert.ok(width <= NARROW.width, `the page is ${width} wide`);
  const result = await page.locator(".result-window").boundingBox();
  assert.ok(result.width > 300 && result.height > 150, JSON.stringify(result));
  await page.getByLabel("Show Documentation Explorer").click();
  await page.locator(".graphiql-doc-explorer").waitFor();
  await screenshot(page, "narrow_documentation");
  assert.deepEqual(errors, []);
});
