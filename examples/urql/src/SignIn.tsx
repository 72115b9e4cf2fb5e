import { useState, type FormEvent } from "react";

import { mutate } from "./client";
import { graphql } from "./gql";
import type { SignInMutationVariables } from "./gql/graphql";
import { become } from "./session";

const SIGN_IN = graphql(`
  mutation SignIn($email: String!, $password: String!) {
    entered: signIn(input: { email: $email, password: $password, delivery: HYBRID }) {
      tokens { accessToken }
      userErrors { message path }
    }
  }
`);

const SIGN_UP = graphql(`
  mutation SignUp($email: String!, $password: String!, $timeZone: TimeZone) {
    entered: signUp(input: { email: $email, password: $password, timeZone: $timeZone, delivery: HYBRID }) {
      tokens { accessToken }
      userErrors { message path }
    }
  }
`);

type Refusal = { message: string; path?: string[] | null };

export function SignIn({ notice, onSignedIn }: { notice: string; onSignedIn: () => void }) {
  const [isNew, setNew] = useState(false);
  const [isSending, setSending] = useState(false);
  const [refusals, setRefusals] = useState<Refusal[]>([]);

  async function submit(event: FormEvent<HTMLFormElement>) {
    event.preventDefault();
    const form = event.currentTarget;
    const { email, password } = Object.fromEntries(new FormData(form)) as SignInMutationVariables;
    setSending(true);
    // Days begin and end where the person is.
    const { timeZone } = Intl.DateTimeFormat().resolvedOptions();
    const { data } = isNew
      ? await mutate(SIGN_UP, { email, password, timeZone })
      : await mutate(SIGN_IN, { email, password });
    setSending(false);
    if (data?.entered?.tokens) {
      become(data.entered.tokens);
      return onSignedIn();
    }
    const refusals: Refusal[] = data?.entered?.userErrors ?? [{ message: "That did not work. Please try again." }];
    setRefusals(refusals);
    form.querySelector<HTMLElement>(`[name="${refusals[0]?.path?.at(-1)}"]`)?.focus();
  }

  // What is about neither field is told above both.
  const about = (name: string) => refusals.find(({ path }) => path?.at(-1) === name)?.message;
  const general = refusals.find(({ path }) => !path)?.message ?? notice;
  const title = isNew ? "Sign up" : "Sign in";

  return (
    <main className="narrow">
      <h1>{title}</h1>
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
        <button disabled={isSending}>{title}</button>
      </form>
      <button className="quiet" onClick={() => (setNew(!isNew), setRefusals([]))}>
        {isNew ? "I have an account" : "I am new here"}
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
