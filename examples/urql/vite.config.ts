import { defineConfig } from "vite";

// For the browser the page and the API are of one origin, so that the cookie of the session counts. `Host` and `Origin`
// are passed on as they came, as Cubby wants them.
const target = process.env["CUBBY_URL"] ?? "http://127.0.0.1:8000";

export default defineConfig({
  server: { port: 5173, strictPort: true, proxy: { "/graphql": { target, ws: true } } },
});
