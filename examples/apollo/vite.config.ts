import { exec } from "node:child_process";
import { promisify } from "node:util";
import { defineConfig, type Plugin } from "vite";

/** Makes the types anew before a page is shown whose operations have changed. */
const types: Plugin = {
  name: "types",
  async handleHotUpdate({ file, read }) {
    if (!/\/src\/[^/]+\.tsx?$/.test(file) || !(await read()).includes("graphql(")) return;
    await promisify(exec)("npm run types").catch(({ stdout }) => console.error(stdout));
  },
};

// For the browser the page and the API are of one origin, so that the cookie of the session counts. `Host` and `Origin`
// are passed on as they came, as Cubby wants them.
const target = process.env["CUBBY_URL"] ?? "http://127.0.0.1:8000";

export default defineConfig({
  plugins: [types],
  server: { port: 5173, strictPort: true, proxy: { "/graphql": { target, ws: true } } },
});
