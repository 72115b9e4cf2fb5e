import { useState, type FormEvent } from "react";

import { useMutate } from "./client";
import { focus } from "./focus";
import type { SignInMutationVariables } from "./gql/graphql";
import { SIGN_IN, SIGN_UP } from "./operations";
import { enter } from "./session";

type Problem = { message: string; path?: string[] | null };

export function SignIn({ notice }: { notice: string }) {
  const mutate = useMutate();
  const [isNew, setNew] = useState(false);
  const [isSending, setSending] = useState(false);
  const [problems, setProblems] = useState<readonly Problem[]>([]);

  async function submit(event: FormEvent<HTMLFormElement>) {
    event.preventDefault();
    if (isSending) return;
    const form = event.currentTarget;
    const { email, password } = Object.fromEntries(new FormData(form)) as SignInMutationVariables;
    setSending(true);
    // The user's days begin and end in this time zone.
    const { timeZone } = Intl.DateTimeFormat().resolvedOptions();
    const { data, problem } = isNew
      ? await mutate(SIGN_UP, { email, password, timeZone })
      : await mutate(SIGN_IN, { email, password });
    setSending(false);
    if (data?.done?.tokens) return enter(data.done.tokens);
    const problems: readonly Problem[] = data?.done?.userErrors ?? [{ message: problem }];
    setProblems(problems);
    // The error of a wrong address or password names no field.
    const name = data?.done ? (problems[0]?.path?.at(-1) ?? "password") : undefined;
    form.querySelector<HTMLElement>(`[name="${name}"]`)?.focus();
  }

  // A message about no field is shown above both fields.
  const about = (name: string) => problems.find(({ path }) => path?.at(-1) === name)?.message;
  const general = problems.length > 0 ? problems.find(({ path }) => !path)?.message : notice;
  const title = isNew ? "Sign up" : "Sign in";

  return (
    <main className="narrow">
      <h1 tabIndex={-1} ref={focus}>{title}</h1>
      <form onSubmit={submit}>
        {general && <p role="alert">{general}</p>}
        <Field name="email" label="E-mail" type="email" inputMode="email" autoComplete="email" error={about("email")} />
        <Field
          name="password"
          label="Password"
          type="password"
          autoComplete={isNew ? "new-password" : "current-password"}
          error={about("password")}
        />
        <button aria-disabled={isSending}>{title}</button>
      </form>
      <button className="quiet" onClick={() => (setNew(!isNew), setProblems([]))}>
        {isNew ? "Sign in instead" : "Create an account"}
      </button>
    </main>
  );
}

type FieldProps = React.ComponentProps<"input"> & { name: string; label: string; error: string | undefined };

function Field({ name, label, error, ...input }: FieldProps) {
  return (
    <div>
      <label htmlFor={name}>{label}</label>
      <input id={name} name={name} required aria-invalid={!!error} aria-describedby={`${name}-error`} {...input} />
      <p id={`${name}-error`} role="alert">{error}</p>
    </div>
  );
}
