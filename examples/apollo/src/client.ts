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

/** Creates the client of one user. Users share no client, and so no cache. */
export const newClient = () =>
  new ApolloClient({
    link: new HttpLink({
      uri: API,
      async fetch(...request) {
        const response = await fetchAsViewer(...request);
        // The response headers show that the stream is open. A proxy may delay them until the first
        // part, at most 12 seconds later.
        if (response.headers.get("content-type")?.startsWith("multipart/")) onOpened();
        return response;
      },
    }),
    cache: new InMemoryCache({
      // Each filter and order has its own list.
      typePolicies: { User: { fields: { tasks: relayStylePagination(["filter", "orderBy"]) } } },
    }),
  });

const errorsOf = (error: unknown) =>
  CombinedGraphQLErrors.is(error) || CombinedProtocolErrors.is(error) ? error.errors : [];

/** Returns a message for the user, empty without an error. */
export const describe = (error: unknown) => (error ? problemOf(errorsOf(error)) : "");

/** Returns a function that runs mutations. It returns failures as `problem` and never throws. */
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

/** Subscribes to the changes. Returns a function that closes the stream. */
export function openChanges(client: ApolloClient, { opened, change, lost, ended }: Stream<Change>) {
  onOpened = opened;
  const stream = client.subscribe({ query: CHANGES, fetchPolicy: "no-cache" }).subscribe({
    next({ data, error }) {
      if (data) change(data.taskChanges);
      // GraphQL errors of the stream concern the session, which `fetchAsViewer` handles.
      if (error && errorsOf(error).length === 0) lost(describe(error));
    },
    error: ended,
    complete: ended,
  });
  return () => stream.unsubscribe();
}
