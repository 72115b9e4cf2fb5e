// The page: GraphiQL, and who is asking.

import "./nonce";
import "./workers";
import "graphiql/style.css";
import "./style.css";

import { GraphiQL } from "graphiql";
import { createRoot } from "react-dom/client";

import { AccountBar } from "./account";
import { fetcher, stillSignedIn } from "./api";
import { authorization } from "./session";

const DEFAULT_QUERY = `# Run this with the button or Ctrl-Enter.

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

// After a reload the session may have ended. GraphiQL would be refused the schema with its token.
if (authorization() !== null) await stillSignedIn();

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
