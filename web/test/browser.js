// A browser that tells what went wrong on a page, and where screenshots go.

import { mkdir } from "node:fs/promises";
import { chromium } from "playwright-core";

const { CHROMIUM = "/usr/bin/chromium", CUBBY_URL } = process.env;

if (!CUBBY_URL) throw new Error("CUBBY_URL says where Cubby is served, such as http://127.0.0.1:8000");

export const url = CUBBY_URL;

export function launch() {
  // Chromium's own sandbox cannot be had by root, which a container's user often is.
  const args = process.getuid?.() === 0 ? ["--no-sandbox"] : [];
  return chromium.launch({ executablePath: CHROMIUM, args });
}

/** A page of somebody's own, and whatever went wrong on it. */
export async function open(browser, { at = url, width = 1280, height = 800, prepare } = {}) {
  const context = await browser.newContext({ viewport: { width, height } });
  const page = await context.newPage();
  const wrongs = [];
  // A violation of the policy is an error on the console too. What the API refuses is not wrong:
  // Chromium writes its status there, and the tests read the answer.
  page.on("console", (message) => {
    const isRefusal = message.location().url.endsWith("/graphql");
    if (message.type() === "error" && !isRefusal) wrongs.push(message.text());
  });
  page.on("pageerror", (error) => wrongs.push(String(error)));
  page.on("requestfailed", (request) => {
    // A reload gives up the requests under way.
    const { errorText } = request.failure();
    if (errorText !== "net::ERR_ABORTED") wrongs.push(`no answer from ${request.url()}: ${errorText}`);
  });
  await prepare?.(page);
  await page.goto(at);
  return { page, wrongs };
}

/** Whether it is the answer to an operation that says this, and not to a question for the schema. */
export const isAnswer = (response, says = "{") => {
  const operation = response.request().postData() ?? "";
  return operation.includes(says) && !operation.includes("IntrospectionQuery");
};

/** Runs the operation that is there, and gives the answer. */
export async function runIt(page) {
  const answer = page.waitForResponse((response) => isAnswer(response));
  await page.locator(".graphiql-execute-button").click();
  return (await answer).json();
}

export async function screenshot(page, name) {
  const directory = new URL("screenshots/", import.meta.url);
  await mkdir(directory, { recursive: true });
  await page.screenshot({ path: new URL(`${name}.png`, directory).pathname });
}
