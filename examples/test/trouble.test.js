// Tests failures: an unreachable server, lost and repeated requests, accidental deletion, and the
// keyboard focus.

import assert from "node:assert/strict";

import {
  PASSWORD, add, alert, box, button, eachExample, hasFocus, heading, lists, newEmail, open, openTab, remove, row, signIn,
  signUp, errorMessageOf, type,
} from "./browser.js";
import { signInElsewhere } from "./elsewhere.js";

const alerts = (page) => page.locator("[role=alert]:not(:empty)");

eachExample(async (t, { server, url, shoot }) => {
  await t.test("list continues after the server is available again", async (t) => {
    const { page } = await open(t, url);
    const email = await signUp(page);
    await add(page, "Before");
    await server.stop();
    await alert(page, "The server cannot be reached.").waitFor();
    await page.getByLabel("New task").fill("Not now");
    await button(page, "Add").click();
    await box(page, "Before").click();
    await page.waitForFunction(() => !document.querySelector("li :checked"));
    await lists(page, ["Before"]);
    await shoot(page, "away");
    const other = await page.context().newPage();
    const pageErrors = [];
    other.on("pageerror", (error) => pageErrors.push(String(error)));
    await other.goto(url);
    await button(other, "Try again").waitFor();
    assert.deepEqual(pageErrors, [], "resuming does not throw");

    await server.restart();
    await button(other, "Try again").click();
    await row(other, "Before").waitFor();
    const elsewhere = await signInElsewhere(server.url, email, PASSWORD);
    await elsewhere.create("Meanwhile");
    await row(page, "Meanwhile").waitFor();
    await alerts(page).waitFor({ state: "detached" });
    assert.equal(await page.getByLabel("New task").inputValue(), "Not now");
    await button(page, "Add").click();
    await row(page, "Not now").waitFor();
  });

  await t.test("offline message is shown until the next success", async (t) => {
    const { page } = await open(t, url);
    await type(page, "ana@example.com", PASSWORD);
    await page.context().setOffline(true);
    await button(page, "Sign in").click();
    await alert(page, "You are offline.").waitFor();
    await page.context().setOffline(false);
    await signUp(page);
    await add(page, "Before");
    await page.context().setOffline(true);
    await box(page, "Before").click();
    await alert(page, "You are offline.").waitFor();
    assert.equal(await box(page, "Before").isChecked(), false, "a change that was not stored is not shown");
    await shoot(page, "offline");
    await page.context().setOffline(false);
    await box(page, "Before").check();
    await alerts(page).waitFor({ state: "detached" });
  });

  await t.test("sign-out without a server ends the session later", async (t) => {
    const { page } = await open(t, url, { prepare: (page) => page.clock.install() });
    const email = await signUp(page);
    const other = await openTab(page, url);
    await heading(other, "Tasks").waitFor();
    const elsewhere = await signInElsewhere(server.url, email, PASSWORD);
    assert.equal(await elsewhere.sessions(), 2);
    await server.stop();
    await button(page, "Sign out").click();
    await alert(page, "your session ends as soon as this page can reach it").waitFor();
    await heading(other, "Sign in").waitFor();
    await shoot(page, "signed-out-offline");
    await page.reload();
    await alert(page, "your session ends as soon as this page can reach it").waitFor();
    await server.restart();
    await page.clock.fastForward(5000);
    await alert(page, "You are signed out.").waitFor();
    assert.equal(await elsewhere.sessions(), 1);
    await page.reload();
    await heading(page, "Sign in").waitFor();
    await signIn(page, email);
    await heading(other, "Tasks").waitFor();
    await page.reload();
    await heading(page, "Tasks").waitFor();
  });

  await t.test("sign-in after an offline sign-out stays signed in", async (t) => {
    const { page } = await open(t, url, { prepare: (page) => page.clock.install() });
    const email = await signUp(page);
    await page.context().setOffline(true);
    await button(page, "Sign out").click();
    await alert(page, "your session ends as soon as this page can reach it").waitFor();
    await page.context().setOffline(false);
    await signIn(page, email);
    const elsewhere = await signInElsewhere(server.url, email, PASSWORD);
    assert.equal(await elsewhere.sessions(), 2, "the previous session has ended");
    await page.clock.fastForward(5000);
    await page.reload();
    await heading(page, "Tasks").waitFor();
    assert.equal(await elsewhere.sessions(), 2);
  });

  await t.test("form that is sent twice creates one task", async (t) => {
    const { page, pageErrors } = await open(t, url);
    const email = await signUp(page);
    const elsewhere = await signInElsewhere(server.url, email, PASSWORD);
    await page.getByLabel("New task").fill("Buy milk");
    await page.evaluate(() => {
      const { form } = document.querySelector("#title");
      form.requestSubmit();
      form.requestSubmit();
    });
    await row(page, "Buy milk").waitFor();
    await page.waitForFunction(() => document.querySelector("#title").value === "");
    await add(page, "Water the plants");
    await lists(page, ["Water the plants", "Buy milk"]);

    // The response is lost, and the form is sent again.
    let isLost = false;
    await page.route("**/graphql", async (route) => {
      if (isLost || !route.request().postData()?.includes("mutation Create")) return route.continue();
      isLost = true;
      await route.fetch();
      await route.abort();
    });
    await page.getByLabel("New task").fill("Call the bank");
    await button(page, "Add").click();
    await alert(page, "The server cannot be reached.").waitFor();
    await button(page, "Add").click();
    await page.waitForFunction(() => document.querySelector("#title").value === "");
    await add(page, "Call the bank again");
    await lists(page, ["Call the bank again", "Call the bank", "Water the plants", "Buy milk"]);
    assert.equal((await elsewhere.tasks()).length, 4);

    // After a success, an equal title creates another task.
    await page.getByLabel("New task").fill("Buy milk");
    await button(page, "Add").click();
    await lists(page, ["Buy milk", "Call the bank again", "Call the bank", "Water the plants", "Buy milk"]);
    assert.deepEqual(pageErrors, []);
  });

  await t.test("input typed while a task is sent stays", async (t) => {
    const { page } = await open(t, url);
    await signUp(page);
    let send;
    await page.route("**/graphql", (route) => {
      if (!route.request().postData()?.includes("mutation Create")) return route.continue();
      send = () => route.continue();
    });
    await page.getByLabel("New task").fill("First");
    await button(page, "Add").click();
    await page.getByLabel("New task").fill("Second");
    await send();
    await row(page, "First").waitFor();
    assert.equal(await page.getByLabel("New task").inputValue(), "Second");
  });

  await t.test("deletion asks for confirmation", async (t) => {
    const { page, pageErrors } = await open(t, url);
    await signUp(page);
    await add(page, "Buy milk");
    const question = page.getByRole("dialog", { name: "Delete “Buy milk” permanently?" });
    await button(page, "Delete Buy milk").click();
    await question.waitFor();
    await shoot(page, "question");
    await button(page, "Cancel").click();
    await question.waitFor({ state: "detached" });
    await hasFocus(page, button(page, "Delete Buy milk"));
    await page.keyboard.press("Enter");
    await question.waitFor();
    await page.keyboard.press("Escape");
    await question.waitFor({ state: "detached" });
    await page.reload();
    await row(page, "Buy milk").waitFor();
    await remove(page, "Buy milk");
    assert.deepEqual(pageErrors, []);
  });

  await t.test("focus is never lost", async (t) => {
    const { page, pageErrors } = await open(t, url);
    const email = await signUp(page);
    await hasFocus(page, heading(page, "Tasks"));
    await button(page, "Sign out").focus();
    await page.keyboard.press("Enter");
    await hasFocus(page, heading(page, "Sign in"));
    await type(page, email, "not the password");
    await button(page, "Sign in").focus();
    await page.keyboard.press("Enter");
    await alert(page, /password/).waitFor();
    await hasFocus(page, page.getByLabel("Password"));
    await type(page, email, PASSWORD);
    await page.keyboard.press("Enter");
    await hasFocus(page, heading(page, "Tasks"));

    for (const title of ["One", "Two", "Three"]) await add(page, title);
    await remove(page, "Two");
    await hasFocus(page, box(page, "One"));
    await remove(page, "One");
    await hasFocus(page, box(page, "Three"));
    await add(page, "Four");
    await button(page, "To do").click();
    await box(page, "Four").focus();
    await page.keyboard.press("Space");
    await row(page, "Four").waitFor({ state: "detached" });
    await hasFocus(page, box(page, "Three"));
    await remove(page, "Three");
    await hasFocus(page, heading(page, "Tasks"));

    const elsewhere = await signInElsewhere(server.url, email, PASSWORD);
    await elsewhere.createAll(Array.from({ length: 24 }, (_, n) => `Task ${n}`));
    await page.reload();
    await button(page, "Load more").focus();
    await page.keyboard.press("Enter");
    await button(page, "Load more").waitFor({ state: "detached" });
    assert.equal(await page.evaluate(() => document.activeElement.type), "checkbox");
    assert.deepEqual(pageErrors, []);
  });

  await t.test("rejected field has the focus and a message", async (t) => {
    const { page } = await open(t, url);
    await button(page, "Create an account").click();
    await type(page, "ana@example.com", "password");
    await button(page, "Sign up").click();
    assert.match(await errorMessageOf(page, "Password"), /password/i);
    await hasFocus(page, page.getByLabel("Password"));
    await type(page, newEmail(), PASSWORD);
    await button(page, "Sign up").click();
    await page.getByText("Nothing to do.").waitFor();
    await page.getByLabel("New task").fill("x".repeat(501));
    await button(page, "Add").click();
    assert.match(await errorMessageOf(page, "New task"), /500/);
    await page.getByLabel("New task").fill("Short");
    await button(page, "Add").click();
    await row(page, "Short").waitFor();
    assert.equal(await alerts(page).count(), 0);
  });
});
