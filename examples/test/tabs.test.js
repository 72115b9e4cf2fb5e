// Two tabs of one browser, which share its cookie.

import assert from "node:assert/strict";

import {
  PASSWORD, add, alert, button, eachExample, heading, lists, newEmail, open, openTab, row, signIn, signUp,
} from "./browser.js";
import { signInElsewhere } from "./elsewhere.js";

/** A tab that neither tells the others nor is told, as one that the browser has frozen. */
const alone = (page) =>
  page.addInitScript(() => {
    BroadcastChannel.prototype.postMessage = () => {};
    Object.defineProperty(BroadcastChannel.prototype, "onmessage", { set() {} });
  });

/** The address of an account that is not signed in on the page. */
async function newAccount(page) {
  const email = await signUp(page);
  await button(page, "Sign out").click();
  await heading(page, "Sign in").waitFor();
  return email;
}

eachExample(async (t, { server, url, shoot }) => {
  await t.test("signing in and out in one tab does so in the other", async (t) => {
    const { page, wrongs } = await open(t, url);
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
    assert.deepEqual(wrongs, []);
  });

  await t.test("two tabs that sign in one after the other both stay signed in", async (t) => {
    const { page, wrongs } = await open(t, url, { prepare: alone });
    const email = await newAccount(page);
    const other = await openTab(page, url, { prepare: alone });
    const [first, second] = [page, other];
    await signIn(first, email);
    await signIn(second, email); // ends the session of the first
    for (let round = 1; round <= 3; round += 1) {
      await add(first, `First ${round}`);
      await row(second, `First ${round}`).waitFor();
      await add(second, `Second ${round}`);
      await row(first, `Second ${round}`).waitFor();
    }
    assert.equal(await (await signInElsewhere(server.url, email, PASSWORD)).sessions(), 2, "one for both tabs");
    await first.reload();
    await row(first, "Second 3").waitFor();
    assert.deepEqual(wrongs, []);
  });

  await t.test("what one user asks for is not sent as another's", async (t) => {
    const { page, wrongs } = await open(t, url, { prepare: alone });
    await openTab(page, url);
    const other = await openTab(page, url, { prepare: alone });
    await signUp(page);
    const ben = newEmail();
    await signUp(other, ben);
    await page.getByLabel("New task").fill("Hers alone");
    await button(page, "Add").click();
    await page.getByText(ben).waitFor();
    await page.getByText("signed in with another account").waitFor();
    await shoot(page, "another");
    const bens = await signInElsewhere(server.url, ben, PASSWORD);
    assert.deepEqual(await bens.tasks(), []);
    await add(other, "His alone");
    await lists(page, ["His alone"]);
    assert.deepEqual(wrongs, []);
  });

  await t.test("an account that signs in replaces the one in the other tab", async (t) => {
    const { page, wrongs } = await open(t, url);
    await signUp(page);
    await add(page, "Hers alone");
    const other = await openTab(page, url);
    await row(other, "Hers alone").waitFor();
    await button(other, "Sign out").click();
    await alert(page, "You have signed out in another tab.").waitFor();
    const ben = await signUp(other);
    await page.getByText(ben).waitFor();
    await lists(page, []);
    assert.deepEqual(wrongs, []);
  });
});
