/** A page of LiveKit's own published parts: a TokenSource, `useSession`, `useAgent`, `useSessionMessages`. */

import { RoomAudioRenderer, SessionProvider, useAgent, useSession, useSessionMessages } from "@livekit/components-react";
import { TokenSource, type TokenSourceFetchOptions } from "livekit-client";
import { createElement as h, useState } from "react";
import { createRoot } from "react-dom/client";

const options = JSON.parse(new URLSearchParams(location.search).get("options") ?? "{}") as TokenSourceFetchOptions;
const source = TokenSource.endpoint("/api/voice/token");

function Page() {
  const session = useSession(source, options);
  const agent = useAgent(session);
  const { messages, send } = useSessionMessages(session);
  const [failure, setFailure] = useState("");
  const [text, setText] = useState("");
  return h(SessionProvider, { session, children: [
    h(RoomAudioRenderer, { key: "sound", room: session.room }),
    h("button", { key: "start", onClick: () => void session.start().catch((error: unknown) => setFailure(String(error))) }, "Start"),
    h("button", { key: "end", onClick: () => void session.end() }, "End"),
    h("output", { key: "state" }, agent.state),
    h("p", { key: "failure", role: "alert" }, failure),
    h("ul", { key: "messages" }, messages.map((message) => h("li", { key: message.id, "data-type": message.type }, message.message))),
    h("input", { key: "text", value: text, onChange: (event: { target: { value: string } }) => setText(event.target.value) }),
    h("button", { key: "send", onClick: () => void send(text) }, "Send"),
  ] });
}

createRoot(document.getElementById("root")!).render(h(Page));
