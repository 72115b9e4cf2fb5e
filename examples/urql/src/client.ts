import { Client, CombinedError, fetchExchange, type AnyVariables, type TypedDocumentNode } from "@urql/core";
import { useClient } from "urql";

import type { Change } from "./list";
import type { Stream } from "./live";
import { CHANGES } from "./operations";
import { problemOf } from "./problem";
import { API, fetchAsViewer } from "./session";

/** Creates the client of one user. It has no cache: the lists are in the state of `useTasks`. */
export const newClient = () =>
  new Client({
    url: API,
    preferGetMethod: false,
    exchanges: [fetchExchange],
    fetch: fetchAsViewer,
    fetchSubscriptions: true,
  });

/** Returns a message for the user, empty without an error. */
export const describe = (error: CombinedError | undefined) => (error ? problemOf(error.graphQLErrors) : "");

/** Returns a function that runs mutations. It returns failures as `problem` and never throws. */
export function useMutate() {
  const client = useClient();
  return async <Data, Variables extends AnyVariables>(
    mutation: TypedDocumentNode<Data, Variables>,
    variables: Variables,
  ) => {
    const { data, error } = await client.mutation(mutation, variables);
    return { data, problem: describe(error) };
  };
}

/** Subscribes to the changes. Returns a function that closes the stream. */
export function openChanges(client: Client, { opened, change, lost, ended }: Stream<Change>) {
  async function fetchStream(...request: Parameters<typeof fetch>) {
    const response = await fetchAsViewer(...request);
    // The response headers show that the stream is open. A proxy may delay them until the first
    // event, at most 12 seconds later.
    if (response.ok) opened();
    return response;
  }
  const stream = client.subscription(CHANGES, {}, { fetch: fetchStream }).subscribe(({ data, error, hasNext }) => {
    // GraphQL errors of the stream concern the session, which `fetchAsViewer` handles.
    if (error?.networkError) lost(describe(error));
    if (!hasNext) ended();
    else if (data) change(data.taskChanges);
  });
  return () => stream.unsubscribe();
}
