// Whoever is signed in. The access token is kept in this page's memory and the refresh token in a cookie that no script
// can read, so that a reload keeps the session.

export const API = "/graphql";

type Tokens = { accessToken?: string | null };
type Session = Tokens & { refreshing?: Promise<boolean> | null };

// Null for nobody. Another sign-in makes another object.
let session: Session | null = null;
let tell = () => {};

/** Calls back when the session has ended: show the sign-in form. */
export function onSignedOut(callback: () => void) {
  tell = callback;
}

/** After signUp or signIn with their tokens, after signOut with null. */
export function become(tokens: Tokens | null) {
  session = tokens && { ...tokens };
}

/** When the page is loaded: whether somebody is signed in. */
export async function resume() {
  const mine: Session = {};
  session = (await refresh(mine)) ? mine : null;
  return session !== null;
}

/** `fetch` as whoever is signed in. What was refused for its token was not run, and is sent again with the next. */
export async function fetchAsViewer(
  input: RequestInfo | URL,
  init: RequestInit = {},
  isAgain = false,
): Promise<Response> {
  const mine = session;
  const sent = mine?.accessToken;
  const headers = new Headers(init.headers);
  if (sent) headers.set("authorization", `Bearer ${sent}`);
  const response = await fetch(input, { ...init, headers });
  if (response.status !== 401 || mine === null || mine !== session) return response;
  const { errors } = await response.clone().json();
  const mayGoOn = errors?.[0]?.extensions?.reason !== "SESSION_ENDED" && !isAgain;
  const isRenewed = mayGoOn && (mine.accessToken !== sent || (await refresh(mine)));
  if (mine !== session) return response;
  if (isRenewed) return fetchAsViewer(input, init, true);
  become(null);
  tell();
  return response;
}

// One at a time: whoever comes meanwhile waits for it.
function refresh(mine: Session) {
  mine.refreshing ??= renew(mine).finally(() => (mine.refreshing = null));
  return mine.refreshing;
}

async function renew(mine: Session): Promise<boolean> {
  const response = await fetch(API, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ query: "mutation { refreshSession { tokens { accessToken } } }" }),
  });
  const { data } = await response.json();
  // 429 or 503: nobody is signed out, and it may be sent again.
  if (!data?.refreshSession) throw new Error("The session cannot be refreshed right now.");
  Object.assign(mine, data.refreshSession.tokens);
  return data.refreshSession.tokens !== null;
}
