//! PURE. What a log shows of a field.

use std::fmt::{self, Debug, Write as _};

use sha2::{Digest as _, Sha256};
use tracing::field::Field;
use tracing_subscriber::fmt::format::Writer;

/// Fields with names that others have chosen.
const NAMES: [&str; 4] = ["room", "identity", "participant", "lane_key"];
/// Prefix of the sign for such a name.
const SIGN: char = '#';

/// Whether a field contains a name that others have chosen.
pub(super) fn is_name(field: &str) -> bool {
    NAMES.contains(&field)
}

/// A name as a log shows it: itself if Sidetone or LiveKit has created it, otherwise a sign, which is the same for the
/// same name in all processes.
pub(super) fn name(name: &str) -> String {
    let last = name.rsplit(['-', '_']).next().unwrap_or(name);
    let is_made = last.len() == 32 && last.bytes().all(|byte| byte.is_ascii_hexdigit())
        || name.starts_with("agent-AJ_")
        || uuid::Uuid::parse_str(name).is_ok();
    if is_made {
        return name.to_owned();
    }
    let mut sign = String::from(SIGN);
    for byte in &Sha256::digest(name.as_bytes())[..4] {
        // Writing to a String cannot fail.
        let _ = write!(sign, "{byte:02x}");
    }
    sign
}

/// Escapes what would end a line or move a terminal's cursor: strangers' words are in messages, too, and none of them may
/// make a line of its own.
struct OneLine<'a, 'w>(&'a mut Writer<'w>);

impl fmt::Write for OneLine<'_, '_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let is_escaped = |char: char| char.is_control() || matches!(char, '\u{2028}' | '\u{2029}');
        for piece in text.split_inclusive(is_escaped) {
            let shown = piece.trim_end_matches(is_escaped);
            self.0.write_str(shown)?;
            for char in piece[shown.len()..].chars() {
                write!(self.0, "{}", char.escape_default())?;
            }
        }
        Ok(())
    }
}

/// Writes a field for people.
pub(super) fn text(out: &mut Writer<'_>, field: &Field, value: &dyn Debug) -> fmt::Result {
    let out = &mut OneLine(out);
    match field.name() {
        "message" => write!(out, "{value:?}"),
        named if is_name(named) => {
            let value = format!("{value:?}");
            write!(out, "{named}={}", name(value.trim_matches('"')))
        }
        named => write!(out, "{named}={value:?}"),
    }
}
