/** Returns a message for the user about a failed operation. `errors` is empty if the API did not respond. */
export function problemOf(errors: readonly { extensions?: Record<string, unknown> }[]) {
  if (errors.some(({ extensions }) => extensions?.["code"] !== "SERVICE_UNAVAILABLE")) {
    return "That did not work. Please try again.";
  }
  return navigator.onLine ? "The server cannot be reached. Please try again." : "You are offline. Please try again.";
}
