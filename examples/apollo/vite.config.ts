import { exec } from "node:child_process";
import { promisify } from "node:util";
import { defineConfig, type Plugin } from "vite";

/** Generates the types again when the operations of a file have changed. */
const types: Plugin = {
  name: "types",
  async handleHotUpdate({ file, read }) {
    if (!/\/src\/[^/]+\.tsx?$/.test(file) || !(await read()).includes("graphql(")) return;
    await promisify(exec)("npm run types").catch(({ stdout }) => console.error(stdout));
  },
};

// The page and the API have one origin for the browser, so that the session's cookie is sent. The
// proxy forwards `Host` and `Origin` unchanged, which Cubby requires.
const target = process.env["CUBBY_URL"] ?? "http://127.0.0.1:8000";

export default defineConfig({
  plugins: [types],
  server: { port: 5173, strictPort: true, proxy: { "/graphql": { target, ws: true } } },
});
