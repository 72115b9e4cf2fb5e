// Sends a user's requests without the page under test, as another client.

import assert from "node:assert/strict";

/** Signs in with a new session. */
export async function signInElsewhere(url, email, password) {
  let token;
  async function execute(query, variables) {
    const response = await fetch(new URL("/graphql", url), {
      method: "POST",
      headers: { "content-type": "application/json", ...(token && { authorization: `Bearer ${token}` }) },
      body: JSON.stringify({ query, variables }),
    });
    const { data, errors } = await response.json();
    assert.equal(errors, undefined, JSON.stringify(errors));
    return data;
  }
  const { signIn } = await execute(
    "mutation ($input: SignInInput!) { signIn(input: $input) { tokens { accessToken } } }",
    { input: { email, password } },
  );
  token = signIn.tokens.accessToken;
  const create = (title) =>
    execute("mutation ($input: CreateTaskInput!) { createTask(input: $input) { task { id } } }", { input: { title } });
  return {
    create,
    /** Creates tasks with these titles in this order, 20 with each request. */
    async createAll(titles) {
      for (let n = 0; n < titles.length; n += 20) {
        const fields = titles
          .slice(n, n + 20)
          .map((title, m) => `t${m}: createTask(input: { title: ${JSON.stringify(title)} }) { task { id } }`);
        await execute(`mutation { ${fields.join(" ")} }`);
      }
    },
    async tasks() {
      const { viewer } = await execute("{ viewer { tasks(first: 100) { nodes { id title completed } } } }");
      return viewer.tasks.nodes;
    },
    async sessions() {
      const { viewer } = await execute("{ viewer { sessions { totalCount } } }");
      return viewer.sessions.totalCount;
    },
    delete: (id) => execute("mutation ($id: ID!) { deleteTask(input: { id: $id }) { deletedTaskId } }", { id }),
    complete: (id) =>
      execute("mutation ($id: ID!) { setTaskCompleted(input: { id: $id, completed: true }) { task { id } } }", { id }),
    rename: (id, title) =>
      execute("mutation ($id: ID!, $title: String) { updateTask(input: { id: $id, title: $title }) { task { id } } }", {
        id,
        title,
      }),
    endOtherSessions: () => execute("mutation { revokeOtherSessions { revokedSessionIds } }"),
  };
}
