/** The microphone: requested when a person starts a call, never before, with the reason for a refusal. */

import { createLocalAudioTrack, type AudioCaptureOptions, type LocalAudioTrack } from "livekit-client";
import type { ProblemCode } from "./phase.js";
import { CallError } from "./token.js";

const SPEECH: AudioCaptureOptions = { echoCancellation: true, noiseSuppression: true, autoGainControl: true };

/** Opens the microphone, which makes the browser ask. Throws a `CallError` that says what to do. */
export async function openMicrophone(capture: AudioCaptureOptions = {}): Promise<LocalAudioTrack> {
  if (!navigator.mediaDevices?.getUserMedia) {
    throw new CallError({ code: isSecureContext ? "old-browser" : "insecure-page", retry: false });
  }
  try {
    return await createLocalAudioTrack({ ...SPEECH, ...capture });
  } catch (error) {
    const name = error instanceof Error ? error.name : "";
    // Names from the specification "Media Capture and Streams", getUserMedia().
    if (name === "NotFoundError" || name === "OverconstrainedError") {
      throw new CallError({ code: "microphone-missing", retry: true });
    }
    if (name === "NotAllowedError" || name === "SecurityError") {
      throw new CallError({ code: refusal(error instanceof Error ? error.message : ""), retry: true });
    }
    throw new CallError({ code: "microphone-busy", retry: true });
  }
}

/** Who refused: each case has its own fix, and only one of them is the icon beside the address. */
function refusal(message: string): ProblemCode {
  const framed = self !== top;
  const policy = (document as Document & { featurePolicy?: { allowsFeature(name: string): boolean } }).featurePolicy;
  const allowed = policy?.allowsFeature("microphone");
  if (allowed === false) return framed ? "microphone-framed" : "microphone-forbidden";
  // Chromium distinguishes these only by their text.
  if (/dismissed/i.test(message)) return "microphone-dismissed";
  if (/by system/i.test(message)) return "microphone-withheld";
  // Browsers without that API do not say whether a page of another origin has delegated the microphone.
  return allowed === undefined && framed && frameElement === null ? "microphone-framed" : "microphone-refused";
}

/** True if the browser allows the microphone without asking (again). */
export async function microphoneIsGranted(): Promise<boolean> {
  try {
    const status = await navigator.permissions.query({ name: "microphone" as PermissionName });
    return status.state === "granted";
  } catch {
    return false;
  }
}
