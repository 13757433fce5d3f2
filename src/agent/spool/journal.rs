//! The file of one call: created when it is needed, locked while its writer lives, deleted when nothing in it is
//! needed any more.

use std::fs::File;
use std::io;
use std::path::PathBuf;

use tokio::io::AsyncWriteExt as _;
use tokio::task::spawn_blocking;
use uuid::Uuid;

use super::{CALL_LIMIT, Spool};
use sidetone_base::{claim, private};

/// Appends lines to the file of a call.
#[derive(Debug)]
pub struct Journal {
    spool: Spool,
    call_id: Uuid,
    open: Option<Open>,
}

#[derive(Debug)]
struct Open {
    /// Closing the file releases the lock.
    file: tokio::fs::File,
    path: PathBuf,
    /// The size of the complete lines.
    bytes: u64,
    /// The file may end with a partial line that could not be truncated.
    torn: bool,
}

impl Journal {
    /// The journal of a call; there is no file yet.
    pub fn new(spool: Spool, call_id: Uuid) -> Self {
        Self {
            spool,
            call_id,
            open: None,
        }
    }

    /// Appends a line: it survives a kill of this process, but not a power failure.
    /// # Errors
    /// The spool is full, or the disk rejects the line; the file is then as before.
    pub async fn append(&mut self, line: &[u8]) -> io::Result<()> {
        let held = self.open.as_ref().map_or(0, |open| open.bytes);
        let bytes = line.len() as u64;
        room_for(bytes, held, self.spool.used(), self.spool.0.limit)?;
        let open = match &mut self.open {
            Some(open) => open,
            None => self.open.insert(create(&self.spool, self.call_id).await?),
        };
        open.append(line).await?;
        self.spool.grew(bytes);
        Ok(())
    }

    /// Removes all lines, because the database has them. A file that cannot be emptied is delivered once more, which
    /// is harmless.
    pub async fn clear(&mut self) {
        let Some(open) = &mut self.open else { return };
        if open.file.set_len(0).await.is_ok() {
            self.spool.shrank(open.bytes);
            (open.bytes, open.torn) = (0, false);
        }
    }

    /// Deletes the file, or leaves it to [`super::upkeep`] if it is `needed`.
    pub async fn end(mut self, needed: bool) {
        let Some(open) = self.open.take() else { return };
        if !needed {
            if let Err(error) = tokio::fs::remove_file(&open.path).await {
                tracing::warn!(call_id = %self.call_id, %error, "an empty file stays in the spool");
            }
            self.spool.shrank(open.bytes);
            return;
        }
        // The lock must be released before anybody looks.
        drop(open.file.into_std().await);
        self.spool.wake();
    }
}

impl Open {
    async fn append(&mut self, line: &[u8]) -> io::Result<()> {
        if let Err(error) = self.write(line).await {
            self.torn = self.file.set_len(self.bytes).await.is_err();
            return Err(error);
        }
        self.bytes += line.len() as u64 + u64::from(self.torn);
        self.torn = false;
        Ok(())
    }

    async fn write(&mut self, line: &[u8]) -> io::Result<()> {
        if self.torn {
            self.file.write_all(b"\n").await?;
        }
        self.file.write_all(line).await?;
        // tokio's files write in the background until they are flushed.
        self.file.flush().await
    }
}

/// Checks whether a line of `bytes` fits into a file of size `held`, in a folder of size `used`.
fn room_for(bytes: u64, held: u64, used: u64, limit: u64) -> io::Result<()> {
    if held + bytes > CALL_LIMIT {
        return Err(io::Error::other(format!(
            "the call has {held} bytes in the spool, the limit is {CALL_LIMIT}"
        )));
    }
    if used + bytes > limit {
        return Err(io::Error::other(format!(
            "the spool holds {used} bytes, the limit is {limit}: see why the database does not take them"
        )));
    }
    Ok(())
}

async fn create(spool: &Spool, call_id: Uuid) -> io::Result<Open> {
    let path = spool.file(Uuid::now_v7(), call_id).path;
    let (file, path) = spawn_blocking(move || -> io::Result<(File, PathBuf)> {
        if let Some(folder) = path.parent() {
            private::folder(folder)?;
        }
        let mut options = private::options();
        options.read(true).append(true).create_new(true);
        Ok((claim::create(&path, &options)?, path))
    })
    .await
    .map_err(io::Error::other)??;
    Ok(Open {
        file: file.into(),
        path,
        bytes: 0,
        torn: false,
    })
}

#[cfg(test)]
mod tests;
