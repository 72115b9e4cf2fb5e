// Manages the session. The access token is in the memory of this page, and the refresh token in a
// cookie that scripts cannot read. All tabs of the browser share the cookie, and each tab follows
// it.

export const API = "/graphql";

type Tokens = { accessToken?: string | null };
type Session = { accessToken: string; userId: string };

let session: Session | null = null;
let state: { userId: string | null; notice: string } = { userId: null, notice: "" };
const listeners = new Set<() => void>();

// The key of localStorage that marks a sign-out whose session the server has not ended yet.
const SIGNED_OUT = "signed-out";
const YET_TO_END =
  "You are signed out here. The server cannot be reached: your session ends as soon as this page can reach it.";

const otherTabs = new BroadcastChannel("session");
otherTabs.onmessage = ({ data }) => {
  if (data === "signed out") return set(null, "You have signed out in another tab.");
  // A running refresh may have been sent before the sign-in. If the server cannot be reached, the
  // next request follows the cookie.
  Promise.resolve(following).catch(() => {}).then(follow).catch(() => {});
};

/** Returns the user and a notice for them, for `useSyncExternalStore`. */
export const getState = () => state;
export function subscribe(listener: () => void) {
  listeners.add(listener);
  return () => void listeners.delete(listener);
}

function set(next: Session | null, notice = "") {
  session = next;
  state = { userId: next?.userId ?? null, notice };
  listeners.forEach((listener) => listener());
}

function sessionOf({ accessToken }: Tokens): Session | null {
  if (!accessToken) return null;
  // Decodes the claim `sub` (RFC 9068) from base64url.
  const claims = accessToken.split(".")[1]!.replaceAll("-", "+").replaceAll("_", "/");
  return { accessToken, userId: JSON.parse(atob(claims)).sub };
}

/** Signs in with the tokens of signUp or signIn, here and in the other tabs. */
export function enter(tokens: Tokens) {
  localStorage.removeItem(SIGNED_OUT);
  set(sessionOf(tokens));
  otherTabs.postMessage("signed in");
}

/** Signs out at once, in all tabs. The session ends as soon as the server can be reached. */
export function signOut() {
  const mine = session;
  localStorage.setItem(SIGNED_OUT, "");
  set(null);
  otherTabs.postMessage("signed out");
  return endSession(mine);
}

async function endSession(mine: Session | null = null) {
  const isPending = () => localStorage.getItem(SIGNED_OUT) !== null;
  const isEnded = !isPending() || (await ask("signOut { endedSessions }", mine).then(() => true, () => false));
  if (session) return; // signed in again, which has ended the session
  if (!isEnded) {
    setTimeout(endSession, 5000);
    set(null, YET_TO_END);
  } else {
    localStorage.removeItem(SIGNED_OUT);
    if (state.notice === YET_TO_END) set(null, "You are signed out.");
  }
}

/** Resumes the session of the cookie when the page is loaded. Never throws. */
export async function resume(): Promise<"signed in" | "signed out" | "unreachable"> {
  if (localStorage.getItem(SIGNED_OUT) !== null) void endSession();
  else if (!(await follow().then(() => true, () => false))) return "unreachable";
  return session ? "signed in" : "signed out";
}

/** Like `fetch`, with the access token. Repeats a request rejected for its token with a new token. */
export async function fetchAsViewer(input: RequestInfo | URL, init: RequestInit = {}) {
  const mine = session;
  const response = await fetchAs(mine, input, init);
  if (response.status !== 401 || !mine) return response;
  // The token has expired, or the session has ended. Another tab may have opened another session.
  if (session === mine) await follow();
  // A request of one user is never sent as another's.
  return session && session.userId === mine.userId ? fetchAs(session, input, init) : response;
}

function fetchAs(session: Session | null, input: RequestInfo | URL, init: RequestInit) {
  const headers = new Headers(init.headers);
  if (session) headers.set("authorization", `Bearer ${session.accessToken}`);
  return fetch(input, { ...init, headers });
}

let following: Promise<void> | null = null;

/** Follows the session of the cookie. Concurrent callers share one request. Throws if the server cannot be reached. */
function follow() {
  following ??= followCookie().finally(() => (following = null));
  return following;
}

async function followCookie() {
  const before = session;
  const { tokens } = await ask("refreshSession { tokens { accessToken } }");
  if (session !== before) return; // signed in or out meanwhile
  const next = tokens && sessionOf(tokens);
  if (next?.userId === before?.userId) return set(next, state.notice);
  if (!before) return set(next);
  set(next, next ? "This browser is now signed in with another account." : "Your session has ended. Please sign in again.");
}

async function ask(mutation: string, as: Session | null = null) {
  const body = JSON.stringify({ query: `mutation { answer: ${mutation} }` });
  const response = await fetchAs(as, API, { method: "POST", headers: { "content-type": "application/json" }, body });
  const { data } = await response.json();
  // After 429 or 503 nothing has changed, and the request can be repeated.
  if (!data?.answer) throw new Error("The server cannot be reached.");
  return data.answer;
}
