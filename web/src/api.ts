// How this page speaks to the API.

import { createGraphiQLFetcher, type Fetcher } from "@graphiql/toolkit";
import { createClient } from "graphql-ws";

import * as session from "./session";

const ENDPOINT = "/graphql";

export interface UserError {
  readonly code: string;
  readonly path: readonly string[] | null;
  readonly message: string;
}

interface Opened {
  readonly tokens: session.Tokens | null;
  readonly user: { readonly email: string } | null;
  readonly userErrors: readonly UserError[];
}

interface Answer<T> {
  readonly data?: T | null;
  readonly errors?: readonly {
    message: string;
    extensions?: { code?: string; reason?: string };
  }[];
}

/**
 * `fetch` as whoever is signed in. When their access token has expired it is sent again with the one
 * that follows; an answer that their tokens open nothing forgets them.
 */
const fetchAsViewer: typeof fetch = async (input, init) => {
  const authorization = session.authorization();
  const headers = new Headers(init?.headers);
  // What somebody wrote into the headers editor is what they mean to send.
  const isOurs = authorization !== null && !headers.has("authorization");
  if (isOurs) headers.set("authorization", authorization);
  const response = await fetch(input, { ...init, headers });
  if (response.status !== 401 || !isOurs) return response;
  const { errors } = (await response.clone().json()) as Answer<unknown>;
  const error = errors?.find((error) => error.extensions?.code === "UNAUTHENTICATED");
  const mayGoOn = error !== undefined && error.extensions?.reason !== "SESSION_ENDED";
  if (mayGoOn && (await refresh(authorization))) {
    return fetchAsViewer(input, init);
  }
  if (error && authorization === session.authorization()) session.close(error.message);
  return response;
};

async function ask<T>(query: string, variables: object = {}, as = fetchAsViewer): Promise<T> {
  const response = await as(ENDPOINT, {
    method: "POST",
    headers: { "content-type": "application/json", accept: "application/json" },
    body: JSON.stringify({ query, variables }),
  });
  const { data, errors } = (await response.json()) as Answer<T>;
  if (errors?.[0] || !data) throw new Error(errors?.[0]?.message ?? response.statusText);
  return data;
}

const REFRESH = `mutation Refresh($refreshToken: String!) {
  refreshSession(input: { refreshToken: $refreshToken }) { tokens { accessToken refreshToken } }
}`;

let refreshing: Promise<boolean> | null = null;

/** Whether there is another access token than the one that has expired. */
function refresh(expired: string | null): Promise<boolean> {
  if (session.authorization() !== expired) return Promise.resolve(session.authorization() !== null);
  // One for all who wait.
  refreshing ??= renew().finally(() => (refreshing = null));
  return refreshing;
}

async function renew(): Promise<boolean> {
  const refreshToken = session.refreshToken();
  if (refreshToken === null) return false;
  const { refreshSession } = await ask<{ refreshSession: Pick<Opened, "tokens"> }>(
    REFRESH,
    { refreshToken },
    fetch,
  );
  if (refreshSession.tokens) session.renew(refreshSession.tokens);
  return refreshSession.tokens !== null;
}

export type Door = "signIn" | "signUp";

const DOORS: Record<Door, string> = {
  signIn: `mutation SignIn($input: SignInInput!) {
    signIn(input: $input) { tokens { accessToken refreshToken } user { email } userErrors { code path message } }
  }`,
  signUp: `mutation SignUp($input: SignUpInput!) {
    signUp(input: $input) { tokens { accessToken refreshToken } user { email } userErrors { code path message } }
  }`,
};

/** Opens a session, or says what is wrong with what was typed. */
export async function enter(
  door: Door,
  email: string,
  password: string,
): Promise<readonly UserError[]> {
  const input = { email, password, deviceLabel: "GraphiQL" };
  const { [door]: opened } = await ask<Record<Door, Opened>>(DOORS[door], { input });
  if (opened.tokens) session.open(opened.user?.email ?? email, opened.tokens);
  return opened.userErrors;
}

/** Ends the session. */
export async function leave() {
  try {
    await ask("mutation SignOut { signOut { endedSessions } }");
    session.close(null);
  } catch (error) {
    session.close(`The tokens are forgotten, and the session may go on: ${String(error)}`);
  }
}

/** Asks as the user who is signed in, which refreshes an expired token, or signs out if the session has ended. */
export const stillSignedIn = () => ask("{ viewer { id } }").catch(() => null);

/** What the close code of a socket says whose session has ended. */
const FORBIDDEN = 4403;

/** What the socket was last opened with. */
let opened: string | null = null;

const socket = new URL(ENDPOINT, location.href);
socket.protocol = socket.protocol.replace("http", "ws");

/** What GraphiQL sends operations by. */
export const fetcher: Fetcher = createGraphiQLFetcher({
  url: ENDPOINT,
  fetch: fetchAsViewer,
  enableIncrementalDelivery: false,
  // It connects when something is first subscribed to, and asks for the token then.
  wsClient: createClient({
    url: socket.href,
    connectionParams: async () => {
      await stillSignedIn();
      opened = session.authorization();
      return opened === null ? {} : { Authorization: opened };
    },
    on: {
      closed: (event) => {
        // Whoever has signed in since has another token.
        const isOurs = opened !== null && opened === session.authorization();
        if ((event as CloseEvent).code === FORBIDDEN && isOurs) {
          session.close("The session has ended. Sign in again.");
        }
      },
    },
  }),
});
