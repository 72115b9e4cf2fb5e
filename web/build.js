// Bundles GraphiQL into dist, which the build of the service embeds in the binary.

import { readdir, readFile, rm, writeFile } from "node:fs/promises";
import { basename } from "node:path";
import { build } from "esbuild";

// The path under which src/http/graphiql.rs serves dist.
const PUBLIC = "/graphiql";

const options = {
  bundle: true,
  minify: true,
  target: "es2022",
  outdir: "dist",
  // Browsers cache these files for a year, so changed content needs a new name.
  entryNames: "[name]-[hash]",
  metafile: true,
  logLevel: "warning",
  define: { "process.env.NODE_ENV": '"production"' },
};

/** Returns the address of the script or, if `kind` is "css", of the style sheet built from an entry. */
function address({ metafile }, entry, kind = "js") {
  const [path, output] = Object.entries(metafile.outputs).find(
    ([, output]) => output.entryPoint === entry,
  );
  return `${PUBLIC}/${basename(kind === "js" ? path : output.cssBundle)}`;
}

for (const name of await readdir("dist")) {
  if (name !== ".gitignore") await rm(`dist/${name}`);
}

const workers = {
  editor: "node_modules/monaco-editor/esm/vs/editor/editor.worker.js",
  graphql: "node_modules/monaco-graphql/esm/graphql.worker.js",
  json: "node_modules/monaco-editor/esm/vs/language/json/json.worker.js",
};
const built = await build({ ...options, entryPoints: Object.values(workers), format: "iife" });
const addresses = Object.entries(workers).map(([label, entry]) => [label, address(built, entry)]);

// GraphiQL's style sheet already includes Monaco's.
const withoutMonacoStyles = {
  name: "without-monaco-styles",
  setup: ({ onLoad }) =>
    onLoad({ filter: /monaco-editor\/esm\/.*\.css$/ }, () => ({ contents: "", loader: "css" })),
};

const main = "src/main.tsx";
const page = await build({
  ...options,
  plugins: [withoutMonacoStyles],
  entryPoints: [main],
  format: "esm",
  define: { ...options.define, WORKERS: JSON.stringify(Object.fromEntries(addresses)) },
});

const template = await readFile("index.html", "utf8");
await writeFile(
  "dist/index.html",
  template.replace("{script}", address(page, main)).replace("{style}", address(page, main, "css")),
);
