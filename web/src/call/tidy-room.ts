/**
 * A Room that leaves nothing behind. What livekit-client 2.23 does not release by itself is released here,
 * using names that are not public: `tests/left-over.test.ts` checks that this still works.
 */

import { Room, type RoomOptions } from "livekit-client";

interface Statics {
  cleanupRegistry: unknown;
}
interface Inside {
  engine?: Engine;
  handleDeviceChange: () => void;
}
interface Engine {
  join(...all: unknown[]): Promise<unknown>;
  cleanupPeerConnections?(): Promise<void>;
  cleanupLossyDataStats?(): void;
}

export function tidyRoom(options: RoomOptions): Room {
  // With the registry, a Room's listener for device changes is removed only by the garbage collector.
  const statics = Room as unknown as Statics;
  const { cleanupRegistry } = statics;
  statics.cleanupRegistry = false;
  try {
    const room = new Room(options);
    const { engine } = room as unknown as Inside;
    if (engine) closeWhatFails(engine);
    return room;
  } finally {
    statics.cleanupRegistry = cleanupRegistry;
  }
}

/** An engine creates its peer connection before the server has answered, and counts as closed until then. */
function closeWhatFails(engine: Engine): void {
  const join = engine.join.bind(engine);
  engine.join = async (...all) => {
    try {
      return await join(...all);
    } catch (error) {
      engine.cleanupLossyDataStats?.();
      await engine.cleanupPeerConnections?.().catch(() => undefined);
      throw error;
    }
  };
}

/** Leaves the room, even if it was never joined. */
export function letGo(room: Room): void {
  void room.disconnect().catch(() => undefined);
  navigator.mediaDevices?.removeEventListener("devicechange", (room as unknown as Inside).handleDeviceChange);
}
