import { ApolloClient, HttpLink, InMemoryCache, type OperationVariables, type TypedDocumentNode } from "@apollo/client";
import { relayStylePagination } from "@apollo/client/utilities";

import { graphql } from "./gql";
import { API, fetchAsViewer } from "./session";

let onOpened = () => {};

export const client = new ApolloClient({
  link: new HttpLink({
    uri: API,
    async fetch(...request) {
      const response = await fetchAsViewer(...request);
      // The head of a stream says that it is open. A proxy may hold it back until the first part, which is
      // 12 seconds later at most.
      if (response.headers.get("content-type")?.startsWith("multipart/")) onOpened();
      return response;
    },
  }),
  cache: new InMemoryCache({ typePolicies: { User: { fields: { tasks: relayStylePagination() } } } }),
});

/** What goes wrong is in the answer, and nothing is thrown. */
export const mutate = <Data, Variables extends OperationVariables>(
  mutation: TypedDocumentNode<Data, Variables>,
  variables: Variables,
) => client.mutate<Data>({ mutation, variables, errorPolicy: "all" });

// The cache takes up the task by its id.
const CHANGES = graphql(`
  subscription Changes {
    taskChanges { nodeId node { ... on Task { id version title completed } } }
  }
`);

/**
 * Calls back when the tasks are to be read: at each change, and once the stream is open, since what happened before
 * that is not told. A stream that ends is opened again. Gives what closes it.
 */
export function listen(callback: () => void) {
  let stream = { unsubscribe() {} };
  let timer = 0;
  function open() {
    stream = client.subscribe({ query: CHANGES }).subscribe({ next: callback, error: openAgain, complete: openAgain });
  }
  function openAgain() {
    // Not everybody at once, when the server comes back.
    timer = setTimeout(() => (open(), callback()), 1000 + 2000 * Math.random());
  }
  onOpened = callback;
  open();
  return () => {
    clearTimeout(timer);
    stream.unsubscribe();
  };
}
