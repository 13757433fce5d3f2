-- Who is signed in to the admin pages. Of the cookie's token only its SHA-256 is here.

CREATE TABLE admin_sessions (
    id BLOB PRIMARY KEY,
    token BLOB NOT NULL UNIQUE,
    -- An admin's id; of an API key, its name, with the SHA-256 that it has in SIDETONE_API_KEYS.
    holder TEXT NOT NULL,
    name TEXT,
    key TEXT,
    created_at DATETIME NOT NULL,
    until DATETIME NOT NULL
);
