//! Which operating system this is, for LiveKit's client, which tells it to the server whenever it connects.
//!
//! Stands in for the crate of this name. That one runs `lsb_release` and `getconf` each time, on the thread of the call
//! that joins, where the sound of other calls waits meanwhile. This one reads os-release(5) once.

use std::sync::OnceLock;

/// Where os-release(5) says that the file may be, the first one wins.
const FILES: [&str; 2] = ["/etc/os-release", "/usr/lib/os-release"];

/// An operating system.
#[derive(Debug, PartialEq)]
pub struct Info {
    name: String,
    version: String,
}

impl Info {
    /// Its name, such as "Debian GNU/Linux"; without an os-release file, Rust's name for it.
    pub fn os_type(&self) -> &str {
        &self.name
    }

    /// Its version, such as "12"; "Unknown" if it has none.
    pub fn version(&self) -> &str {
        &self.version
    }

    fn of(release: &str) -> Self {
        let value = |key: &str| {
            let lines = release.lines().map(str::trim);
            let value = lines
                .filter_map(|line| line.split_once('='))
                .find_map(|(name, value)| (name == key).then_some(value))?;
            let value = value.trim_matches(['"', '\'']);
            (!value.is_empty()).then(|| value.to_owned())
        };
        Self {
            name: value("NAME").unwrap_or_else(|| std::env::consts::OS.into()),
            version: value("VERSION_ID").unwrap_or_else(|| "Unknown".into()),
        }
    }
}

/// This machine's.
pub fn get() -> &'static Info {
    static INFO: OnceLock<Info> = OnceLock::new();
    INFO.get_or_init(|| {
        let release = FILES
            .iter()
            .find_map(|file| std::fs::read_to_string(file).ok());
        Info::of(&release.unwrap_or_default())
    })
}

#[cfg(test)]
mod tests;
