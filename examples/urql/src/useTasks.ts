import { useEffect, useRef, useState } from "react";
import { useClient } from "urql";

import { describe, openChanges, useMutate } from "./client";
import { afterChange, PAGE, readRows, type Change, type List, type Task } from "./list";
import { keepLive } from "./live";
import { CREATE, DELETE, SET_COMPLETED, TASKS } from "./operations";

/**
 * Returns the tasks with this `completed`, or all tasks if it is undefined, and functions that
 * change them. Calls `report` after each request with a message for the user, empty without an
 * error.
 */
export function useTasks(completed: boolean | undefined, report: (problem: string) => void) {
  const client = useClient();
  const mutate = useMutate();
  const [email, setEmail] = useState<string>();
  // Each filter has its own list.
  const [lists, setLists] = useState(new Map<boolean | undefined, List>());
  const list = lists.get(completed);
  const live = useRef<ReturnType<typeof keepLive<Change>>>(undefined);
  const shown = useRef({ completed, list });
  shown.current = { completed, list };

  const apply = (change: Change) =>
    setLists((lists) => new Map([...lists].map(([each, list]) => [each, afterChange(list, change, each)])));

  async function readPage(completed: boolean | undefined, first: number, after?: string | null) {
    const { data, error } = await client.query(TASKS, { first, after, completed });
    report(describe(error));
    if (!data) throw error;
    return data;
  }

  async function readShown() {
    const { completed, list } = shown.current;
    const count = Math.max(list?.edges.length ?? 0, PAGE);
    const read = () => readRows(count, (first, after) => readPage(completed, first, after));
    await live.current?.load(read, ({ viewer }) => {
      setEmail(viewer?.email);
      setLists((lists) => (viewer ? new Map(lists).set(completed, viewer.tasks) : lists));
    });
  }

  function readAgain() {
    const { completed, list } = shown.current;
    // Other lists are read again when they are shown.
    setLists(new Map(list && [[completed, list]]));
    return readShown();
  }

  async function loadMore() {
    const read = () => readPage(completed, PAGE, list?.pageInfo.endCursor);
    await live.current?.load(read, ({ viewer }) =>
      setLists((lists) => {
        const list = lists.get(completed);
        if (!list || !viewer) return lists;
        return new Map(lists).set(completed, { ...viewer.tasks, edges: [...list.edges, ...viewer.tasks.edges] });
      }),
    );
  }

  useEffect(() => {
    live.current = keepLive<Change>((stream) => openChanges(client, stream), readAgain, apply, report);
    return () => live.current?.close();
  }, [client]);

  useEffect(() => {
    if (!list) readShown().catch(() => {}); // reported
  }, [completed, !list]);

  return {
    email,
    tasks: list?.edges.map(({ node }) => node),
    hasMore: list?.pageInfo.hasNextPage ?? false,
    loadMore: () => loadMore().catch(() => {}),
    async create(id: string, title: string) {
      const { data, problem } = await mutate(CREATE, { id, title });
      report(problem);
      if (data?.done?.task) apply({ nodeId: id, node: data.done.task });
      return data?.done?.userErrors;
    },
    async setCompleted(task: Task, completed: boolean) {
      // Shown at once, and reverted if the mutation fails.
      apply({ nodeId: task.id, node: { ...task, completed } });
      const { data, problem } = await mutate(SET_COMPLETED, { id: task.id, completed });
      report(problem || data?.done?.userErrors[0]?.message || "");
      apply({ nodeId: task.id, node: data?.done?.task ?? task });
    },
    async remove({ id }: Task) {
      const { data, problem } = await mutate(DELETE, { id });
      report(problem || data?.done?.userErrors[0]?.message || "");
      if (data?.done?.userErrors.length === 0) apply({ nodeId: id, node: null });
    },
  };
}
