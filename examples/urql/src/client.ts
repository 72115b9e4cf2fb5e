import { Client, CombinedError, fetchExchange, type AnyVariables, type TypedDocumentNode } from "@urql/core";
import { useClient } from "urql";

import type { Change } from "./list";
import type { Stream } from "./live";
import { CHANGES } from "./operations";
import { problemOf } from "./problem";
import { API, fetchAsViewer } from "./session";

/** Each user has a client of their own. It has no cache: the lists are in the state of `useTasks`. */
export const newClient = () =>
  new Client({
    url: API,
    preferGetMethod: false,
    exchanges: [fetchExchange],
    fetch: fetchAsViewer,
    fetchSubscriptions: true,
  });

/** A message for the user; empty if nothing went wrong. */
export const describe = (error: CombinedError | undefined) => (error ? problemOf(error.graphQLErrors) : "");

/** Runs mutations. A failure is in the answer, and nothing is thrown. */
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

/** Subscribes to the changes; returns what closes the stream. */
export function openChanges(client: Client, { opened, change, lost, ended }: Stream<Change>) {
  async function fetchStream(...request: Parameters<typeof fetch>) {
    const response = await fetchAsViewer(...request);
    // The head of a stream says that it is open. A proxy may hold it back until the first event, which is
    // 12 seconds later at most.
    if (response.ok) opened();
    return response;
  }
  const stream = client.subscription(CHANGES, {}, { fetch: fetchStream }).subscribe(({ data, error, hasNext }) => {
    // An answer of the API's is about the session.
    if (error?.networkError) lost(describe(error));
    if (!hasNext) ended();
    else if (data) change(data.taskChanges);
  });
  return () => stream.unsubscribe();
}
