import type { CodegenConfig } from "@graphql-codegen/cli";

const config: CodegenConfig = {
  schema: "../../schema.graphql",
  documents: "types/codegen/*.ts",
  generates: {
    "types/made/gql/": {
      preset: "client",
      config: { scalars: { DateTime: "string", TimeZone: "string", SyncToken: "string" } },
    },
  },
};
export default config;
