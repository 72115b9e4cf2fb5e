// Builds a website from the Markdown files of the repository. No text is copied: pages are the
// files themselves. A link to another file, such as source code, becomes plain text, or a link to
// SOURCE_URL (such as https://git.example.com/cubby/blob/main) if that is set.

import { existsSync, readFileSync } from "node:fs";
import { join, posix } from "node:path";
import { fileURLToPath } from "node:url";
import { renderMermaidSVG } from "beautiful-mermaid";
import { defineConfig } from "vitepress";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const { SOURCE_URL } = process.env;

/** The sidebar: each page as `path "title"`; the path is its file in the repository. */
const SIDEBAR = {
  "Use Cubby": {
    "README.md": "Cubby",
    "specs/001-user-auth/quickstart.md": "Quickstart",
    "examples/README.md": "Example front ends",
    "specs/deployment.md": "Deployment",
  },
  "Accounts and sessions": {
    "specs/001-user-auth/spec.md": "Specification",
    "specs/001-user-auth/contracts/sign-up.md": "signUp",
    "specs/001-user-auth/contracts/sign-in.md": "signIn",
    "specs/001-user-auth/contracts/refresh.md": "refreshSession",
    "specs/001-user-auth/contracts/sign-out.md": "signOut",
    "specs/001-user-auth/contracts/sessions.md": "Sessions",
    "specs/001-user-auth/contracts/account.md": "The account",
    "specs/001-user-auth/contracts/access-tokens.md": "Personal access tokens",
    "specs/001-user-auth/contracts/cookies.md": "Cookies",
    "specs/001-user-auth/contracts/authentication.md": "Authentication",
    "specs/001-user-auth/contracts/revocation.md": "Ends of sessions",
    "specs/001-user-auth/contracts/rate-limits.md": "Rate limits",
    "specs/001-user-auth/contracts/administration.md": "Administration",
    "specs/003-external-identities/spec.md": "External providers",
    "specs/003-external-identities/contracts/tokens.md": "Tokens of external providers",
    "specs/001-user-auth/asvs.md": "OWASP ASVS",
  },
  Tasks: {
    "specs/002-tasks/spec.md": "Specification",
    "specs/002-tasks/contracts/create-task.md": "createTask",
    "specs/002-tasks/contracts/read-tasks.md": "Reading tasks",
    "specs/002-tasks/contracts/update-task.md": "updateTask",
    "specs/002-tasks/contracts/delete-task.md": "deleteTask",
    "specs/002-tasks/contracts/move-task.md": "moveTask",
    "specs/002-tasks/contracts/due-dates.md": "Due dates",
    "specs/002-tasks/contracts/task-changes.md": "taskChanges",
    "specs/002-tasks/contracts/export-import.md": "Export and import",
    "specs/002-tasks/contracts/seed.md": "Sample data",
  },
  Transport: {
    "specs/004-transport/spec.md": "Specification",
    "specs/004-transport/contracts/http.md": "HTTP",
    "specs/004-transport/contracts/streams.md": "Streams",
    "specs/004-transport/contracts/documents.md": "Limits of documents",
    "specs/004-transport/contracts/trusted-documents.md": "Trusted documents",
  },
  "Change Cubby": {
    "ARCHITECTURE.md": "Architecture",
    "CONTRIBUTING.md": "Contributing",
    "specs/principles.md": "Principles",
    "specs/001-user-auth/data-model.md": "Data model: accounts",
    "specs/002-tasks/data-model.md": "Data model: tasks",
    "specs/001-user-auth/diagrams.md": "Sequence diagrams",
  },
};

const rewrites = { "README.md": "index.md", "examples/README.md": "examples/index.md" };

/** The folders whose Markdown files are not pages. */
const EXCLUDED = ["target", "src", "tests", "web", "docs"];

const module = (path) => join(ROOT, "docs/node_modules", path);

const isPage = (file) => file.endsWith(".md") && !EXCLUDED.includes(file.split("/")[0]);

const address = (file) => "/" + (rewrites[file] ?? file).replace(/(^|\/)index\.md$/, "$1").replace(/\.md$/, ".html");

const sidebar = Object.entries(SIDEBAR).map(([text, pages]) => ({
  text,
  collapsed: text === "Use Cubby" || text === "Change Cubby" ? undefined : true,
  items: Object.entries(pages).map(([file, text]) => {
    if (!existsSync(join(ROOT, file))) throw new Error(`the sidebar names ${file}, which does not exist`);
    return { text, link: address(file) };
  }),
}));

/** Returns the anchor of a heading, as GitHub and other forges compute it. */
const slugify = (heading) =>
  heading
    .trim()
    .toLowerCase()
    .replace(/[^\p{L}\p{N}\p{M}_ -]/gu, "")
    .replaceAll(" ", "-");

/** Returns the anchors of the headings of a file. */
const anchors = (file) =>
  readFileSync(file, "utf8")
    .replace(/^```.*?^```/gms, "")
    .match(/^#+ .+$/gm)
    .map((line) => slugify(line.replace(/^#+ /, "").replace(/\[([^\]]*)\]\([^)]*\)/g, "$1")));

/** Checks the relative links of a page, and replaces them by the addresses of the website. */
function links(markdown) {
  markdown.core.ruler.push("repository-links", ({ tokens, env }) => {
    const page = env.relativePath === "index.md" ? "README.md" : env.relativePath.replace(/\/index\.md$/, "/README.md");
    for (const { children } of tokens) {
      for (const [index, token] of (children ?? []).entries()) {
        if (token.type !== "link_open") continue;
        const href = token.attrGet("href");
        if (/^[a-z]+:/.test(href)) continue;
        const [path, anchor] = decodeURI(href).split("#");
        const file = path ? posix.join(posix.dirname(page), path).replace(/\/$/, "") : page;
        if (!existsSync(join(ROOT, file))) throw new Error(`dead link in ${page}: ${href}`);
        if (isPage(file)) {
          if (anchor && !anchors(join(ROOT, file)).includes(anchor)) throw new Error(`dead link in ${page}: ${href}`);
          token.attrSet("href", (path ? address(file) : "") + (anchor ? `#${anchor}` : ""));
        } else if (SOURCE_URL) {
          token.attrSet("href", `${SOURCE_URL}/${file}`);
        } else {
          const close = children.findIndex(({ type }, at) => at > index && type === "link_close");
          for (const at of [index, close]) Object.assign(children[at], { type: "text", tag: "", content: "", nesting: 0 });
        }
      }
    }
  });
}

/** Draws Mermaid diagrams. One that cannot be drawn stays a code block. */
function diagrams(markdown) {
  const { fence } = markdown.renderer.rules;
  markdown.renderer.rules.fence = (tokens, index, ...rest) => {
    if (tokens[index].info.trim() === "mermaid") {
      try {
        const svg = renderMermaidSVG(tokens[index].content, { bg: "#fff", fg: "#222", muted: "#444", font: "sans-serif" })
          // A style sheet from another host.
          .replace(/@import url\([^)]*\);/g, "");
        return `<img class="diagram" alt="Diagram" src="data:image/svg+xml;base64,${Buffer.from(svg).toString("base64")}">`;
      } catch (error) {
        console.warn(`a Mermaid diagram stays a code block: ${error.message}`);
      }
    }
    return fence(tokens, index, ...rest);
  };
}

export default defineConfig({
  title: "Cubby",
  description: "A self-hosted backend for task apps: accounts, sessions and a live GraphQL API in one binary",
  lang: "en",
  head: [["link", { rel: "icon", href: "data:," }]],
  srcDir: ROOT,
  srcExclude: EXCLUDED.map((folder) => `${folder}/**`),
  rewrites,
  // Commands and their addresses, such as http://localhost:5173, are for the reader's machine.
  ignoreDeadLinks: "localhostLinks",
  markdown: { anchor: { slugify }, config: (markdown) => markdown.use(links).use(diagrams) },
  // The pages are outside docs, so modules that they import are not found without these aliases.
  vite: {
    resolve: {
      alias: [
        { find: /^vue$/, replacement: module("vue/dist/vue.runtime.esm-bundler.js") },
        { find: /^vue\/server-renderer$/, replacement: module("vue/server-renderer/index.mjs") },
      ],
    },
  },
  themeConfig: {
    sidebar,
    outline: [2, 3],
    search: { provider: "local" },
  },
});
