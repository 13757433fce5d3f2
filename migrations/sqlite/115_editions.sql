-- Editions: all files of the agents, as one version that a pool shares, and who holds calls with which.

CREATE TABLE agent_editions (
    version TEXT PRIMARY KEY,
    published_by TEXT NOT NULL,
    -- The youngest is the current one.
    published_at DATETIME NOT NULL,
    -- This one is current, whatever was published since.
    held_at DATETIME
);

CREATE TABLE agent_edition_files (
    version TEXT NOT NULL REFERENCES agent_editions (version) ON DELETE CASCADE,
    path TEXT NOT NULL,
    content BLOB NOT NULL,
    PRIMARY KEY (version, path)
);

ALTER TABLE voice_calls ADD COLUMN edition TEXT;
ALTER TABLE workers ADD COLUMN edition TEXT;
