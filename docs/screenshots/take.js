// Takes the screenshots of the README in a browser; docs/screenshots/take runs it.

import { statSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";

import { cubby, frontEnd } from "../../examples/test/servers.js";

const { chromium } = createRequire(new URL("../../examples/test/", import.meta.url))("playwright-core");

const { CHROMIUM = "/usr/bin/chromium" } = process.env;
const [directory] = process.argv.slice(2);

const MAX_BYTES = 150_000;
const EMAIL = "ana@example.com";
const PASSWORD = "correct horse";

// Newest first in the list.
const TASKS = [
  ["Cancel the gym", { completed: true }],
  ["Send the invoice", { completed: true }],
  ["Renew the passport", { priority: "HIGH", days: 30 }],
  ["Buy a present for Ben", { priority: "MEDIUM", days: 6 }],
  ["Call the landlord", { priority: "URGENT", days: 0 }],
  ["Book the train to Graz", { priority: "HIGH", days: 2 }],
];
const LAST_TASK = "Water the plants";

const QUERY = `query NextTasks {
  viewer {
    email
    taskCounts {
      open
      completed
      dueToday
    }
    tasks(
      first: 2
      filter: { completed: false }
      orderBy: [{ field: DUE }]
    ) {
      nodes {
        title
        priority
        due {
          date
        }
      }
    }
  }
}
`;

/** Sends an operation as this user, and returns its data. */
async function send(url, token, query, variables) {
  const headers = { "content-type": "application/json", ...(token && { authorization: `Bearer ${token}` }) };
  const response = await fetch(`${url}/graphql`, { method: "POST", headers, body: JSON.stringify({ query, variables }) });
  const { data, errors } = await response.json();
  if (errors) throw new Error(JSON.stringify(errors));
  return data;
}

/** Returns the local date of the day this many days from now. */
const dateIn = (days) => new Date(Date.now() + days * 86_400_000).toISOString().slice(0, 10);

async function createUserAndTasks(url) {
  const { signUp } = await send(
    url,
    null,
    `mutation ($input: SignUpInput!) { signUp(input: $input) { tokens { accessToken } } }`,
    { input: { email: EMAIL, password: PASSWORD, timeZone: "UTC" } },
  );
  const { accessToken } = signUp.tokens;
  for (const [title, { priority, days, completed }] of TASKS) {
    const input = { title, priority, due: days === undefined ? undefined : { date: dateIn(days) } };
    const { createTask } = await send(
      url,
      accessToken,
      `mutation ($input: CreateTaskInput!) { createTask(input: $input) { task { id } } }`,
      { input },
    );
    if (completed) {
      await send(
        url,
        accessToken,
        `mutation ($id: ID!) { setTaskCompleted(input: { id: $id, completed: true }) { task { id } } }`,
        createTask.task,
      );
    }
  }
}

async function signIn(page) {
  await page.getByLabel("E-mail").fill(EMAIL);
  await page.getByLabel("Password").fill(PASSWORD);
  await page.getByRole("button", { name: "Sign in", exact: true }).click();
}

async function openExample(browser, url, viewport, colorScheme) {
  const context = await browser.newContext({ viewport, colorScheme, deviceScaleFactor: 2 });
  const page = await context.newPage();
  await page.goto(url);
  await signIn(page);
  await page.getByText(LAST_TASK).or(page.getByText(TASKS.at(-1)[0])).waitFor();
  return page;
}

/** Shows a computer and a phone next to each other: a task added on the phone appears on both. */
async function takeExample(browser, url, path) {
  const computer = await openExample(browser, url, { width: 700, height: 640 }, "light");
  const phone = await openExample(browser, url, { width: 330, height: 640 }, "dark");
  await phone.getByLabel("New task").fill(LAST_TASK);
  await phone.getByRole("button", { name: "Add", exact: true }).click();
  for (const page of [computer, phone]) await page.getByRole("listitem").filter({ hasText: LAST_TASK }).waitFor();
  await phone.evaluate(() => document.activeElement.blur());

  const images = await Promise.all([computer, phone].map((page) => page.screenshot()));
  const context = await browser.newContext({ viewport: { width: 1140, height: 720 }, deviceScaleFactor: 1.3 });
  const page = await context.newPage();
  await page.setContent(`
    <style>
      body { display: flex; gap: 36px; align-items: center; justify-content: center; height: 100vh; margin: 0; background: #dfe5ee; }
      img { display: block; height: 640px; border-radius: 12px; box-shadow: 0 0 0 1px rgb(20 30 50 / 15%); }
      img + img { border-radius: 28px; }
    </style>
    ${images.map((image) => `<img src="data:image/png;base64,${image.toString("base64")}">`).join("")}`);
  await page.screenshot({ path });
}

async function takeGraphiql(browser, url, path) {
  const context = await browser.newContext({ viewport: { width: 1140, height: 760 }, deviceScaleFactor: 1.3 });
  const page = await context.newPage();
  await page.goto(url);
  await signIn(page);
  await page.getByText(`Signed in as ${EMAIL}`).waitFor();
  await page.waitForFunction(() => globalThis.__MONACO);
  await page.evaluate((query) => {
    // Typing would close brackets and complete names.
    const models = globalThis.__MONACO.editor.getModels();
    models.find((model) => model.getLanguageId() === "graphql").setValue(query);
  }, QUERY);
  await page.locator(".graphiql-execute-button").click();
  await page.locator(".result-window").getByText("date").first().waitFor();
  await page.mouse.move(0, 0);
  await page.screenshot({ path });
}

const server = await cubby();
// Chromium's sandbox does not work for root, the usual user in containers.
const browser = await chromium.launch({
  executablePath: CHROMIUM,
  args: process.getuid?.() === 0 ? ["--no-sandbox"] : [],
});
try {
  const start = await (await fetch(server.url, { headers: { accept: "text/html" } })).text();
  if (!start.includes("/graphiql/")) {
    throw new Error("the binary does not contain GraphiQL: run `npm --prefix web run build`, and build it again");
  }
  await createUserAndTasks(server.url);
  const example = await frontEnd(new URL("../../examples/apollo/", import.meta.url), server.url);
  try {
    await takeExample(browser, example.url, join(directory, "example.png"));
  } finally {
    await example.stop();
  }
  await takeGraphiql(browser, server.url, join(directory, "graphiql.png"));
  for (const name of ["example.png", "graphiql.png"]) {
    const { size } = statSync(join(directory, name));
    console.log(`${name}: ${size} bytes`);
    if (size > MAX_BYTES) throw new Error(`${name} is larger than ${MAX_BYTES} bytes`);
  }
} finally {
  await browser.close();
  await server.remove();
}
