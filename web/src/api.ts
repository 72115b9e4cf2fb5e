// Sends GraphQL requests, refreshes expired tokens, and opens and ends sessions.

import { createGraphiQLFetcher, type Fetcher } from "@graphiql/toolkit";
import { createClient } from "graphql-ws";

import * as session from "./session";

const ENDPOINT = "/graphql";

export interface UserError {
  readonly code: string;
  readonly path: readonly string[] | null;
  readonly message: string;
}

interface OpenedSession {
  readonly tokens: session.Tokens | null;
  readonly user: { readonly email: string } | null;
  readonly userErrors: readonly UserError[];
}

interface GraphqlResponse<T> {
  readonly data?: T | null;
  readonly errors?: readonly {
    message: string;
    extensions?: { code?: string; reason?: string };
  }[];
}

/**
 * Sends a request with the access token of the signed-in user. If the token has expired, refreshes
 * it and repeats the request. If the session has ended, discards the tokens.
 */
const fetchAsViewer: typeof fetch = async (input, init) => {
  const authorization = session.authorization();
  const headers = new Headers(init?.headers);
  // An Authorization header from the headers editor takes precedence.
  const isOurs = authorization !== null && !headers.has("authorization");
  if (isOurs) headers.set("authorization", authorization);
  const response = await fetch(input, { ...init, headers });
  if (response.status !== 401 || !isOurs) return response;
  const { errors } = (await response.clone().json()) as GraphqlResponse<unknown>;
  const error = errors?.find((error) => error.extensions?.code === "UNAUTHENTICATED");
  const canRefresh = error !== undefined && error.extensions?.reason !== "SESSION_ENDED";
  if (canRefresh && (await refresh(authorization))) {
    return fetchAsViewer(input, init);
  }
  if (error && authorization === session.authorization()) session.close(error.message);
  return response;
};

async function execute<T>(query: string, variables: object = {}, as = fetchAsViewer): Promise<T> {
  const response = await as(ENDPOINT, {
    method: "POST",
    headers: { "content-type": "application/json", accept: "application/json" },
    body: JSON.stringify({ query, variables }),
  });
  const { data, errors } = (await response.json()) as GraphqlResponse<T>;
  if (errors?.[0] || !data) throw new Error(errors?.[0]?.message ?? response.statusText);
  return data;
}

const REFRESH = `mutation Refresh($refreshToken: String!) {
  refreshSession(input: { refreshToken: $refreshToken }) { tokens { accessToken refreshToken } }
}`;

let refreshing: Promise<boolean> | null = null;

/** Resolves to true if a newer access token than `expired` is available. */
function refresh(expired: string | null): Promise<boolean> {
  if (session.authorization() !== expired) return Promise.resolve(session.authorization() !== null);
  // Concurrent requests share one refresh.
  refreshing ??= renew().finally(() => (refreshing = null));
  return refreshing;
}

async function renew(): Promise<boolean> {
  const refreshToken = session.refreshToken();
  if (refreshToken === null) return false;
  const { refreshSession } = await execute<{ refreshSession: Pick<OpenedSession, "tokens"> }>(
    REFRESH,
    { refreshToken },
    fetch,
  );
  if (refreshSession.tokens) session.renew(refreshSession.tokens);
  return refreshSession.tokens !== null;
}

export type FormAction = "signIn" | "signUp";

const MUTATIONS: Record<FormAction, string> = {
  signIn: `mutation SignIn($input: SignInInput!) {
    signIn(input: $input) { tokens { accessToken refreshToken } user { email } userErrors { code path message } }
  }`,
  signUp: `mutation SignUp($input: SignUpInput!) {
    signUp(input: $input) { tokens { accessToken refreshToken } user { email } userErrors { code path message } }
  }`,
};

/** Signs in or up, and returns the user errors. */
export async function authenticate(
  action: FormAction,
  email: string,
  password: string,
): Promise<readonly UserError[]> {
  const input = { email, password, deviceLabel: "GraphiQL" };
  const { [action]: opened } = await execute<Record<FormAction, OpenedSession>>(
    MUTATIONS[action],
    { input },
  );
  if (opened.tokens) session.open(opened.user?.email ?? email, opened.tokens);
  return opened.userErrors;
}

/** Ends the session and discards the tokens. */
export async function signOut() {
  try {
    await execute("mutation SignOut { signOut { endedSessions } }");
    session.close(null);
  } catch (error) {
    session.close(`Signed out on this page, but the session may still be active: ${String(error)}`);
  }
}

/** Sends a request that refreshes an expired token, and signs out if the session has ended. */
export const checkSession = () => execute("{ viewer { id } }").catch(() => null);

/** The close code of a WebSocket whose session has ended. */
const FORBIDDEN = 4403;

/** The Authorization value of the current WebSocket. */
let opened: string | null = null;

const socket = new URL(ENDPOINT, location.href);
socket.protocol = socket.protocol.replace("http", "ws");

/** Sends the operations of GraphiQL. */
export const fetcher: Fetcher = createGraphiQLFetcher({
  url: ENDPOINT,
  fetch: fetchAsViewer,
  enableIncrementalDelivery: false,
  // It connects at the first subscription, and reads the token then.
  wsClient: createClient({
    url: socket.href,
    connectionParams: async () => {
      await checkSession();
      opened = session.authorization();
      return opened === null ? {} : { Authorization: opened };
    },
    on: {
      closed: (event) => {
        // A user who has signed in since has another token.
        const isOurs = opened !== null && opened === session.authorization();
        if ((event as CloseEvent).code === FORBIDDEN && isOurs) {
          session.close("The session has ended. Sign in again.");
        }
      },
    },
  }),
});
