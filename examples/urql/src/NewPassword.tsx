import { useState } from "react";

import { useMutate } from "./client";
import { Form } from "./Form";
import { RESET } from "./operations";

const PASSWORD = { name: "newPassword", label: "New password", type: "password", autoComplete: "new-password" };

/** The page to which the link of a mail leads, with the token in the fragment. */
export function NewPassword() {
  const mutate = useMutate();
  const [isDone, setDone] = useState(false);

  async function send({ newPassword = "" }) {
    const token = new URLSearchParams(location.hash.slice(1)).get("token") ?? "";
    const { data, problem } = await mutate(RESET, { token, newPassword });
    const problems = data?.done?.userErrors ?? [{ message: problem }];
    if (problems.length === 0) {
      // The used token does not stay in the history.
      history.replaceState(null, "", location.pathname);
      setDone(true);
    }
    return problems;
  }

  return (
    <main className="narrow">
      {isDone ? (
        <p role="status">Your password is changed, and all your sessions have ended.</p>
      ) : (
        <Form title="New password" action="Change the password" fields={[PASSWORD]} send={send} />
      )}
      <p><a href="/">Sign in</a></p>
    </main>
  );
}
