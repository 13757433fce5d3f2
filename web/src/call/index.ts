/** The npm package and the script: importing it defines `<sidetone-call>`. */

import { setLogLevel } from "livekit-client";
import { SidetoneCall } from "./element.js";

export { SidetoneCall, type SidetoneCallEventMap } from "./element.js";
export type { AgentState, Phase, Problem, ProblemCode } from "./phase.js";
export type { Snapshot } from "./session.js";
export type { Strings } from "./strings.js";
export { CallError, type CallRequest, type CallToken, type TokenProvider } from "./token.js";
export type { Line } from "./transcript.js";
export { STAGES, type Stages, type Turn } from "./turns.js";

setLogLevel("error");
if (!customElements.get("sidetone-call")) customElements.define("sidetone-call", SidetoneCall);
