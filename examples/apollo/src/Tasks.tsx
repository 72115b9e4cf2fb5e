import { useQuery } from "@apollo/client/react";
import { useEffect, useRef, useState, type FormEvent } from "react";

import { listen, mutate } from "./client";
import { graphql } from "./gql";
import type { TasksQuery } from "./gql/graphql";
import { become } from "./session";

const TASKS = graphql(`
  query Tasks($first: Int!, $after: String) {
    viewer {
      id
      email
      tasks(first: $first, after: $after) {
        totalCount
        edges { cursor node { id version title completed } }
        pageInfo { endCursor hasNextPage }
      }
    }
  }
`);

const CREATE = graphql(`
  mutation Create($title: String!) {
    done: createTask(input: { title: $title }) { userErrors { message } }
  }
`);

const SET_COMPLETED = graphql(`
  mutation SetCompleted($id: ID!, $completed: Boolean!) {
    done: setTaskCompleted(input: { id: $id, completed: $completed }) {
      task { id version completed }
      userErrors { message }
    }
  }
`);

const DELETE = graphql(`
  mutation Delete($id: ID!) {
    done: deleteTask(input: { id: $id }) { userErrors { message } }
  }
`);

const SIGN_OUT = graphql(`
  mutation SignOut {
    done: signOut { userErrors { message } }
  }
`);

type Task = NonNullable<TasksQuery["viewer"]>["tasks"]["edges"][number]["node"];
type Answer = { data?: { done: { userErrors: { message: string }[] } | null } | undefined; error?: Error | undefined };

const FAILED = "That did not work. Please try again.";

/** What went wrong with a mutation, if anything did. */
const problemOf = ({ data, error }: Answer) => (error ? FAILED : (data?.done?.userErrors[0]?.message ?? ""));

const PAGE = 20;

export function Tasks({ onSignedOut }: { onSignedOut: () => void }) {
  const { data, previousData, error, loading, fetchMore, refetch } = useQuery(TASKS, { variables: { first: PAGE } });
  const [changes, setChanges] = useState(0);
  const [isReading, setReading] = useState(false);
  const seen = useRef(0);
  const [problem, setProblem] = useState("");
  const viewer = (data ?? previousData)?.viewer;
  const shown = viewer?.tasks.edges ?? [];

  useEffect(() => listen(() => setChanges((changes) => changes + 1)), []);

  // One read at a time: what changes meanwhile may not be in it, and the list is read once more. `loading` comes too
  // late to know: a second read begun before it would be answered with the first.
  useEffect(() => {
    if (loading || isReading || seen.current === changes) return;
    seen.current = changes;
    setReading(true);
    const pages = Math.max(Math.ceil(shown.length / PAGE), 1);
    refetch({ first: Math.min(pages * PAGE, 100) }) // 100 at most
      .catch(() => {}) // `error` has it
      .finally(() => setReading(false));
  }, [changes, loading, isReading]);

  const more = () => fetchMore({ variables: { first: PAGE, after: viewer?.tasks.pageInfo.endCursor } }).catch(() => {});

  async function signOut() {
    const problem = problemOf(await mutate(SIGN_OUT, {}));
    if (problem) return setProblem(problem);
    become(null);
    onSignedOut();
  }

  const told = problem || (error && "The server cannot be reached: this may be out of date.");
  return (
    <main>
      <header>
        <h1>Tasks {viewer && <small>{viewer.tasks.totalCount}</small>}</h1>
        <span className="who">{viewer?.email}</span>
        <button className="quiet" onClick={signOut}>Sign out</button>
      </header>
      <NewTask />
      {told && <p role="alert">{told}</p>}
      <ul>
        {shown.map(({ node }) => (
          <Row key={node.id} task={node} onProblem={setProblem} />
        ))}
      </ul>
      {viewer?.tasks.totalCount === 0 && <p className="empty">Nothing to do.</p>}
      {viewer?.tasks.pageInfo.hasNextPage && (
        <button className="quiet" disabled={loading || isReading} onClick={more}>Load more</button>
      )}
    </main>
  );
}

function NewTask() {
  const [problem, setProblem] = useState("");

  async function create(event: FormEvent<HTMLFormElement>) {
    event.preventDefault();
    const form = event.currentTarget;
    const title = String(new FormData(form).get("title"));
    const problem = problemOf(await mutate(CREATE, { title }));
    setProblem(problem);
    if (!problem) form.reset();
  }

  return (
    <form onSubmit={create}>
      <div>
        <label htmlFor="title">New task</label>
        <div className="row">
          <input
            id="title"
            name="title"
            autoComplete="off"
            required
            aria-invalid={!!problem}
            aria-describedby="title-error"
          />
          <button>Add</button>
        </div>
        <p id="title-error" role="alert">{problem}</p>
      </div>
    </form>
  );
}

function Row({ task, onProblem }: { task: Task; onProblem: (problem: string) => void }) {
  const { id, version, title } = task;
  // What was asked for shows at once, until the task is told anew.
  const [asked, setAsked] = useState<boolean>();
  useEffect(() => setAsked(undefined), [version]);
  const completed = asked ?? task.completed;

  async function setCompleted(completed: boolean) {
    setAsked(completed);
    const problem = problemOf(await mutate(SET_COMPLETED, { id, completed }));
    if (problem) setAsked(undefined);
    onProblem(problem);
  }

  return (
    <li>
      <label>
        <input type="checkbox" checked={completed} onChange={(event) => setCompleted(event.target.checked)} />
        <span>{title}</span>
      </label>
      <button
        className="quiet"
        aria-label={`Delete ${title}`}
        onClick={async () => onProblem(problemOf(await mutate(DELETE, { id })))}
      >
        ✕
      </button>
    </li>
  );
}
