// The operations of a task list, as a program with generated types uses them.

import type { TypedDocumentNode } from "@graphql-typed-document-node/core";
import { print } from "graphql";

import { type FragmentType, graphql, useFragment } from "../made/gql";
import type { CreateTaskInput, SignUpInput } from "../made/gql/graphql";

const TaskRow = graphql(`
  fragment TaskRow on Task {
    id
    version
    title
    priority
    completedAt
    createdAt
  }
`);

const Problem = graphql(`
  fragment Problem on UserError {
    __typename
    code
    path
    message
    ... on WeakPasswordError {
      reasons
    }
    ... on RateLimitedError {
      retryAfter
    }
    ... on VersionConflictError {
      currentVersion
    }
  }
`);

const SignUp = graphql(`
  mutation SignUp($input: SignUpInput!) {
    signUp(input: $input) {
      tokens {
        accessToken
        accessTokenExpiresAt
      }
      user {
        id
        timeZone
      }
      userErrors {
        ...Problem
      }
    }
  }
`);

const Create = graphql(`
  mutation Create($input: CreateTaskInput!) {
    createTask(input: $input) {
      task {
        ...TaskRow
      }
      viewer {
        id
        tasks {
          totalCount
        }
      }
      userErrors {
        ...Problem
      }
    }
  }
`);

const Update = graphql(`
  mutation Update($input: UpdateTaskInput!) {
    updateTask(input: $input) {
      task {
        ...TaskRow
      }
      userErrors {
        ...Problem
      }
    }
  }
`);

const Page = graphql(`
  query Page($first: Int, $after: String) {
    viewer {
      id
      tasks(first: $first, after: $after) {
        totalCount
        edges {
          cursor
          node {
            ...TaskRow
          }
        }
        pageInfo {
          endCursor
          hasNextPage
        }
      }
    }
  }
`);

const Any = graphql(`
  query Any($id: ID!) {
    node(id: $id) {
      __typename
      id
      ... on Task {
        ...TaskRow
      }
      ... on Session {
        lastActiveAt
      }
    }
  }
`);

const Changes = graphql(`
  subscription Changes {
    taskChanges {
      token
      kind
      nodeId
      version
      at
      node {
        __typename
        ... on Task {
          ...TaskRow
        }
      }
      originSessionId
    }
  }
`);

/** Sends an operation and returns its data. */
export type Send = <Data, Variables>(query: string, variables: Variables) => Promise<Data>;

const run = <Data, Variables>(
  send: Send,
  document: TypedDocumentNode<Data, Variables>,
  variables: Variables,
): Promise<Data> => send(print(document), variables);

/** Describes a user error with the fields of its type. */
function describe(problem: FragmentType<typeof Problem>): string {
  const error = useFragment(Problem, problem);
  const where = error.path?.join(".") ?? "";
  switch (error.__typename) {
    case "WeakPasswordError":
      return `${where}: ${error.reasons.join()}`;
    case "RateLimitedError":
      return `${where}: ${error.code} ${error.retryAfter.toFixed()}`;
    case "VersionConflictError":
      return `${where}: ${error.code} ${error.currentVersion.toFixed()}`;
    case "InputError":
      return `${where}: ${error.code}`;
  }
}

const row = (task: FragmentType<typeof TaskRow>) => {
  const { id, version, title, priority, completedAt, createdAt } = useFragment(TaskRow, task);
  const created: string = createdAt;
  const done: string | null = completedAt ?? null;
  return { id, version, title, priority, done, created };
};

export async function signUp(send: Send, input: SignUpInput) {
  const { signUp } = await run(send, SignUp, { input });
  return { token: signUp?.tokens?.accessToken, problems: signUp?.userErrors.map(describe) ?? [] };
}

export async function create(send: Send, title: string) {
  // Input fields with a default in the schema are optional.
  const input: CreateTaskInput = { title };
  const { createTask } = await run(send, Create, { input });
  return {
    task: createTask?.task ? row(createTask.task) : null,
    count: createTask?.viewer?.tasks.totalCount,
    problems: createTask?.userErrors.map(describe) ?? [],
  };
}

export async function makeUrgent(send: Send, id: string, ifVersion: number) {
  const input = { id, ifVersion, description: null, priority: "URGENT" as const };
  const { updateTask } = await run(send, Update, { input });
  return {
    task: updateTask?.task ? row(updateTask.task) : null,
    problems: updateTask?.userErrors.map(describe) ?? [],
  };
}

/** Returns the titles of all pages. */
export async function titles(send: Send, first: number): Promise<string[]> {
  const found: string[] = [];
  let after: string | null = null;
  do {
    const { viewer }: { viewer?: Viewer | null } = await run(send, Page, { first, after });
    if (!viewer) return found;
    found.push(...viewer.tasks.edges.map(({ node }) => row(node).title));
    after = viewer.tasks.pageInfo.hasNextPage ? (viewer.tasks.pageInfo.endCursor ?? null) : null;
  } while (after !== null);
  return found;
}

type DataOf<Document> = Document extends TypedDocumentNode<infer Data, never> ? Data : never;
type Viewer = NonNullable<DataOf<typeof Page>["viewer"]>;

export async function kindOf(send: Send, id: string): Promise<string | null> {
  const { node } = await run(send, Any, { id });
  if (node?.__typename === "Task") return `task ${row(node).title}`;
  if (node?.__typename === "Session") return `session of ${node.lastActiveAt.slice(0, 4)}`;
  return node?.__typename ?? null;
}

type Change = DataOf<typeof Changes>["taskChanges"];

/** Describes a change. */
export function describeChange({ kind, nodeId, version, at, token, node }: Change): string {
  const since: string = token;
  switch (kind) {
    case "UPSERT":
      return `${node ? row(node).title : nodeId} is at ${version.toFixed()} (${since})`;
    case "DELETE":
      return `${nodeId} went at ${at.slice(0, 4)}`;
  }
}
