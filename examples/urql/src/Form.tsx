import { useState, type ComponentProps, type FormEvent } from "react";

import { focus } from "./focus";

/** An error message, with the path of its field: null if it is about no field, undefined if nothing was answered. */
export type Problem = { message: string; path?: readonly string[] | null };

type Props = {
  title: string;
  action: string;
  notice?: string;
  fields: readonly FieldProps[];
  /** Sends the values of the fields. Returns the problems to show; none on success. */
  send: (values: Record<string, string>) => Promise<readonly Problem[]>;
};

/** A form with each error message next to its field. */
export function Form({ title, action, notice = "", fields, send }: Props) {
  const [isSending, setSending] = useState(false);
  const [result, setResult] = useState<{ of: string; problems: readonly Problem[] }>({ of: title, problems: [] });

  async function submit(event: FormEvent<HTMLFormElement>) {
    event.preventDefault();
    if (isSending) return;
    const form = event.currentTarget;
    setSending(true);
    const problems = await send(Object.fromEntries(new FormData(form)) as Record<string, string>);
    setSending(false);
    setResult({ of: title, problems });
    const path = problems[0]?.path;
    if (path === undefined) return;
    // The error of a wrong address or password names no field.
    const field = fields.find(({ name }) => name === path?.at(-1)) ?? fields.at(-1);
    form.querySelector<HTMLElement>(`[name="${field?.name}"]`)?.focus();
  }

  // After a change from signing in to signing up, the values stay and the messages do not.
  const problems = result.of === title ? result.problems : [];
  const about = (name: string) => problems.find(({ path }) => path?.at(-1) === name)?.message;
  const isGeneral = ({ path }: Problem) => !fields.some(({ name }) => name === path?.at(-1));
  // A message about no field is shown above all fields.
  const general = problems.length > 0 ? problems.find(isGeneral)?.message : notice;

  return (
    <>
      <h1 tabIndex={-1} ref={focus}>{title}</h1>
      <form onSubmit={submit}>
        {general && <p role="alert">{general}</p>}
        {fields.map((field) => <Field key={field.name} {...field} error={about(field.name)} />)}
        <button aria-disabled={isSending}>{action}</button>
      </form>
    </>
  );
}

type FieldProps = ComponentProps<"input"> & { name: string; label: string };

function Field({ name, label, error, ...input }: FieldProps & { error: string | undefined }) {
  return (
    <div>
      <label htmlFor={name}>{label}</label>
      <input id={name} name={name} required aria-invalid={!!error} aria-describedby={`${name}-error`} {...input} />
      <p id={`${name}-error`} role="alert">{error}</p>
    </div>
  );
}
