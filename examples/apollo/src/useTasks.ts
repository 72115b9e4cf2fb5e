import type { ApolloCache } from "@apollo/client";
import { useApolloClient, useQuery } from "@apollo/client/react";
import { useEffect, useRef } from "react";

import { describe, openChanges, useMutate } from "./client";
import { afterChange, PAGE, readRows, type Change, type Task } from "./list";
import { keepLive } from "./live";
import { CREATE, DELETE, SET_COMPLETED, TASKS } from "./operations";

const FILTERS = [undefined, false, true];

/** Applies a change to each cached list. */
function apply(cache: ApolloCache, change: Change) {
  for (const completed of FILTERS) {
    cache.updateQuery({ query: TASKS, variables: { first: PAGE, completed } }, (data) =>
      data?.viewer
        ? { ...data, viewer: { ...data.viewer, tasks: afterChange(data.viewer.tasks, change, completed) } }
        : null,
    );
  }
}

/**
 * Returns the tasks with this `completed`, or all tasks if it is undefined, and functions that
 * change them. Calls `report` after each request with a message for the user, empty without an
 * error.
 */
export function useTasks(completed: boolean | undefined, report: (problem: string) => void) {
  const client = useApolloClient();
  const mutate = useMutate();
  // `readShown` fills the cache.
  const { data } = useQuery(TASKS, { variables: { first: PAGE, completed }, fetchPolicy: "cache-only" });
  const viewer = data?.viewer;
  const list = viewer?.tasks;
  const live = useRef<ReturnType<typeof keepLive<Change>>>(undefined);
  const shown = useRef({ completed, viewer });
  shown.current = { completed, viewer };

  async function readPage(completed: boolean | undefined, first: number, after?: string | null) {
    const variables = { first, after, completed };
    const { data, error } = await client.query({ query: TASKS, variables, fetchPolicy: "no-cache", errorPolicy: "all" });
    report(describe(error));
    if (!data) throw error;
    return data;
  }

  async function readShown() {
    const { completed, viewer } = shown.current;
    const count = Math.max(viewer?.tasks.edges.length ?? 0, PAGE);
    const read = () => readRows(count, (first, after) => readPage(completed, first, after));
    const variables = { first: PAGE, completed };
    await live.current?.load(read, (data) => client.writeQuery({ query: TASKS, variables, data }));
  }

  function readAgain() {
    const { completed, viewer } = shown.current;
    const id = viewer && client.cache.identify(viewer);
    // Other lists are read again when they are shown.
    for (const other of FILTERS.filter((each) => each !== completed)) {
      if (id) client.cache.evict({ id, fieldName: "tasks", args: { filter: { completed: other } } });
    }
    return readShown();
  }

  async function loadMore() {
    const variables = { first: PAGE, after: list?.pageInfo.endCursor, completed };
    const read = () => readPage(completed, PAGE, variables.after);
    await live.current?.load(read, (data) => client.writeQuery({ query: TASKS, variables, data }));
  }

  useEffect(() => {
    live.current = keepLive<Change>(
      (stream) => openChanges(client, stream),
      readAgain,
      (change) => apply(client.cache, change),
      report,
    );
    return () => live.current?.close();
  }, [client]);

  useEffect(() => {
    if (!list) readShown().catch(() => {}); // reported
  }, [completed, !list]);

  return {
    email: viewer?.email,
    tasks: list?.edges.map(({ node }) => node),
    hasMore: list?.pageInfo.hasNextPage ?? false,
    loadMore: () => loadMore().catch(() => {}),
    async create(id: string, title: string) {
      const { data, problem } = await mutate(
        CREATE,
        { id, title },
        { update: (cache, { data }) => data?.done?.task && apply(cache, { nodeId: id, node: data.done.task }) },
      );
      report(problem);
      return data?.done?.userErrors;
    },
    async setCompleted(task: Task, completed: boolean) {
      const { data, problem } = await mutate(
        SET_COMPLETED,
        { id: task.id, completed },
        {
          optimisticResponse: {
            done: { __typename: "SetTaskCompletedPayload", task: { ...task, completed }, userErrors: [] },
          },
          update: (cache, { data }) => data?.done?.task && apply(cache, { nodeId: task.id, node: data.done.task }),
        },
      );
      report(problem || data?.done?.userErrors[0]?.message || "");
    },
    async remove({ id }: Task) {
      const { data, problem } = await mutate(DELETE, { id }, {
        update: (cache, { data }) => data?.done?.userErrors.length === 0 && apply(cache, { nodeId: id, node: null }),
      });
      report(problem || data?.done?.userErrors[0]?.message || "");
    },
  };
}
