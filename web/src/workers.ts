// Configures the addresses of Monaco's web workers.

import type {} from "monaco-editor/esm/vs/editor/editor.api";

/** The addresses of the workers, inserted by build.js. */
declare const WORKERS: Record<"editor" | "graphql" | "json", string>;

window.MonacoEnvironment = {
  getWorker: (_id, label) =>
    new Worker(label === "graphql" || label === "json" ? WORKERS[label] : WORKERS.editor),
};
