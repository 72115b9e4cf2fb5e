// Reads a list of tasks, newest first, and applies changes to it.

import type { ChangesSubscription, TasksQuery } from "./gql/graphql";

export type List = NonNullable<TasksQuery["viewer"]>["tasks"];
export type Task = List["edges"][number]["node"];
export type Change = Pick<ChangesSubscription["taskChanges"], "nodeId" | "node">;

export const PAGE = 20;
const MAX_PAGE = 100;

/** Reads `count` rows in pages of at most `MAX_PAGE`. */
export async function readRows(count: number, readPage: (first: number, after?: string | null) => Promise<TasksQuery>) {
  let data = await readPage(Math.min(count, MAX_PAGE));
  while (data.viewer) {
    const { edges, pageInfo } = data.viewer.tasks;
    if (edges.length >= count || !pageInfo.hasNextPage) break;
    const next = await readPage(Math.min(count - edges.length, MAX_PAGE), pageInfo.endCursor);
    if (!next.viewer) return next;
    const tasks = { ...next.viewer.tasks, edges: [...edges, ...next.viewer.tasks.edges] };
    data = { ...next, viewer: { ...next.viewer, tasks } };
  }
  return data;
}

/** Applies a change to a list of all tasks, or of those with `completed`, and returns the new list. */
export function afterChange(list: List, { nodeId, node }: Change, completed: boolean | undefined): List {
  const { edges, pageInfo } = list;
  const index = edges.findIndex((edge) => edge.node.id === nodeId);
  const old = edges[index];
  const task = node?.__typename === "Task" ? node : null;
  if (old && task && task.version < old.node.version) return list;
  const isListed = task && (completed === undefined || task.completed === completed);
  if (!isListed) return old ? { ...list, edges: edges.toSpliced(index, 1) } : list;
  if (old) return { ...list, edges: edges.with(index, { ...old, node: task }) };
  // Ids begin with the time of creation, so their order is the order of the list.
  const older = edges.findIndex((edge) => edge.node.id < nodeId);
  if (older < 0 && pageInfo.hasNextPage) return list; // on a page that is not loaded yet
  const edge = { __typename: "TaskEdge" as const, cursor: "", node: task };
  return { ...list, edges: edges.toSpliced(older < 0 ? edges.length : older, 0, edge) };
}
