import type { CodegenConfig } from "@graphql-codegen/cli";

const config: CodegenConfig = {
  schema: "../../schema.graphql",
  documents: "src/*.{ts,tsx}",
  generates: {
    "src/gql/": {
      preset: "client",
      presetConfig: { fragmentMasking: false },
      config: {
        useTypeImports: true,
        nonOptionalTypename: true,
        skipTypeNameForRoot: true,
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
