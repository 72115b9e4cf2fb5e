// Who is signed in on this page. The tokens are in variables of this module, and in the tab's sessionStorage only from
// when the page is left until it is loaded again, so that a reload keeps the session.

import { useSyncExternalStore } from "react";

interface State {
  /** The address of whoever is signed in. */
  readonly email: string | null;
  /** What they should know of how their session ended. */
  readonly notice: string | null;
}

/** What opens the session. */
export interface Tokens {
  readonly accessToken: string;
  readonly refreshToken: string;
}

const STORED = "cubby:session";

const stored = sessionStorage.getItem(STORED);
sessionStorage.removeItem(STORED);
const left: { email: string; tokens: Tokens } | null = stored === null ? null : JSON.parse(stored);

let tokens = left?.tokens ?? null;
let state: State = { email: left?.email ?? null, notice: null };

// A duplicated tab has a copy of the storage. Two tabs that used one refresh token would end the session.
addEventListener("pageshow", () => sessionStorage.removeItem(STORED));
addEventListener("pagehide", () => {
  if (tokens !== null) sessionStorage.setItem(STORED, JSON.stringify({ email: state.email, tokens }));
});

const listeners = new Set<() => void>();

function become(next: State) {
  state = next;
  for (const listener of listeners) listener();
}

function subscribe(listener: () => void) {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

export function useSession(): State {
  return useSyncExternalStore(subscribe, () => state);
}

export function open(email: string, opened: Tokens) {
  tokens = opened;
  become({ email, notice: null });
}

/** Goes on with the tokens that follow. */
export function renew(next: Tokens) {
  tokens = next;
}

/** Forgets the tokens. */
export function close(notice: string | null) {
  tokens = null;
  become({ email: null, notice });
}

/** The `Authorization` header of whoever is signed in. */
export function authorization(): string | null {
  return tokens === null ? null : `Bearer ${tokens.accessToken}`;
}

/** What gives the tokens that follow. */
export function refreshToken(): string | null {
  return tokens === null ? null : tokens.refreshToken;
}
