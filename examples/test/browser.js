// Opens the examples in a browser, and performs and checks a user's actions.

import assert from "node:assert/strict";
import { mkdir } from "node:fs/promises";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";

import { cubby, frontEnd } from "./servers.js";

const { CHROMIUM = "/usr/bin/chromium" } = process.env;
export const PASSWORD = "correct horse";
export const SIZES = { narrow: { width: 390, height: 844 }, wide: { width: 1280, height: 800 } };

let browser;
before(async () => {
  // Chromium's sandbox does not work for root, the usual user in containers.
  const args = process.getuid?.() === 0 ? ["--no-sandbox"] : [];
  browser = await chromium.launch({ executablePath: CHROMIUM, args });
  await mkdir(new URL("screenshots/", import.meta.url), { recursive: true });
});
after(() => browser?.close());

/** Defines tests of each example, with a Cubby instance each. */
export function eachExample(define) {
  for (const name of ["apollo", "urql"]) {
    test(name, async (t) => {
      const server = await cubby();
      t.after(() => server.remove());
      const site = await frontEnd(new URL(`../${name}/`, import.meta.url), server.url);
      t.after(() => site.stop());
      const shoot = (page, what, options) =>
        page.screenshot({ ...options, path: fileURLToPath(new URL(`screenshots/${name}-${what}.png`, import.meta.url)) });
      await define(t, { server, url: site.url, shoot });
    });
  }
}

/** Opens a page in a new browser context, and collects its errors. `prepare` runs before the page is loaded. */
export async function open(t, url, { viewport = SIZES.narrow, colorScheme = "light", prepare } = {}) {
  const context = await browser.newContext({ viewport, colorScheme });
  t.after(() => context.close());
  context.setDefaultTimeout(10_000);
  const page = await context.newPage();
  const pageErrors = [];
  // Chromium also logs error statuses of the API, whose effects the tests check on the page.
  page.on("console", (message) => {
    if (message.type() === "error" && !message.location().url.endsWith("/graphql")) pageErrors.push(message.text());
  });
  page.on("pageerror", (error) => pageErrors.push(String(error)));
  await prepare?.(page);
  await page.goto(url);
  return { page, pageErrors };
}

/** Opens another tab of the same browser context. */
export async function openTab(page, url, { prepare } = {}) {
  const tab = await page.context().newPage();
  await prepare?.(tab);
  await tab.goto(url);
  return tab;
}

export const isStream = (request) => (request.postData() ?? "").includes("subscription");
const isRequest = (request) => request.url().endsWith("/graphql") && !isStream(request);

/** Records the bodies of requests to the API from now on, except those of streams. */
export function countRequests(page) {
  const requests = [];
  page.on("request", (request) => {
    if (isRequest(request)) requests.push(request.postData() ?? "");
  });
  return requests;
}

/**
 * Loads a page that lists tasks, and waits until its list has been read twice: when it is shown,
 * and when its stream opens. From then on the page only sends requests that the user causes.
 */
export async function untilLive(page, load) {
  let reads = 0;
  const isLive = page.waitForEvent("requestfinished", (request) => {
    if (isRequest(request) && request.postData().includes("query Tasks")) reads += 1;
    return reads === 2;
  });
  await load();
  await isLive;
}

export const button = (page, name) => page.getByRole("button", { name, exact: true });
export const row = (page, title) => page.getByRole("listitem").filter({ hasText: title });
export const box = (page, title) => page.getByLabel(title, { exact: true });
export const heading = (page, name) => page.getByRole("heading", { name });
export const alert = (page, text) => page.getByRole("alert").filter({ hasText: text });

/** Waits until the page lists exactly these titles. */
export async function lists(page, wanted) {
  let shown;
  for (let tries = 0; tries < 100; tries += 1) {
    shown = await page.locator("li label").allInnerTexts();
    if (JSON.stringify(shown) === JSON.stringify(wanted)) return;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  assert.deepEqual(shown, wanted);
}

/** Waits until the element has the focus. */
export async function hasFocus(page, locator) {
  await page.waitForFunction((element) => element === document.activeElement, await locator.elementHandle());
}

export async function type(page, email, password) {
  await page.getByLabel("E-mail").fill(email);
  await page.getByLabel("Password").fill(password);
}

export const newEmail = () => `ana-${crypto.randomUUID().slice(0, 8)}@example.com`;

export async function signIn(page, email) {
  await type(page, email, PASSWORD);
  await button(page, "Sign in").click();
  await heading(page, "Tasks").waitFor();
}

export async function signUp(page, email = newEmail()) {
  await button(page, "Create an account").click();
  await type(page, email, PASSWORD);
  await button(page, "Sign up").click();
  await page.getByText(email).waitFor();
  return email;
}

export async function add(page, title) {
  await page.getByLabel("New task").fill(title);
  await button(page, "Add").click();
  await row(page, title).waitFor();
}

export async function remove(page, title) {
  await button(page, `Delete ${title}`).click();
  await page.getByRole("dialog").getByRole("button", { name: "Delete" }).click();
  await row(page, title).waitFor({ state: "detached" });
}

/** Returns the error message of a field, found by its `aria-describedby`. */
export async function errorMessageOf(page, label) {
  const field = page.getByLabel(label);
  await page.locator(`#${await field.getAttribute("id")}[aria-invalid=true]`).waitFor();
  return page.locator(`#${await field.getAttribute("aria-describedby")}`).innerText();
}

/** Checks that the page does not scroll sideways, and that touch targets are at least 44 pixels high. */
export async function fits(page, { width }) {
  const scrollWidth = await page.evaluate(() => document.documentElement.scrollWidth);
  assert.ok(scrollWidth <= width, `the page is ${scrollWidth} wide`);
  for (const target of await page.locator("button:visible, input:not([type=checkbox]), li label").all()) {
    const { height } = await target.boundingBox();
    assert.ok(height >= 44, `${await target.innerText()} is ${height} high`);
  }
}
