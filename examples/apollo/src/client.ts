import {
  ApolloClient,
  CombinedGraphQLErrors,
  CombinedProtocolErrors,
  HttpLink,
  InMemoryCache,
  type OperationVariables,
  type TypedDocumentNode,
} from "@apollo/client";
import { useApolloClient } from "@apollo/client/react";
import { relayStylePagination } from "@apollo/client/utilities";

import { CHANGES } from "./operations";
import type { Change } from "./list";
import type { Stream } from "./live";
import { problemOf } from "./problem";
import { API, fetchAsViewer } from "./session";

let onOpened = () => {};

/** Each user has a client, and thus a cache, of their own. */
export const newClient = () =>
  new ApolloClient({
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
    cache: new InMemoryCache({
      // Each filter and order is a list of its own.
      typePolicies: { User: { fields: { tasks: relayStylePagination(["filter", "orderBy"]) } } },
    }),
  });

const errorsOf = (error: unknown) =>
  CombinedGraphQLErrors.is(error) || CombinedProtocolErrors.is(error) ? error.errors : [];

/** A message for the user; empty if nothing went wrong. */
export const describe = (error: unknown) => (error ? problemOf(errorsOf(error)) : "");

/** Runs mutations. A failure is in the answer, and nothing is thrown. */
export function useMutate() {
  const client = useApolloClient();
  return async <Data, Variables extends OperationVariables>(
    mutation: TypedDocumentNode<Data, Variables>,
    variables: Variables,
    options: Pick<ApolloClient.MutateOptions<Data>, "optimisticResponse" | "update"> = {},
  ) => {
    const { data, error } = await client.mutate<Data>({ mutation, variables, errorPolicy: "all", ...options });
    return { data, problem: describe(error) };
  };
}

/** Subscribes to the changes; returns what closes the stream. */
export function openChanges(client: ApolloClient, { opened, change, lost, ended }: Stream<Change>) {
  onOpened = opened;
  const stream = client.subscribe({ query: CHANGES, fetchPolicy: "no-cache" }).subscribe({
    next({ data, error }) {
      if (data) change(data.taskChanges);
      // An answer of the API's is about the session.
      if (error && errorsOf(error).length === 0) lost(describe(error));
    },
    error: ended,
    complete: ended,
  });
  return () => stream.unsubscribe();
}
