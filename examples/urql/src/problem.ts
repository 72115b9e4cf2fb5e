/** A message for the user about an operation that failed, with the API's errors, or none if it did not answer. */
export function problemOf(errors: readonly { extensions?: Record<string, unknown> }[]) {
  if (errors.some(({ extensions }) => extensions?.["code"] !== "SERVICE_UNAVAILABLE")) {
    return "That did not work. Please try again.";
  }
  return navigator.onLine ? "The server cannot be reached. Please try again." : "You are offline. Please try again.";
}
