// Opens pages in a browser, collects their errors, and saves screenshots.

import { mkdir } from "node:fs/promises";
import { chromium } from "playwright-core";

const { CHROMIUM = "/usr/bin/chromium", CUBBY_URL } = process.env;

if (!CUBBY_URL) throw new Error("set CUBBY_URL to the address of Cubby, such as http://127.0.0.1:8000");

export const url = CUBBY_URL;

export function launch() {
  // Chromium's sandbox does not work for root, the usual user in containers.
  const args = process.getuid?.() === 0 ? ["--no-sandbox"] : [];
  return chromium.launch({ executablePath: CHROMIUM, args });
}

/** Opens a page in a new browser context, and collects its errors. */
export async function open(browser, { at = url, width = 1280, height = 800, prepare } = {}) {
  const context = await browser.newContext({ viewport: { width, height } });
  const page = await context.newPage();
  const errors = [];
  // Violations of the Content-Security-Policy are reported here. Chromium also logs error statuses
  // of the API, which the tests check in the response.
  page.on("console", (message) => {
    const isRefusal = message.location().url.endsWith("/graphql");
    if (message.type() === "error" && !isRefusal) errors.push(message.text());
  });
  page.on("pageerror", (error) => errors.push(String(error)));
  page.on("requestfailed", (request) => {
    // A reload aborts running requests.
    const { errorText } = request.failure();
    if (errorText !== "net::ERR_ABORTED") errors.push(`no response from ${request.url()}: ${errorText}`);
  });
  await prepare?.(page);
  await page.goto(at);
  return { page, errors };
}

/** True for the response to an operation that contains `says`, except introspection. */
export const isAnswer = (response, says = "{") => {
  const operation = response.request().postData() ?? "";
  return operation.includes(says) && !operation.includes("IntrospectionQuery");
};

/** Runs the operation in the editor, and returns the response. */
export async function runOperation(page) {
  const answer = page.waitForResponse((response) => isAnswer(response));
  await page.locator(".graphiql-execute-button").click();
  return (await answer).json();
}

export async function screenshot(page, name) {
  const directory = new URL("screenshots/", import.meta.url);
  await mkdir(directory, { recursive: true });
  await page.screenshot({ path: new URL(`${name}.png`, directory).pathname });
}
