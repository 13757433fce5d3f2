/** Plays a live call without being seen: loaded only for listening in, because it includes LiveKit's client. */

import { Room, RoomEvent, Track } from "livekit-client";

/** Shape of POST /api/voice/calls/{callId}/listen (crates/control-plane/src/http/listen.rs). */
export interface Door {
  livekitHost: string;
  token: string;
}

/** Plays all voices of the room. Returns a function that stops it; `ended` is called with the reason if it ends on its own. */
export async function listen(door: Door, ended: (why: string) => void): Promise<() => Promise<void>> {
  const room = new Room({ disconnectOnPageLeave: true });
  let why = "The call is over.";
  room.on(RoomEvent.TrackSubscribed, (track, publication) => {
    if (track.kind !== Track.Kind.Audio) return;
    if (publication.isEncrypted) {
      why = "The call is end-to-end encrypted: only those who are in it can hear it.";
      void room.disconnect();
      return;
    }
    const sound = track.attach();
    sound.hidden = true;
    document.body.append(sound);
  });
  room.on(RoomEvent.TrackUnsubscribed, (track) => track.detach().forEach((sound) => sound.remove()));
  const over = () => {
    document.querySelectorAll("body > audio").forEach((sound) => sound.remove());
    ended(why);
  };
  room.once(RoomEvent.Disconnected, over);
  await room.connect(door.livekitHost, door.token);
  await room.startAudio();
  return () => {
    room.off(RoomEvent.Disconnected, over);
    document.querySelectorAll("body > audio").forEach((sound) => sound.remove());
    return room.disconnect();
  };
}
