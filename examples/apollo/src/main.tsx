import { ApolloProvider } from "@apollo/client/react";
import { StrictMode, useEffect, useState } from "react";
import { createRoot } from "react-dom/client";

import { client } from "./client";
import { onSignedOut, resume } from "./session";
import { SignIn } from "./SignIn";
import "./style.css";
import { Tasks } from "./Tasks";

function App(props: { isSignedIn: boolean }) {
  const [isSignedIn, setSignedIn] = useState(props.isSignedIn);
  const [notice, setNotice] = useState("");

  async function enter(isIn: boolean, notice = "") {
    // What is cached is the last person's.
    await client.clearStore();
    setSignedIn(isIn);
    setNotice(notice);
  }
  useEffect(() => onSignedOut(() => enter(false, "Your session has ended. Please sign in again.")), []);

  if (isSignedIn) return <Tasks onSignedOut={() => enter(false)} />;
  return <SignIn notice={notice} onSignedIn={() => enter(true)} />;
}

function Unreachable() {
  return (
    <main>
      <p role="alert">The server cannot be reached.</p>
      <button onClick={() => location.reload()}>Try again</button>
    </main>
  );
}

const page = await resume().then((isSignedIn) => <App isSignedIn={isSignedIn} />, () => <Unreachable />);
createRoot(document.getElementById("root")!).render(
  <StrictMode>
    <ApolloProvider client={client}>{page}</ApolloProvider>
  </StrictMode>,
);
