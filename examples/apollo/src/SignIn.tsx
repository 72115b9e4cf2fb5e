import { useState } from "react";

import { useMutate } from "./client";
import { Form } from "./Form";
import { REQUEST_RESET, SIGN_IN, SIGN_UP } from "./operations";
import { enter } from "./session";

const EMAIL = { name: "email", label: "E-mail", type: "email", inputMode: "email", autoComplete: "email" } as const;
const PASSWORD = { name: "password", label: "Password", type: "password" };
const SENT = "If there is an account with this address, a link is on its way. It is valid for 30 minutes.";

export function SignIn({ notice }: { notice: string }) {
  const mutate = useMutate();
  const [mode, setMode] = useState<"in" | "up" | "forgotten" | "sent">("in");

  async function send({ email = "", password = "" }) {
    // The user's days begin and end in this time zone.
    const { timeZone } = Intl.DateTimeFormat().resolvedOptions();
    const { data, problem } =
      mode === "up" ? await mutate(SIGN_UP, { email, password, timeZone }) : await mutate(SIGN_IN, { email, password });
    if (data?.done?.tokens) enter(data.done.tokens);
    return data?.done?.userErrors ?? [{ message: problem }];
  }

  async function requestReset({ email = "" }) {
    const { data, problem } = await mutate(REQUEST_RESET, { email });
    const problems = data?.done?.userErrors ?? [{ message: problem }];
    if (problems.length === 0) setMode("sent");
    return problems;
  }

  const quiet = (name: string, next: typeof mode) => (
    <button className="quiet" onClick={() => setMode(next)}>{name}</button>
  );
  if (mode === "forgotten") {
    return (
      <main className="narrow">
        <Form key={mode} title="Forgotten password" action="Send a link" fields={[EMAIL]} send={requestReset} />
        {quiet("Sign in instead", "in")}
      </main>
    );
  }
  const isNew = mode === "up";
  const title = isNew ? "Sign up" : "Sign in";
  const password = { ...PASSWORD, autoComplete: isNew ? "new-password" : "current-password" };
  return (
    <main className="narrow">
      {mode === "sent" && <p role="status">{SENT}</p>}
      <Form title={title} action={title} notice={notice} fields={[EMAIL, password]} send={send} />
      {isNew ? quiet("Sign in instead", "in") : quiet("Create an account", "up")}
      {!isNew && quiet("Forgot the password?", "forgotten")}
    </main>
  );
}
