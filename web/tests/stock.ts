/**
 * Pages of LiveKit's own published parts. `/stock` is made as they are made today, with a session from a TokenSource;
 * `/stock?page=room` as before there were sessions, with `LiveKitRoom`. Both show what the hooks and components know.
 */

import {
  BarVisualizer, Chat, LiveKitRoom, RoomAudioRenderer, SessionProvider, useAgent, useSession, useSessionMessages, useTranscriptions,
  useVoiceAssistant, VoiceAssistantControlBar,
} from "@livekit/components-react";
import { TokenSource, type TokenSourceFetchOptions } from "livekit-client";
import { createElement as h, useRef, useState } from "react";
import { createRoot } from "react-dom/client";

const asked = new URLSearchParams(location.search);
const options = JSON.parse(asked.get("options") ?? "{}") as TokenSourceFetchOptions;
const user = asked.get("user");
const source = TokenSource.endpoint("/api/voice/token", user ? { headers: { authorization: `Bearer ${user}` } } : {});

/** Each thing that was seen, in order, without repetitions. */
function useSeen(now: string): string {
  const seen = useRef<string[]>([]);
  if (seen.current.at(-1) !== now) seen.current.push(now);
  return seen.current.join(" ");
}

/** What useVoiceAssistant knows: components of either page may use it. */
function Assistant() {
  const { state, audioTrack } = useVoiceAssistant();
  return h("section", { "aria-label": "Assistant" }, [
    h(BarVisualizer, { key: "bars", state, ...(audioTrack && { track: audioTrack }), barCount: 5 }),
    h("p", { key: "track", className: "track" }, audioTrack?.publication.kind),
    h("p", { key: "states", className: "states" }, useSeen(state)),
    h(VoiceAssistantControlBar, { key: "bar" }),
  ]);
}

function SessionPage() {
  // Its timer for an agent that does not come runs on after a call, and tells of one that was there: not within a test.
  const session = useSession(source, { ...options, agentConnectTimeoutMilliseconds: 600_000 });
  const agent = useAgent(session);
  const { messages, send } = useSessionMessages(session);
  const [failure, setFailure] = useState("");
  const [text, setText] = useState("");
  const start = (microphone: boolean) =>
    void session.start(microphone ? undefined : { tracks: {} }).catch((error: unknown) => setFailure(String(error)));
  return h(SessionProvider, { session, children: [
    h(RoomAudioRenderer, { key: "sound", room: session.room }),
    h("button", { key: "start", onClick: () => start(true) }, "Start"),
    h("button", { key: "write", onClick: () => start(false) }, "Start without a microphone"),
    h("button", { key: "end", onClick: () => void session.end() }, "End"),
    h("output", { key: "state" }, agent.state),
    h("p", { key: "states", className: "agent-states" }, useSeen(agent.state)),
    h("p", { key: "failure", role: "alert" }, failure || agent.failureReasons?.join(" ")),
    h("ul", { key: "messages" }, messages.map((message) => h("li", { key: message.id, "data-type": message.type }, message.message))),
    h("input", { key: "text", value: text, onChange: (event: { target: { value: string } }) => setText(event.target.value) }),
    h("button", { key: "send", onClick: () => void send(text) }, "Send"),
    h(Assistant, { key: "assistant" }),
  ] });
}

function Words() {
  return h("ul", { className: "words" }, useTranscriptions().map(({ streamInfo, text }) => h("li", { key: streamInfo.id }, text)));
}

function RoomPage() {
  const [access, setAccess] = useState<{ serverUrl: string; participantToken: string }>();
  const start = () => void source.fetch(options).then(setAccess);
  if (!access) return h("button", { onClick: start }, "Start");
  return h(LiveKitRoom, { serverUrl: access.serverUrl, token: access.participantToken, onDisconnected: () => setAccess(undefined), children: [
    h(RoomAudioRenderer, { key: "sound" }), h(Assistant, { key: "assistant" }), h(Words, { key: "words" }), h(Chat, { key: "chat" }),
  ] });
}

createRoot(document.getElementById("root")!).render(h(asked.get("page") === "room" ? RoomPage : SessionPage));
