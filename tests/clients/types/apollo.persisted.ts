import type { PersistedQueryManifestConfig } from "@apollo/generate-persisted-query-manifest";

const config: PersistedQueryManifestConfig = {
  documents: ["types/codegen/*.ts"],
  output: "types/made/apollo-persisted.json",
};
export default config;
