import { Client, fetchExchange, type TypedDocumentNode } from "@urql/core";

import { graphql } from "./gql";
import { API, fetchAsViewer } from "./session";

// Without a cache: the tasks are read again when they change, and nothing of one person's is left for the next.
export const client = new Client({
  url: API,
  preferGetMethod: false,
  exchanges: [fetchExchange],
  fetch: fetchAsViewer,
  fetchSubscriptions: true,
});

/** What goes wrong is in the answer, and nothing is thrown. */
export const mutate = <Data, Variables extends object>(
  mutation: TypedDocumentNode<Data, Variables>,
  variables: Variables,
) => client.mutation<Data>(mutation, variables);

const CHANGES = graphql(`
  subscription Changes {
    taskChanges { nodeId }
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
    stream = client.subscription(CHANGES, {}, { fetch: fetchAndTell }).subscribe(({ hasNext }) => {
      if (hasNext) callback();
      // Not everybody at once, when the server comes back.
      else timer = setTimeout(() => (open(), callback()), 1000 + 2000 * Math.random());
    });
  }
  async function fetchAndTell(...request: Parameters<typeof fetch>) {
    const response = await fetchAsViewer(...request);
    // The head of a stream says that it is open. A proxy may hold it back until the first event, which is
    // 12 seconds later at most.
    if (response.ok) callback();
    return response;
  }
  open();
  return () => {
    clearTimeout(timer);
    stream.unsubscribe();
  };
}
