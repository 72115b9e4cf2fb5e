// Tests two tabs of one browser, which share its cookie.

import assert from "node:assert/strict";

import {
  PASSWORD, add, alert, button, eachExample, heading, lists, newEmail, open, openTab, row, signIn, signUp,
} from "./browser.js";
import { signInElsewhere } from "./elsewhere.js";

/** Isolates a tab from messages of other tabs, like a tab that the browser has frozen. */
const isolated = (page) =>
  page.addInitScript(() => {
    BroadcastChannel.prototype.postMessage = () => {};
    Object.defineProperty(BroadcastChannel.prototype, "onmessage", { set() {} });
  });

/** Creates an account, signs out, and returns its address. */
async function newAccount(page) {
  const email = await signUp(page);
  await button(page, "Sign out").click();
  await heading(page, "Sign in").waitFor();
  return email;
}

eachExample(async (t, { server, url, shoot }) => {
  await t.test("signing in and out in one tab also does so in the other", async (t) => {
    const { page, pageErrors } = await open(t, url);
    const email = await newAccount(page);
    const other = await openTab(page, url);
    await signIn(page, email);
    await heading(other, "Tasks").waitFor();
    await add(other, "Seen by both");
    await row(page, "Seen by both").waitFor();
    await button(other, "Sign out").click();
    await page.getByText("You have signed out in another tab.").waitFor();
    await page.reload();
    await heading(page, "Sign in").waitFor();
    assert.deepEqual(pageErrors, []);
  });

  await t.test("two tabs that sign in in turn both stay signed in", async (t) => {
    const { page, pageErrors } = await open(t, url, { prepare: isolated });
    const email = await newAccount(page);
    const other = await openTab(page, url, { prepare: isolated });
    const [first, second] = [page, other];
    await signIn(first, email);
    await signIn(second, email); // ends the session of the first
    for (let round = 1; round <= 3; round += 1) {
      await add(first, `First ${round}`);
      await row(second, `First ${round}`).waitFor();
      await add(second, `Second ${round}`);
      await row(first, `Second ${round}`).waitFor();
    }
    assert.equal(await (await signInElsewhere(server.url, email, PASSWORD)).sessions(), 2, "both tabs share one session");
    await first.reload();
    await row(first, "Second 3").waitFor();
    assert.deepEqual(pageErrors, []);
  });

  await t.test("request of one user is not sent as another user", async (t) => {
    const { page, pageErrors } = await open(t, url, { prepare: isolated });
    await openTab(page, url);
    const other = await openTab(page, url, { prepare: isolated });
    await signUp(page);
    const ben = newEmail();
    await signUp(other, ben);
    await page.getByLabel("New task").fill("Ana's task");
    await button(page, "Add").click();
    await page.getByText(ben).waitFor();
    await page.getByText("signed in with another account").waitFor();
    await shoot(page, "another");
    const bens = await signInElsewhere(server.url, ben, PASSWORD);
    assert.deepEqual(await bens.tasks(), []);
    await add(other, "Ben's task");
    await lists(page, ["Ben's task"]);
    assert.deepEqual(pageErrors, []);
  });

  await t.test("sign-in with another account replaces it in the other tab", async (t) => {
    const { page, pageErrors } = await open(t, url);
    await signUp(page);
    await add(page, "Ana's task");
    const other = await openTab(page, url);
    await row(other, "Ana's task").waitFor();
    await button(other, "Sign out").click();
    await alert(page, "You have signed out in another tab.").waitFor();
    const ben = await signUp(other);
    await page.getByText(ben).waitFor();
    await lists(page, []);
    assert.deepEqual(pageErrors, []);
  });
});
