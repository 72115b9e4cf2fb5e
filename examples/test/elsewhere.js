// What a person does from elsewhere than the page that is tried.

import assert from "node:assert/strict";

/** Somebody who signs in by a program of their own. */
export async function signInElsewhere(url, email, password) {
  let token;
  async function ask(query, variables) {
    const response = await fetch(new URL("/graphql", url), {
      method: "POST",
      headers: { "content-type": "application/json", ...(token && { authorization: `Bearer ${token}` }) },
      body: JSON.stringify({ query, variables }),
    });
    const { data, errors } = await response.json();
    assert.equal(errors, undefined, JSON.stringify(errors));
    return data;
  }
  const { signIn } = await ask(
    "mutation ($input: SignInInput!) { signIn(input: $input) { tokens { accessToken } } }",
    { input: { email, password } },
  );
  token = signIn.tokens.accessToken;
  return {
    create: (title) =>
      ask("mutation ($input: CreateTaskInput!) { createTask(input: $input) { task { id } } }", { input: { title } }),
    async tasks() {
      const { viewer } = await ask("{ viewer { tasks { nodes { id title completed } } } }");
      return viewer.tasks.nodes;
    },
    delete: (id) => ask("mutation ($id: ID!) { deleteTask(input: { id: $id }) { deletedTaskId } }", { id }),
    rename: (id, title) =>
      ask("mutation ($id: ID!, $title: String) { updateTask(input: { id: $id, title: $title }) { task { id } } }", {
        id,
        title,
      }),
    endOtherSessions: () => ask("mutation { revokeOtherSessions { revokedSessionIds } }"),
  };
}
