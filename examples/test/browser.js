// A browser, what people do on the pages of the examples, and what they see there.

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
  // Chromium's own sandbox cannot be had by root, which a container's user often is.
  const args = process.getuid?.() === 0 ? ["--no-sandbox"] : [];
  browser = await chromium.launch({ executablePath: CHROMIUM, args });
  await mkdir(new URL("screenshots/", import.meta.url), { recursive: true });
});
after(() => browser?.close());

/** Runs tests of each example, in front of a Cubby of its own. */
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

/** A page in a browser of its own, and the errors on it. `prepare` runs before the page is loaded. */
export async function open(t, url, { viewport = SIZES.narrow, colorScheme = "light", prepare } = {}) {
  const context = await browser.newContext({ viewport, colorScheme });
  t.after(() => context.close());
  context.setDefaultTimeout(10_000);
  const page = await context.newPage();
  const wrongs = [];
  // What the API refuses is not wrong: Chromium writes its status to the console, and the tests look at the page.
  page.on("console", (message) => {
    if (message.type() === "error" && !message.location().url.endsWith("/graphql")) wrongs.push(message.text());
  });
  page.on("pageerror", (error) => wrongs.push(String(error)));
  await prepare?.(page);
  await page.goto(url);
  return { page, wrongs };
}

/** Another tab of the same browser. */
export async function openTab(page, url, { prepare } = {}) {
  const tab = await page.context().newPage();
  await prepare?.(tab);
  await tab.goto(url);
  return tab;
}

export const isStream = (request) => (request.postData() ?? "").includes("subscription");
const isRequest = (request) => request.url().endsWith("/graphql") && !isStream(request);

/** Counts the requests to the API from here on, but for those of streams. */
export function countRequests(page) {
  const requests = [];
  page.on("request", (request) => {
    if (isRequest(request)) requests.push(request.postData() ?? "");
  });
  return requests;
}

/**
 * Loads a page that lists tasks, and waits until its list has been read twice: when it was shown, and when its stream
 * opened. From then on the page sends what the user asks for, and nothing else.
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

/** Waits until that is what the page lists. */
export async function lists(page, wanted) {
  let shown;
  for (let tries = 0; tries < 100; tries += 1) {
    shown = await page.locator("li label").allInnerTexts();
    if (JSON.stringify(shown) === JSON.stringify(wanted)) return;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  assert.deepEqual(shown, wanted);
}

/** Waits until the focus is there: on an element with this name, as a screen reader reads it. */
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
  await button(page, "I am new here").click();
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

/** What is told about a field, as a screen reader finds it. */
export async function toldOf(page, label) {
  const field = page.getByLabel(label);
  await page.locator(`#${await field.getAttribute("id")}[aria-invalid=true]`).waitFor();
  return page.locator(`#${await field.getAttribute("aria-describedby")}`).innerText();
}

/** Nothing is cut off, and whatever is tapped is large enough for a finger. */
export async function fits(page, { width }) {
  const scrollWidth = await page.evaluate(() => document.documentElement.scrollWidth);
  assert.ok(scrollWidth <= width, `the page is ${scrollWidth} wide`);
  for (const target of await page.locator("button:visible, input:not([type=checkbox]), li label").all()) {
    const { height } = await target.boundingBox();
    assert.ok(height >= 44, `${await target.innerText()} is ${height} high`);
  }
}
