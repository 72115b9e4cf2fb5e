// Exports the artifacts generated from TaskList.ts for the test that runs them.

export { default as create } from "../made/relay/TaskListCreateMutation.graphql";
export { default as remove } from "../made/relay/TaskListDeleteMutation.graphql";
export { default as more } from "../made/relay/TaskListMoreQuery.graphql";
export { default as list } from "../made/relay/TaskListQuery.graphql";
export { default as row } from "../made/relay/TaskListRow_task.graphql";
export { default as refresh } from "../made/relay/TaskListRowRefreshQuery.graphql";
export { default as ofUser } from "../made/relay/TaskList_user.graphql";
