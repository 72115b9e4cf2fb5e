// Who is signed in on this page. The token is kept here and nowhere else: a reload forgets it.

import { useSyncExternalStore } from "react";

interface State {
  /** The address of whoever is signed in. */
  readonly email: string | null;
  /** What they should know of how their session ended. */
  readonly notice: string | null;
}

let token: string | null = null;
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

export function open(email: string, accessToken: string) {
  token = accessToken;
  become({ email, notice: null });
}

/** Forgets the token. */
export function close(notice: string | null) {
  token = null;
  become({ email: null, notice });
}

/** The `Authorization` header of whoever is signed in. */
export function authorization(): string | null {
  return token === null ? null : `Bearer ${token}`;
}
