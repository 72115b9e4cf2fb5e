// Stores the session of this page. The tokens are in variables of this module. sessionStorage has
// them only from leaving the page until it is loaded again, so that a reload preserves the session.

import { useSyncExternalStore } from "react";

interface State {
  /** The address of the signed-in user, or null. */
  readonly email: string | null;
  /** A message about the end of the last session, or null. */
  readonly notice: string | null;
}

/** The tokens of the session. */
export interface Tokens {
  readonly accessToken: string;
  readonly refreshToken: string;
}

const STORED = "cubby:session";

const stored = sessionStorage.getItem(STORED);
sessionStorage.removeItem(STORED);
const restored: { email: string; tokens: Tokens } | null = stored === null ? null : JSON.parse(stored);

let tokens = restored?.tokens ?? null;
let state: State = { email: restored?.email ?? null, notice: null };

// A duplicated tab has a copy of sessionStorage. Two tabs with one refresh token would end the
// session.
addEventListener("pageshow", () => sessionStorage.removeItem(STORED));
addEventListener("pagehide", () => {
  if (tokens !== null) sessionStorage.setItem(STORED, JSON.stringify({ email: state.email, tokens }));
});

const listeners = new Set<() => void>();

function setState(next: State) {
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
  setState({ email, notice: null });
}

/** Replaces the tokens after a refresh. */
export function renew(next: Tokens) {
  tokens = next;
}

/** Discards the tokens and shows `notice`. */
export function close(notice: string | null) {
  tokens = null;
  setState({ email: null, notice });
}

/** Returns the `Authorization` header of the signed-in user, or null. */
export function authorization(): string | null {
  return tokens === null ? null : `Bearer ${tokens.accessToken}`;
}

/** Returns the refresh token, or null. */
export function refreshToken(): string | null {
  return tokens === null ? null : tokens.refreshToken;
}
