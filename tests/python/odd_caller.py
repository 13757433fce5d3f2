"""A caller for tests/rooms, made with LiveKit's Python SDK, that mutes its camera and then its microphone.

It prints a line of JSON when it has done so.
"""

import asyncio
import json
import os
import sys

from livekit import rtc

RATE = 48_000
PATIENCE = 20


async def main(url: str, token: str) -> dict:
    room = rtc.Room()
    met = asyncio.Event()

    @room.on("track_subscribed")
    def subscribed(track, _publication, _participant):
        if track.kind == rtc.TrackKind.KIND_AUDIO:
            met.set()

    await room.connect(url, token)
    source = rtc.AudioSource(RATE, 1, queue_size_ms=100)
    microphone = rtc.LocalAudioTrack.create_audio_track("microphone", source)
    published = rtc.TrackPublishOptions(source=rtc.TrackSource.SOURCE_MICROPHONE)
    await room.local_participant.publish_track(microphone, published)

    pictures = rtc.VideoSource(320, 240)
    camera = rtc.LocalVideoTrack.create_video_track("camera", pictures)
    published = rtc.TrackPublishOptions(source=rtc.TrackSource.SOURCE_CAMERA)
    await room.local_participant.publish_track(camera, published)
    pictures.capture_frame(rtc.VideoFrame(320, 240, rtc.VideoBufferType.RGBA, bytearray(320 * 240 * 4)))
    await asyncio.wait_for(met.wait(), PATIENCE)
    # Gives the agent time to notice this caller; it may have missed the subscription.
    await asyncio.sleep(2.5)
    camera.mute()
    await asyncio.sleep(0.5)
    microphone.mute()
    await asyncio.sleep(0.5)
    return {"muted": True}


def report(seen: dict) -> None:
    print(json.dumps(seen), flush=True)
    # The SDK's native threads may abort an orderly exit.
    os._exit(0)


report(asyncio.run(main(*sys.argv[1:])))
