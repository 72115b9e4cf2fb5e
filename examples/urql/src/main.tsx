import { StrictMode, useMemo, useSyncExternalStore } from "react";
import { createRoot } from "react-dom/client";
import { Provider } from "urql";

import { newClient } from "./client";
import { NewPassword } from "./NewPassword";
import { getState, resume, subscribe } from "./session";
import { SignIn } from "./SignIn";
import "./style.css";
import { Tasks } from "./Tasks";

// The page to which the link of a mail leads.
const isReset = location.pathname === "/reset-password";

function App() {
  const { userId, notice } = useSyncExternalStore(subscribe, getState);
  // A new client for each user, so that no cached data of one user is shown to another.
  const client = useMemo(newClient, [userId]);
  return (
    <Provider value={client} key={userId}>
      {isReset ? <NewPassword /> : userId ? <Tasks notice={notice} /> : <SignIn notice={notice} />}
    </Provider>
  );
}

function Unreachable() {
  return (
    <main>
      <p role="alert">The server cannot be reached.</p>
      <button onClick={() => location.reload()}>Try again</button>
    </main>
  );
}

const page = (await resume()) === "unreachable" ? <Unreachable /> : <App />;
createRoot(document.getElementById("root")!).render(<StrictMode>{page}</StrictMode>);
