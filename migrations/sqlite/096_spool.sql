-- What is written later than it happened, from a file, may be written twice: each has an id, chosen by
-- whoever tells of it. Rows of before have none.

ALTER TABLE call_tools ADD COLUMN entry TEXT;
CREATE UNIQUE INDEX call_tools_entry ON call_tools (call_id, entry);

ALTER TABLE call_errors ADD COLUMN entry TEXT;
CREATE UNIQUE INDEX call_errors_entry ON call_errors (call_id, entry);

-- The figures of each agent's part of a call; the call's own are their sum. `n` rises with each
-- writing of a part.
CREATE TABLE call_figures (
    call_id BLOB NOT NULL REFERENCES voice_calls (id) ON DELETE CASCADE,
    job TEXT NOT NULL,
    n INTEGER NOT NULL,
    usage TEXT NOT NULL,
    ledger TEXT NOT NULL,
    PRIMARY KEY (call_id, job)
);
