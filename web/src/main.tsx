// Renders the page: the account bar and GraphiQL.

import "./nonce";
import "./workers";
import "graphiql/style.css";
import "./style.css";

import { GraphiQL } from "graphiql";
import { createRoot } from "react-dom/client";

import { AccountBar } from "./account";
import { fetcher, checkSession } from "./api";
import { authorization } from "./session";

const DEFAULT_QUERY = `# Press the run button or Ctrl-Enter to run this query.

{
  service {
    version
    limits {
      maxPageSize
    }
  }
}

# Signed in, with the form above, try these.
# Each replaces what is above it.
#
# mutation {
#   createTask(input: { title: "Buy milk" }) {
#     task { id }
#     userErrors { code path message }
#   }
# }
#
# {
#   viewer {
#     email
#     tasks(first: 10) {
#       totalCount
#       nodes { id title priority completed }
#     }
#   }
# }
#
# mutation {
#   setTaskCompleted(
#     input: { id: "task_…", completed: true }
#   ) {
#     task { completedAt version }
#     userErrors { code path message }
#   }
# }
`;

// The session may have ended since the page was left, and GraphiQL could not read the schema with
// an invalid token.
if (authorization() !== null) await checkSession();

const root = document.getElementById("root");
if (root) {
  createRoot(root).render(
    <>
      <AccountBar />
      <GraphiQL fetcher={fetcher} defaultQuery={DEFAULT_QUERY} shouldPersistHeaders={false}>
        <GraphiQL.Logo>
          <></>
        </GraphiQL.Logo>
      </GraphiQL>
    </>,
  );
}
