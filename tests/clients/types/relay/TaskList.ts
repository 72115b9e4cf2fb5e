// The fragments and operations of a task list, as Relay components declare them.

import { graphql } from "relay-runtime";

import type { TaskListChangesSubscription } from "../made/relay/TaskListChangesSubscription.graphql";
import type { TaskListCreateMutation } from "../made/relay/TaskListCreateMutation.graphql";
import type { TaskListMoreQuery } from "../made/relay/TaskListMoreQuery.graphql";
import type { TaskListQuery } from "../made/relay/TaskListQuery.graphql";
import type { TaskList_user$data } from "../made/relay/TaskList_user.graphql";
import type { TaskListRow_task$data } from "../made/relay/TaskListRow_task.graphql";

// Relay's plugin replaces these with the generated code.
export const documents = () => [
  graphql`
    query TaskListQuery {
      viewer {
        id
        ...TaskList_user
      }
    }
  `,
  graphql`
    fragment TaskList_user on User
    @refetchable(queryName: "TaskListMoreQuery")
    @argumentDefinitions(count: { type: "Int", defaultValue: 2 }, cursor: { type: "String" }) {
      tasks(first: $count, after: $cursor) @connection(key: "TaskList_tasks") {
        totalCount
        edges {
          node {
            id
            ...TaskListRow_task
          }
        }
      }
    }
  `,
  graphql`
    fragment TaskListRow_task on Task @refetchable(queryName: "TaskListRowRefreshQuery") {
      title
      version
      priority
      completedAt
    }
  `,
  graphql`
    mutation TaskListCreateMutation($input: CreateTaskInput!, $connections: [ID!]!) {
      createTask(input: $input) {
        task @prependNode(connections: $connections, edgeTypeName: "TaskEdge") {
          id
          ...TaskListRow_task
        }
        viewer {
          tasks {
            totalCount
          }
        }
        userErrors {
          __typename
          code
          path
        }
      }
    }
  `,
  graphql`
    mutation TaskListDeleteMutation($input: DeleteTaskInput!, $connections: [ID!]!) {
      deleteTask(input: $input) {
        deletedTaskId @deleteEdge(connections: $connections)
        userErrors {
          code
          ... on VersionConflictError {
            currentVersion
          }
        }
      }
    }
  `,
  graphql`
    subscription TaskListChangesSubscription {
      taskChanges {
        kind
        nodeId
        version
        token
        originSessionId
        node {
          ... on Task {
            id
            ...TaskListRow_task @alias(as: "row")
          }
        }
      }
    }
  `,
];

// Uses the generated types as a component would.
export const keys = (user: TaskList_user$data): string[] => user.tasks.edges.map(({ node }) => node.id);

export const finished = (task: TaskListRow_task$data): string | null | undefined => task.completedAt;

export const input: TaskListCreateMutation["variables"]["input"] = { title: "Buy milk", priority: "HIGH" };

export const more: TaskListMoreQuery["variables"] = { id: "user_", count: 10, cursor: null };

export const isSignedIn = ({ viewer }: TaskListQuery["response"]): boolean => viewer != null;

type Change = TaskListChangesSubscription["response"]["taskChanges"];

export const gone = ({ kind, nodeId }: Change): string | null => (kind === "DELETE" ? nodeId : null);

export const since = ({ token }: Change): string => token;
