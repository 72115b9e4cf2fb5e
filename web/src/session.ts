// Who is signed in on this page. The tokens are kept here and nowhere else: a reload forgets them.

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

let tokens: Tokens | null = null;
let state: State = { email: null, notice: null };
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
