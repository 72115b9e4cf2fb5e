// Tests the lists of the examples, and counts their requests.

import assert from "node:assert/strict";

import {
  PASSWORD, add, box, button, countRequests, eachExample, heading, isStream, lists, open, openTab, row, signUp,
  untilLive,
} from "./browser.js";
import { signInElsewhere } from "./elsewhere.js";

/** Returns titles, newest first: `Task 45`, `Task 44` … */
const titles = (from, to = 1) => Array.from({ length: from - to + 1 }, (_, n) => `Task ${from - n}`);

/** Opens a page with `count` tasks, all of them loaded. */
async function openList(t, { server, url }, count) {
  const { page, pageErrors } = await open(t, url);
  const email = await signUp(page);
  const elsewhere = await signInElsewhere(server.url, email, PASSWORD);
  await elsewhere.createAll(titles(count).reverse());
  await lists(page, titles(count));
  await untilLive(page, () => page.reload());
  for (let shown = 20; shown < count; shown += 20) {
    await lists(page, titles(count, count - shown + 1));
    await button(page, "Load more").click();
  }
  await lists(page, titles(count));
  return { page, pageErrors, elsewhere };
}

eachExample(async (t, example) => {
  const { server, url, shoot } = example;

  await t.test("each filter has its own list with correct pages", async (t) => {
    const { page, pageErrors, elsewhere } = await openList(t, example, 50);
    const all = await elsewhere.tasks();
    for (const { id } of all.slice(0, 25)) await elsewhere.complete(id);
    await page.waitForFunction(() => document.querySelectorAll("li :checked").length === 25);

    await button(page, "Done").click();
    await lists(page, titles(50, 31));
    await button(page, "Load more").click();
    await lists(page, titles(50, 26));
    await button(page, "To do").click();
    await lists(page, titles(25, 6));
    await shoot(page, "filter");
    const requests = countRequests(page);
    await button(page, "Done").click();
    await lists(page, titles(50, 26));
    await button(page, "All").click();
    await lists(page, titles(50));
    await button(page, "To do").click();
    await lists(page, titles(25, 6));
    assert.deepEqual(requests, [], "each list is already loaded");

    await box(page, "Task 20").click();
    await lists(page, titles(25, 6).filter((title) => title !== "Task 20"));
    await button(page, "Load more").click();
    await lists(page, titles(25).filter((title) => title !== "Task 20"));
    await button(page, "Done").click();
    await lists(page, [...titles(50, 26), "Task 20"]);
    assert.deepEqual(pageErrors, []);
  });

  await t.test("completing one of 200 rows leaves 200 and sends one request", async (t) => {
    const { page, pageErrors } = await openList(t, example, 200);
    const other = await openTab(page, "about:blank");
    await untilLive(other, () => other.goto(url));
    await row(other, "Task 200").waitFor();
    const requests = countRequests(page);
    const otherRequests = countRequests(other);
    for (const title of ["Task 200", "Task 77"]) {
      await box(page, title).check();
      await page.waitForFunction((n) => document.querySelectorAll("li :checked").length === n, requests.length);
    }
    await other.waitForFunction(() => document.querySelector("li :checked"));
    await add(other, "Task 201");
    await row(page, "Task 201").waitFor();
    await lists(page, titles(201));
    assert.deepEqual(requests.map((body) => JSON.parse(body).operationName), ["SetCompleted", "SetCompleted"]);
    assert.deepEqual(otherRequests.map((body) => JSON.parse(body).operationName), ["Create"]);
    assert.deepEqual(pageErrors, []);
  });

  await t.test("long list is paged and changes without a request", async (t) => {
    const { page, pageErrors, elsewhere } = await openList(t, example, 45);
    await untilLive(page, () => page.reload());
    await lists(page, titles(45, 26));
    await heading(page, "Tasks 20+").waitFor();
    await button(page, "Load more").click();
    await lists(page, titles(45, 6));
    await shoot(page, "pages", { fullPage: true });
    const requests = countRequests(page);
    const all = await elsewhere.tasks();
    await elsewhere.delete(all[0].id);
    await elsewhere.delete(all[39].id); // the last one shown
    await elsewhere.delete(all[44].id); // not shown yet
    await lists(page, titles(44, 7));
    await elsewhere.rename(all[41].id, "Renamed, on a page that is not loaded yet");
    await elsewhere.create("Task 46");
    await lists(page, ["Task 46", ...titles(44, 7)]);
    assert.deepEqual(requests, []);
    await button(page, "Load more").click();
    await lists(page, ["Task 46", ...titles(44, 7), "Task 5", "Renamed, on a page that is not loaded yet", "Task 3", "Task 2"]);
    await heading(page, /^Tasks 43$/).waitFor();
    assert.deepEqual(pageErrors, []);
  });

  await t.test("change during a read is not lost", async (t) => {
    const { page, pageErrors, elsewhere } = await openList(t, example, 45);
    await untilLive(page, () => page.reload());
    await lists(page, titles(45, 26));
    // The response is computed before the change, and arrives after it.
    let answer = () => {};
    const isRead = new Promise((resolve) => {
      page.route("**/graphql", async (route) => {
        if (!route.request().postData()?.includes("query Tasks")) return route.continue();
        const response = await route.fetch();
        answer = () => route.fulfill({ response });
        resolve();
      });
    });
    await button(page, "Load more").click();
    await isRead;
    const all = await elsewhere.tasks();
    await elsewhere.rename(all[25].id, "Renamed meanwhile");
    await elsewhere.delete(all[26].id);
    await elsewhere.create("Task 46");
    await row(page, "Task 46").waitFor();
    await answer();
    const wanted = ["Task 46", ...titles(45, 6)].filter((title) => title !== "Task 19");
    await lists(page, wanted.with(wanted.indexOf("Task 20"), "Renamed meanwhile"));
    assert.deepEqual(pageErrors, []);
  });

  await t.test("change before the stream opens is not lost", async (t) => {
    const { page, pageErrors, elsewhere } = await openList(t, example, 1);
    let openStream = () => {};
    const isChanged = new Promise((resolve) => (openStream = resolve));
    const isOpen = page.waitForResponse((response) => isStream(response.request()));
    let reads = 0;
    const isRead = new Promise((resolve) => {
      page.route("**/graphql", async (route) => {
        if (isStream(route.request())) return isChanged.then(() => route.continue());
        if (!route.request().postData()?.includes("query Tasks") || ++reads > 1) return route.continue();
        // Computed before the change, and delivered after the stream has opened.
        const response = await route.fetch();
        resolve();
        await isOpen;
        return route.fulfill({ response });
      });
    });
    await page.reload();
    await isRead;
    await elsewhere.create("Task 2");
    openStream();
    await lists(page, titles(2));
    assert.deepEqual(pageErrors, []);
  });

  await t.test("reopened stream reads the list again in full length", async (t) => {
    const { page, elsewhere } = await openList(t, example, 130);
    const all = await elsewhere.tasks();
    await server.stop();
    await server.restart();
    await elsewhere.delete(all[1].id);
    await elsewhere.create("Task 131");
    const requests = countRequests(page);
    await lists(page, ["Task 131", "Task 130", ...titles(128)]);
    assert.ok(requests.length <= 2, requests.join("\n"));
    await elsewhere.create("Task 132");
    await lists(page, ["Task 132", "Task 131", "Task 130", ...titles(128)]);
  });
});
