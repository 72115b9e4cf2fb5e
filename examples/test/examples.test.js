// The examples as they are built, in a browser, in front of a Cubby.

import assert from "node:assert/strict";
import { mkdir, readFile } from "node:fs/promises";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";

import { signInElsewhere } from "./elsewhere.js";
import { cubby, example } from "./servers.js";

const { CHROMIUM = "/usr/bin/chromium" } = process.env;
const PASSWORD = "correct horse";
const SIZES = { narrow: { width: 390, height: 844 }, wide: { width: 1280, height: 800 } };
const SAME = [
  "index.html",
  "vite.config.ts",
  "codegen.ts",
  "tsconfig.json",
  "src/session.ts",
  "src/SignIn.tsx",
  "src/style.css",
];
const EXPIRED = {
  errors: [
    {
      message: "The access token has expired. Refresh the session.",
      extensions: { code: "UNAUTHENTICATED", reason: "TOKEN_EXPIRED" },
    },
  ],
};

let browser;
before(async () => {
  // Chromium's own sandbox cannot be had by root, which a container's user often is.
  const args = process.getuid?.() === 0 ? ["--no-sandbox"] : [];
  browser = await chromium.launch({ executablePath: CHROMIUM, args });
  await mkdir(new URL("screenshots/", import.meta.url), { recursive: true });
});
after(() => browser?.close());

/** A page of somebody's own, and whatever went wrong on it. */
async function open(t, url, viewport, colorScheme = "light") {
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
  await page.goto(url);
  return { page, wrongs };
}

const button = (page, name) => page.getByRole("button", { name, exact: true });
const row = (page, title) => page.getByRole("listitem").filter({ hasText: title });
const titles = (page) => page.locator("li label").allInnerTexts();

/** Waits until that is what the page lists. */
async function lists(page, wanted) {
  let shown;
  for (let tries = 0; tries < 100; tries += 1) {
    shown = await titles(page);
    if (JSON.stringify(shown) === JSON.stringify(wanted)) return;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  assert.deepEqual(shown, wanted);
}

async function type(page, email, password) {
  await page.getByLabel("E-mail").fill(email);
  await page.getByLabel("Password").fill(password);
}

async function signUp(page) {
  const email = `ana-${crypto.randomUUID().slice(0, 8)}@example.com`;
  await button(page, "I am new here").click();
  await type(page, email, PASSWORD);
  await button(page, "Sign up").click();
  await page.getByRole("heading", { name: "Tasks" }).waitFor();
  return email;
}

async function add(page, title) {
  await page.getByLabel("New task").fill(title);
  await button(page, "Add").click();
  await row(page, title).waitFor();
}

/** What is told about a field, as a screen reader finds it. */
async function toldOf(page, label) {
  const field = page.getByLabel(label);
  await page.locator(`#${await field.getAttribute("id")}[aria-invalid=true]`).waitFor();
  return page.locator(`#${await field.getAttribute("aria-describedby")}`).innerText();
}

/** Nothing is cut off, and whatever is tapped is large enough for a finger. */
async function fits(page, { width }) {
  const scrollWidth = await page.evaluate(() => document.documentElement.scrollWidth);
  assert.ok(scrollWidth <= width, `the page is ${scrollWidth} wide`);
  for (const target of await page.locator("button, input:not([type=checkbox]), li label").all()) {
    const { height } = await target.boundingBox();
    assert.ok(height >= 44, `${await target.innerText()} is ${height} high`);
  }
}

test("what the examples have in common is the same", async () => {
  for (const file of SAME) {
    const [one, other] = await Promise.all(
      ["apollo", "urql"].map((name) => readFile(new URL(`../${name}/${file}`, import.meta.url), "utf8")),
    );
    assert.equal(one, other, file);
  }
});

for (const name of ["apollo", "urql"]) {
  test(name, async (t) => {
    const server = await cubby();
    t.after(() => server.remove());
    const site = await example(name, server.url);
    t.after(() => site.stop());
    const shoot = (page, what, options) =>
      page.screenshot({ ...options, path: fileURLToPath(new URL(`screenshots/${name}-${what}.png`, import.meta.url)) });

    for (const [size, viewport] of Object.entries(SIZES)) {
      await t.test(`somebody signs up, keeps tasks, stays signed in and signs out, ${size}`, async (t) => {
        const { page, wrongs } = await open(t, site.url, viewport);
        await page.getByRole("heading", { name: "Sign in" }).waitFor();
        await shoot(page, `${size}-form`);
        await fits(page, viewport);

        const email = `ana-${crypto.randomUUID().slice(0, 8)}@example.com`;
        await button(page, "I am new here").click();
        assert.equal(await page.getByLabel("Password").getAttribute("autocomplete"), "new-password");
        await type(page, email, "password");
        await button(page, "Sign up").click();
        assert.match(await toldOf(page, "Password"), /password/i);
        assert.equal(await page.evaluate(() => document.activeElement.id), "password");
        assert.equal(await page.getByLabel("E-mail").inputValue(), email, "what was typed is kept");
        await shoot(page, `${size}-refused`);
        await page.getByLabel("Password").fill(PASSWORD);
        await button(page, "Sign up").click();

        await page.getByText("Nothing to do.").waitFor();
        await page.getByText(email).waitFor();
        await add(page, "Buy milk");
        assert.equal(await page.getByLabel("New task").inputValue(), "", "the next can be typed");

        const elsewhere = await signInElsewhere(server.url, email, PASSWORD);
        await elsewhere.create("Call the dentist about the appointment that was moved to the week after next");
        await row(page, "Call the dentist").waitFor();
        await page.getByRole("heading", { name: "Tasks 2" }).waitFor();

        await page.getByLabel("Buy milk", { exact: true }).check();
        await page.waitForFunction(() => document.querySelectorAll("li :checked").length === 1);
        await shoot(page, `${size}-tasks`);
        await fits(page, viewport);
        const milk = (await elsewhere.tasks()).find(({ title }) => title === "Buy milk");
        assert.equal(milk.completed, true);
        await elsewhere.rename(milk.id, "Buy oat milk");
        await row(page, "Buy oat milk").waitFor();

        await page.reload();
        await row(page, "Buy oat milk").waitFor();
        assert.equal(await page.getByLabel("Buy oat milk", { exact: true }).isChecked(), true);
        const kept = await page.evaluate(() => [{ ...localStorage }, { ...sessionStorage }, document.cookie]);
        assert.deepEqual(kept, [{}, {}, ""], "no script finds a token");

        await button(page, "Delete Buy oat milk").click();
        await row(page, "Buy oat milk").waitFor({ state: "detached" });

        await button(page, "Sign out").click();
        await page.getByRole("heading", { name: "Sign in" }).waitFor();
        await page.reload();
        await page.getByRole("heading", { name: "Sign in" }).waitFor();

        await type(page, email, "not the password");
        await button(page, "Sign in").click();
        await page.getByRole("alert").filter({ hasText: /password/i }).waitFor();
        await shoot(page, `${size}-wrong`);
        await page.getByLabel("Password").fill(PASSWORD);
        await button(page, "Sign in").click();
        await row(page, "Call the dentist").waitFor();
        assert.deepEqual(wrongs, []);
      });

      await t.test(`in the dark, ${size}`, async (t) => {
        const { page } = await open(t, site.url, viewport, "dark");
        await page.getByRole("heading", { name: "Sign in" }).waitFor();
        await shoot(page, `${size}-dark-form`);
        await signUp(page);
        for (const title of ["Buy milk", "Water the plants", "Write to Ben"]) await add(page, title);
        await page.getByLabel("Water the plants", { exact: true }).check();
        await shoot(page, `${size}-dark-tasks`);
      });
    }

    await t.test("when the access token has expired what waits is sent again after one refresh", async (t) => {
      const { page, wrongs } = await open(t, site.url, SIZES.narrow);
      await signUp(page);
      let refused = 0;
      let refreshes = 0;
      const old = new Set();
      await page.route("**/graphql", (route) => {
        const request = route.request();
        const token = request.headers()["authorization"];
        if (request.postData()?.includes("refreshSession")) refreshes += 1;
        else if (refreshes === 0) old.add(token);
        if (!old.has(token)) return route.continue();
        refused += 1;
        return route.fulfill({ status: 401, json: EXPIRED });
      });
      await page.evaluate(() => {
        // Three at once.
        const title = document.querySelector("#title");
        for (const text of ["One", "Two", "Three"]) {
          title.value = text;
          title.form.requestSubmit();
        }
      });
      for (const title of ["One", "Two", "Three"]) await row(page, title).waitFor();
      assert.ok(refused >= 3, `${refused} were refused`);
      assert.equal(refreshes, 1);
      assert.deepEqual(wrongs, []);
    });

    await t.test("a long list comes by pages, and stays as it is shown when it changes", async (t) => {
      const { page, wrongs } = await open(t, site.url, SIZES.narrow);
      const email = await signUp(page);
      const elsewhere = await signInElsewhere(server.url, email, PASSWORD);
      const all = [];
      for (let n = 1; n <= 45; n += 1) {
        await elsewhere.create(`Task ${n}`);
        all.unshift(`Task ${n}`);
      }
      await lists(page, all.slice(0, 20));
      await button(page, "Load more").click();
      await lists(page, all.slice(0, 40));
      await shoot(page, "pages", { fullPage: true });
      const [first] = await elsewhere.tasks();
      await elsewhere.delete(first.id);
      await lists(page, all.slice(1, 41));
      await button(page, "Load more").click();
      await lists(page, all.slice(1));
      await elsewhere.create("Task 46");
      await page.getByRole("heading", { name: "Tasks 45" }).waitFor();
      await lists(page, ["Task 46", ...all.slice(1)]);
      assert.deepEqual(wrongs, []);
    });

    await t.test("of many changes none is missed, whenever the list is being read", async (t) => {
      const { page, wrongs } = await open(t, site.url, SIZES.narrow);
      const email = await signUp(page);
      const elsewhere = await signInElsewhere(server.url, email, PASSWORD);
      const all = [];
      for (let n = 1; n <= 100; n += 1) {
        await elsewhere.create(`Task ${n}`);
        all.unshift(`Task ${n}`);
        if (n % 5 === 0) await lists(page, all.slice(0, 20));
      }
      assert.deepEqual(wrongs, []);
    });

    await t.test("what changes in another tab is seen in this one", async (t) => {
      const { page, wrongs } = await open(t, site.url, SIZES.wide);
      await signUp(page);
      const other = await page.context().newPage();
      await other.goto(site.url);
      await add(other, "From the other tab");
      await row(page, "From the other tab").waitFor();
      await page.getByLabel("From the other tab", { exact: true }).check();
      await other.waitForFunction(() => document.querySelector("li :checked"));
      assert.deepEqual(wrongs, []);
    });

    await t.test("a tab does not become whoever signs in, in another", async (t) => {
      const { page, wrongs } = await open(t, site.url, SIZES.narrow);
      const other = await page.context().newPage();
      await other.goto(site.url);
      await signUp(page);
      await signUp(other);
      await page.getByText("Your session has ended.").waitFor();
      await other.reload();
      await other.getByText("Nothing to do.").waitFor();
      assert.deepEqual(wrongs, []);
    });

    await t.test("when the session is ended from elsewhere the form comes back and says so", async (t) => {
      const { page, wrongs } = await open(t, site.url, SIZES.narrow);
      const email = await signUp(page);
      await add(page, "Hers alone");
      await (await signInElsewhere(server.url, email, PASSWORD)).endOtherSessions();
      await page.getByText("Your session has ended.").waitFor();
      await shoot(page, "ended");
      await button(page, "I am new here").click();
      await type(page, `ben-${email}`, PASSWORD);
      await button(page, "Sign up").click();
      await page.getByText("Nothing to do.").waitFor();
      assert.deepEqual(await titles(page), [], "what was hers is not shown to the next");
      assert.deepEqual(wrongs, []);
    });

    await t.test("when the server comes back the list is read and goes on", async (t) => {
      const { page } = await open(t, site.url, SIZES.narrow);
      const email = await signUp(page);
      await add(page, "Before");
      await server.stop();
      await page.getByLabel("New task").fill("Not now");
      await button(page, "Add").click();
      assert.match(await toldOf(page, "New task"), /try again/);
      await page.getByText("The server cannot be reached").waitFor();
      assert.deepEqual(await titles(page), ["Before"], "what was read stays");
      await shoot(page, "away");
      const other = await page.context().newPage();
      await other.goto(site.url);
      await button(other, "Try again").waitFor();
      await server.startAgain();
      await button(other, "Try again").click();
      await row(other, "Before").waitFor();
      const elsewhere = await signInElsewhere(server.url, email, PASSWORD);
      await elsewhere.create("Meanwhile");
      await row(page, "Meanwhile").waitFor();
      // Long enough for the stream to be open again, which is at most three seconds later.
      await page.waitForTimeout(3500);
      await elsewhere.create("After");
      await row(page, "After").waitFor();
      await button(page, "Add").click();
      await row(page, "Not now").waitFor();
      assert.equal(await page.locator("[role=alert]:not(:empty)").count(), 0);
    });
  });
}
