import { useRef, useState, type FormEvent } from "react";
import { typeid } from "typeid-js";

import { focus, passFocusOn } from "./focus";
import type { Task } from "./list";
import { signOut } from "./session";
import { useTasks } from "./useTasks";

const LISTS = { All: undefined, "To do": false, Done: true };

export function Tasks({ notice }: { notice: string }) {
  const [name, setName] = useState<keyof typeof LISTS>("All");
  const [problem, setProblem] = useState("");
  const [deleting, setDeleting] = useState<Task | null>(null);
  const { email, tasks, hasMore, loadMore, create, setCompleted, remove } = useTasks(LISTS[name], setProblem);

  return (
    <main>
      <header>
        <h1 tabIndex={-1} ref={focus}>
          Tasks {tasks && <small>{tasks.length}{hasMore && "+"}</small>}
        </h1>
        <span className="who">{email}</span>
        <button className="quiet" onClick={signOut}>Sign out</button>
      </header>
      {notice && <p role="status">{notice}</p>}
      <NewTask create={create} />
      <p role="alert">{problem}</p>
      <div className="row" role="group" aria-label="Show">
        {(Object.keys(LISTS) as (keyof typeof LISTS)[]).map((each) => (
          <button key={each} className="quiet" aria-pressed={each === name} onClick={() => setName(each)}>
            {each}
          </button>
        ))}
      </div>
      <ul>
        {tasks?.map((task) => (
          <Row key={task.id} task={task} setCompleted={setCompleted} onDelete={() => setDeleting(task)} />
        ))}
        {hasMore && (
          <li ref={passFocusOn}>
            <button className="quiet" onClick={loadMore}>Load more</button>
          </li>
        )}
      </ul>
      {tasks?.length === 0 && !hasMore && (
        <p className="empty">{name === "Done" ? "Nothing done yet." : "Nothing to do."}</p>
      )}
      {deleting && <ConfirmDelete task={deleting} onDelete={remove} onClose={() => setDeleting(null)} />}
    </main>
  );
}

type NewTaskProps = { create: (id: string, title: string) => Promise<{ message: string }[] | undefined> };

function NewTask({ create }: NewTaskProps) {
  const [problem, setProblem] = useState("");
  // Submitting a title again reuses its id, so that only one task is created even if the first
  // response was lost.
  const draft = useRef({ id: "", title: "" });

  async function submit(event: FormEvent<HTMLFormElement>) {
    event.preventDefault();
    const form = event.currentTarget;
    const input = form.elements.namedItem("title") as HTMLInputElement;
    const title = input.value;
    if (draft.current.title !== title) draft.current = { id: typeid("task").toString(), title };
    const mine = draft.current;
    const userErrors = await create(mine.id, title);
    setProblem(userErrors?.[0]?.message ?? "");
    if (userErrors?.length !== 0 || draft.current !== mine) return;
    draft.current = { id: "", title: "" };
    if (input.value === title) form.reset();
  }

  return (
    <form onSubmit={submit}>
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

type RowProps = { task: Task; setCompleted: (task: Task, completed: boolean) => void; onDelete: () => void };

function Row({ task, setCompleted, onDelete }: RowProps) {
  return (
    <li ref={passFocusOn}>
      <label>
        <input type="checkbox" checked={task.completed} onChange={(event) => setCompleted(task, event.target.checked)} />
        <span>{task.title}</span>
      </label>
      <button className="quiet" aria-label={`Delete ${task.title}`} onClick={onDelete}>✕</button>
    </li>
  );
}

type ConfirmProps = { task: Task; onDelete: (task: Task) => void; onClose: () => void };

/** Asks for confirmation. The browser traps the focus in the dialog, and restores it when the dialog closes. */
function ConfirmDelete({ task, onDelete, onClose }: ConfirmProps) {
  const show = useRef((dialog: HTMLDialogElement | null) => dialog?.showModal());
  function close({ currentTarget }: { currentTarget: HTMLDialogElement }) {
    onClose();
    if (currentTarget.returnValue === "delete") onDelete(task);
  }
  return (
    <dialog ref={show.current} aria-labelledby="question" onClose={close}>
      <form method="dialog">
        <p id="question">Delete “{task.title}” permanently?</p>
        <div className="row">
          <button className="quiet" value="cancel">Cancel</button>
          <button value="delete">Delete</button>
        </div>
      </form>
    </dialog>
  );
}
