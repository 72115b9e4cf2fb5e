import type { CodegenConfig } from "@graphql-codegen/cli";

const config: CodegenConfig = {
  schema: "../../schema.graphql",
  documents: "types/codegen/*.ts",
  generates: {
    "types/made/gql/": {
      preset: "client",
      presetConfig: { persistedDocuments: true },
      config: {
        scalars: {
          DateOrDuration: "string",
          DateTime: "string",
          LocalDate: "string",
          LocalTime: "string",
          SyncToken: "string",
          TimeZone: "string",
        },
      },
    },
  },
};
export default config;
