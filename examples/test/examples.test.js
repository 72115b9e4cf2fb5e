// Tests the built examples in a browser.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";

import {
  PASSWORD, SIZES, add, alert, box, button, eachExample, fits, heading, lists, newEmail, open, openTab, remove, row,
  signIn, signUp, errorMessageOf, type,
} from "./browser.js";
import { signInElsewhere } from "./elsewhere.js";

const SAME = [
  "index.html",
  "vite.config.ts",
  "tsconfig.json",
  "src/session.ts",
  "src/operations.ts",
  "src/list.ts",
  "src/live.ts",
  "src/problem.ts",
  "src/focus.ts",
  "src/Form.tsx",
  "src/NewPassword.tsx",
  "src/SignIn.tsx",
  "src/Tasks.tsx",
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

/** Waits for the mail with a link, and returns its path and fragment. */
async function resetPath(server, email) {
  for (let tries = 0; tries < 100; tries += 1) {
    const mails = await (await fetch(`${server}/dev/mailbox.json`)).json();
    const mail = mails.find(({ to }) => to === email);
    if (mail) return mail.text.match(/\/reset-password#\S+/)[0];
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error(`no mail to ${email}`);
}

test("shared files are identical", async () => {
  for (const file of SAME) {
    const [one, other] = await Promise.all(
      ["apollo", "urql"].map((name) => readFile(new URL(`../${name}/${file}`, import.meta.url), "utf8")),
    );
    assert.equal(one, other, file);
  }
});

eachExample(async (t, { server, url, shoot }) => {
  for (const [size, viewport] of Object.entries(SIZES)) {
    await t.test(`user resets a forgotten password, ${size}`, async (t) => {
      const { page, pageErrors } = await open(t, url, { viewport });
      const email = newEmail();
      await signUp(page, email);
      await button(page, "Sign out").click();
      await button(page, "Forgot the password?").click();
      await heading(page, "Forgotten password").waitFor();
      await page.getByLabel("E-mail").fill(email);
      await shoot(page, `${size}-forgotten`);
      await fits(page, viewport);
      await button(page, "Send a link").click();
      await page.getByText("a link is on its way").waitFor();

      await page.goto(url + (await resetPath(server.url, email)));
      await page.getByLabel("New password").fill("password");
      await button(page, "Change the password").click();
      assert.match(await errorMessageOf(page, "New password"), /password/i);
      await shoot(page, `${size}-new-password`);
      await fits(page, viewport);
      await page.getByLabel("New password").fill("a better battery");
      await button(page, "Change the password").click();
      await page.getByText("Your password is changed").waitFor();
      assert.equal(new URL(page.url()).hash, "", "the used token is not in the address");
      await page.getByRole("link", { name: "Sign in" }).click();
      await type(page, email, "a better battery");
      await button(page, "Sign in").click();
      await page.getByText("Nothing to do.").waitFor();
      assert.deepEqual(pageErrors, []);
    });

    await t.test(`user signs up, edits tasks, reloads and signs out, ${size}`, async (t) => {
      const { page, pageErrors } = await open(t, url, { viewport });
      await heading(page, "Sign in").waitFor();
      await shoot(page, `${size}-form`);
      await fits(page, viewport);

      const email = newEmail();
      await button(page, "Create an account").click();
      assert.equal(await page.getByLabel("Password").getAttribute("autocomplete"), "new-password");
      await type(page, email, "password");
      await button(page, "Sign up").click();
      assert.match(await errorMessageOf(page, "Password"), /password/i);
      assert.equal(await page.getByLabel("E-mail").inputValue(), email, "the typed address stays");
      await shoot(page, `${size}-refused`);
      await page.getByLabel("Password").fill(PASSWORD);
      await button(page, "Sign up").click();

      await page.getByText("Nothing to do.").waitFor();
      await page.getByText(email).waitFor();
      await add(page, "Buy milk");
      assert.equal(await page.getByLabel("New task").inputValue(), "", "the field is empty again");

      const elsewhere = await signInElsewhere(server.url, email, PASSWORD);
      await elsewhere.create("Call the dentist about the appointment that was moved to the week after next");
      await row(page, "Call the dentist").waitFor();
      await heading(page, "Tasks 2").waitFor();

      await box(page, "Buy milk").check();
      await page.waitForFunction(() => document.querySelectorAll("li :checked").length === 1);
      await shoot(page, `${size}-tasks`);
      await fits(page, viewport);
      const milk = (await elsewhere.tasks()).find(({ title }) => title === "Buy milk");
      assert.equal(milk.completed, true);
      await elsewhere.rename(milk.id, "Buy oat milk");
      await row(page, "Buy oat milk").waitFor();

      await page.reload();
      await row(page, "Buy oat milk").waitFor();
      assert.equal(await box(page, "Buy oat milk").isChecked(), true);
      const stored = await page.evaluate(() => [{ ...localStorage }, { ...sessionStorage }, document.cookie]);
      assert.deepEqual(stored, [{}, {}, ""], "scripts cannot read a token");

      await remove(page, "Buy oat milk");

      await button(page, "Sign out").click();
      await heading(page, "Sign in").waitFor();
      await page.reload();
      await heading(page, "Sign in").waitFor();

      await type(page, email, "not the password");
      await button(page, "Sign in").click();
      await alert(page, /password/i).waitFor();
      await shoot(page, `${size}-wrong-password`);
      await signIn(page, email);
      await row(page, "Call the dentist").waitFor();
      assert.deepEqual(pageErrors, []);
    });

    await t.test(`dark color scheme, ${size}`, async (t) => {
      const { page } = await open(t, url, { viewport, colorScheme: "dark" });
      await heading(page, "Sign in").waitFor();
      await shoot(page, `${size}-dark-form`);
      await signUp(page);
      for (const title of ["Buy milk", "Water the plants", "Write to Ben"]) await add(page, title);
      await box(page, "Water the plants").check();
      await shoot(page, `${size}-dark-tasks`);
    });
  }

  await t.test("requests with an expired token are repeated after one refresh", async (t) => {
    const { page, pageErrors } = await open(t, url);
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
      // Sends three requests at once.
      const title = document.querySelector("#title");
      for (const text of ["One", "Two", "Three"]) {
        title.value = text;
        title.form.requestSubmit();
      }
    });
    for (const title of ["One", "Two", "Three"]) await row(page, title).waitFor();
    assert.ok(refused >= 3, `${refused} were refused`);
    assert.equal(refreshes, 1);
    assert.deepEqual(pageErrors, []);
  });

  await t.test("no change of many is missed", async (t) => {
    const { page, pageErrors } = await open(t, url);
    const email = await signUp(page);
    const elsewhere = await signInElsewhere(server.url, email, PASSWORD);
    const all = [];
    for (let n = 1; n <= 100; n += 1) {
      await elsewhere.create(`Task ${n}`);
      all.unshift(`Task ${n}`);
      if (n % 5 === 0) await lists(page, all);
    }
    assert.deepEqual(pageErrors, []);
  });

  await t.test("change in one tab shows in the other", async (t) => {
    const { page, pageErrors } = await open(t, url, { viewport: SIZES.wide });
    await signUp(page);
    const other = await openTab(page, url);
    await add(other, "From the other tab");
    await row(page, "From the other tab").waitFor();
    await box(page, "From the other tab").check();
    await other.waitForFunction(() => document.querySelector("li :checked"));
    assert.deepEqual(pageErrors, []);
  });

  await t.test("end of the session elsewhere shows the sign-in form", async (t) => {
    const { page, pageErrors } = await open(t, url);
    const email = await signUp(page);
    await add(page, "Ana's task");
    await (await signInElsewhere(server.url, email, PASSWORD)).endOtherSessions();
    await page.getByText("Your session has ended.").waitFor();
    await shoot(page, "ended");
    await signUp(page, `ben-${email}`);
    await page.getByText("Nothing to do.").waitFor();
    await lists(page, []);
    assert.deepEqual(pageErrors, []);
  });
});
