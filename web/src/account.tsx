// The bar above GraphiQL, with the signed-in user or the sign-in form.

import { type FormEvent, useState } from "react";

import { type FormAction, authenticate, signOut, type UserError } from "./api";
import { useSession } from "./session";

export function AccountBar() {
  const { email, notice } = useSession();
  return (
    <header className="account">
      <strong className="account-name">Cubby</strong>
      {email === null ? <Form notice={notice} /> : <Viewer email={email} />}
    </header>
  );
}

function Viewer({ email }: { email: string }) {
  return (
    <div className="account-row">
      <span className="account-viewer">
        Signed in as <b>{email}</b>
      </span>
      <button type="button" onClick={signOut}>
        Sign out
      </button>
    </div>
  );
}

function Form({ notice }: { notice: string | null }) {
  const [errors, setErrors] = useState<readonly UserError[]>([]);
  const [failure, setFailure] = useState(notice);
  const [isBusy, setIsBusy] = useState(false);

  async function submit(event: FormEvent<HTMLFormElement>) {
    event.preventDefault();
    const { submitter } = event.nativeEvent as SubmitEvent;
    const action = (submitter as HTMLButtonElement | null)?.value ?? "signIn";
    const fields = new FormData(event.currentTarget);
    setIsBusy(true);
    setErrors([]);
    setFailure(null);
    try {
      setErrors(await authenticate(action as FormAction, text(fields, "email"), text(fields, "password")));
    } catch (error) {
      setFailure(error instanceof Error ? error.message : String(error));
    }
    setIsBusy(false);
  }

  const isWrong = (name: string) => errors.some((error) => error.path?.at(-1) === name);
  const messages = errors.map((error) => error.message);
  if (failure !== null) messages.push(failure);

  return (
    <form className="account-row" onSubmit={submit} noValidate>
      <input
        name="email"
        type="email"
        aria-label="E-mail"
        placeholder="E-mail"
        autoComplete="username"
        aria-invalid={isWrong("email")}
      />
      <input
        name="password"
        type="password"
        aria-label="Password"
        placeholder="Password"
        autoComplete="current-password"
        aria-invalid={isWrong("password")}
      />
      <button name="mutation" value="signIn" disabled={isBusy}>
        Sign in
      </button>
      <button name="mutation" value="signUp" disabled={isBusy}>
        Sign up
      </button>
      {messages.length > 0 && (
        <ul className="account-errors" role="alert">
          {messages.map((message) => (
            <li key={message}>{message}</li>
          ))}
        </ul>
      )}
    </form>
  );
}

function text(fields: FormData, name: string): string {
  return String(fields.get(name) ?? "");
}
