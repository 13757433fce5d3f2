-- Deletion is final: a call whose data was deleted says so, and takes no more.

ALTER TABLE voice_calls ADD COLUMN deleted_at DATETIME;
-- Which call an event was of: room names are used again.
ALTER TABLE webhook_events ADD COLUMN call_id BLOB;

-- Until now a deleted call was told by its caller's id, and late writers could fill it again: what came
-- back is deleted once more.
UPDATE voice_calls SET deleted_at = strftime('%Y-%m-%dT%H:%M:%f+00:00', 'now'),
    transcript = NULL, recording_url = NULL
    WHERE deleted_at IS NULL AND ended_at IS NOT NULL
    AND caller_id = 'deleted' AND room_name LIKE 'deleted-%';
DELETE FROM call_turns WHERE call_id IN (SELECT id FROM voice_calls WHERE deleted_at IS NOT NULL);
DELETE FROM call_tools WHERE call_id IN (SELECT id FROM voice_calls WHERE deleted_at IS NOT NULL);
DELETE FROM call_errors WHERE call_id IN (SELECT id FROM voice_calls WHERE deleted_at IS NOT NULL);
DELETE FROM call_results WHERE call_id IN (SELECT id FROM voice_calls WHERE deleted_at IS NOT NULL);
DELETE FROM call_webhooks WHERE call_id IN (SELECT id FROM voice_calls WHERE deleted_at IS NOT NULL);
DELETE FROM dispatches WHERE call_id IN (SELECT id FROM voice_calls WHERE deleted_at IS NOT NULL);
UPDATE call_participants SET user_id = 'deleted', participant_name = ''
    WHERE user_id <> 'deleted'
    AND call_id IN (SELECT id FROM voice_calls WHERE deleted_at IS NOT NULL);
UPDATE call_recordings SET state = 'deleting' WHERE state <> 'deleting'
    AND call_id IN (SELECT id FROM voice_calls WHERE deleted_at IS NOT NULL);

-- What retention, deletion and late events look for.
CREATE INDEX IF NOT EXISTS voice_calls_expiring ON voice_calls (created_at)
    WHERE ended_at IS NOT NULL AND deleted_at IS NULL;
CREATE INDEX IF NOT EXISTS voice_calls_room_sid ON voice_calls (room_sid)
    WHERE room_sid IS NOT NULL;
CREATE INDEX IF NOT EXISTS webhook_events_call ON webhook_events (call_id)
    WHERE call_id IS NOT NULL;
CREATE INDEX IF NOT EXISTS webhook_events_room ON webhook_events (room_name);
CREATE INDEX IF NOT EXISTS webhook_events_person
    ON webhook_events ((payload -> 'participant' ->> 'identity'));
CREATE INDEX IF NOT EXISTS dispatches_call ON dispatches (call_id);
CREATE INDEX IF NOT EXISTS admin_sessions_holder ON admin_sessions (holder);
