/** The microphone: asked for when a person starts a call, never before, and its refusal named. */

import { createLocalAudioTrack, type AudioCaptureOptions, type LocalAudioTrack } from "livekit-client";
import { CallError } from "./token.js";

const SPEECH: AudioCaptureOptions = { echoCancellation: true, noiseSuppression: true, autoGainControl: true };

/** Opens the microphone, which makes the browser ask. Throws a `CallError` that says what to do. */
export async function openMicrophone(capture: AudioCaptureOptions = {}): Promise<LocalAudioTrack> {
  if (!navigator.mediaDevices?.getUserMedia) {
    throw new CallError({ code: "insecure-page", retry: false });
  }
  try {
    return await createLocalAudioTrack({ ...SPEECH, ...capture });
  } catch (error) {
    const name = error instanceof Error ? error.name : "";
    // Names from the Media Capture and Streams specification, getUserMedia().
    if (name === "NotFoundError" || name === "OverconstrainedError") {
      throw new CallError({ code: "microphone-missing", retry: true });
    }
    if (name === "NotAllowedError" || name === "SecurityError") {
      throw new CallError({ code: "microphone-refused", retry: true });
    }
    throw new CallError({ code: "microphone-busy", retry: true });
  }
}

/** True when the browser gives the microphone without asking (again). */
export async function microphoneIsGranted(): Promise<boolean> {
  try {
    const status = await navigator.permissions.query({ name: "microphone" as PermissionName });
    return status.state === "granted";
  } catch {
    return false;
  }
}
