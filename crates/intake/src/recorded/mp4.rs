//! Extracts audio frames from a fragmented MP4 (ISO 14496-12), as written by Safari's MediaRecorder: a `moov` that
//! describes the tracks, then `moof` and `mdat` alternately.
//!
//! A strict reader of that subset. It goes through the boxes once, and through the frames from front to back: a table
//! that points back to what has been read, or that names an empty frame, is rejected. So all frames together are no
//! longer than the file.

mod boxes;
mod tracks;

use boxes::{Boxes, Fields, u32_at};
use tracks::{Track, track};

pub(super) use tracks::Codec;

/// Runs of frames per fragment; browsers write one.
const RUNS: usize = 64;
/// How many tracks are remembered; a recording has one or two.
const TRACKS: usize = 8;

/// Consecutive frames.
struct Run<'a> {
    /// Where the next frame begins in the file.
    at: usize,
    left: u32,
    sizes: Sizes<'a>,
}

/// The sizes of the frames in a run.
enum Sizes<'a> {
    /// All the same.
    Same(u32),
    /// Rows of a table; the size is in four bytes at an offset within the row.
    Table {
        rows: &'a [u8],
        row: usize,
        offset: usize,
    },
}

/// Iterates over the frames of the first audio track. Ends after an error, and where the recording was cut off.
pub(super) struct Packets<'a> {
    file: &'a [u8],
    /// Where the next box begins.
    at: usize,
    track: Option<Track<'a>>,
    /// From `trex`: the default size of a frame, by track.
    default_sizes: Vec<(u32, u32)>,
    /// The runs of the current fragment, the next one last.
    runs: Vec<Run<'a>>,
    /// Everything before this position has been read.
    read: usize,
}

impl<'a> Packets<'a> {
    /// Reads a whole recording.
    ///
    /// # Errors
    /// It does not begin like MP4.
    pub(super) fn of(file: &'a [u8]) -> Result<Self, String> {
        if file.get(4..8) != Some(b"ftyp") {
            return Err("it is not MP4".into());
        }
        Ok(Self {
            file,
            at: 0,
            track: None,
            default_sizes: Vec::new(),
            runs: Vec::new(),
            read: 0,
        })
    }

    /// The codec of the frames; reads as far as needed to find it.
    ///
    /// # Errors
    /// It contains no sound that can be decoded.
    pub(super) fn codec(&mut self) -> Result<Codec<'a>, String> {
        while self.track.is_none() && self.runs.is_empty() {
            self.step().ok_or("there is no AAC or Opus track in it")??;
        }
        let track = self.track.ok_or("its frames come before its tracks")?;
        Ok(track.codec)
    }

    /// Reads one box. `None` at the end.
    fn step(&mut self) -> Option<Result<(), String>> {
        let start = self.at;
        let mut boxes = Boxes(self.file.get(start..)?);
        let (name, body) = boxes.next()?;
        self.at = self.file.len() - boxes.0.len();
        Some(match &name {
            b"moov" => self.movie(body),
            b"moof" => self.fragment(start, body),
            _ => Ok(()),
        })
    }

    fn movie(&mut self, movie: &'a [u8]) -> Result<(), String> {
        for (name, body) in Boxes(movie) {
            match &name {
                b"trak" if self.track.is_none() => self.track = track(body),
                b"mvex" => {
                    let extends = Boxes(body).filter(|(name, _)| name == b"trex");
                    let defaults = extends.filter_map(|(_, body)| {
                        // After version and flags: track, description, duration, size, flags.
                        Some((u32_at(body, 4)?, u32_at(body, 16)?))
                    });
                    self.default_sizes.extend(defaults);
                    self.default_sizes.truncate(TRACKS);
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Reads a `moof` that begins at `start` of the file.
    fn fragment(&mut self, start: usize, fragment: &'a [u8]) -> Result<(), String> {
        let Some(track) = self.track else {
            return Err("its frames come before its tracks".into());
        };
        let mut runs = Vec::new();
        for (_, traf) in Boxes(fragment).filter(|(name, _)| name == b"traf") {
            let head = Boxes(traf).find(|(name, _)| name == b"tfhd");
            let head = head.and_then(|(_, body)| Head::of(body)).ok_or_else(cut)?;
            if head.track != track.id {
                continue;
            }
            let default = self.default_sizes.iter().find(|(id, _)| *id == track.id);
            let size = head.size.or(default.map(|(_, size)| *size)).unwrap_or(0);
            let base = match head.base {
                Some(base) => usize::try_from(base).unwrap_or(usize::MAX),
                None => start,
            };
            let mut next = base;
            for (_, body) in Boxes(traf).filter(|(name, _)| name == b"trun") {
                if runs.len() == RUNS {
                    return Err(format!(
                        "a fragment of it has more than {RUNS} runs of frames"
                    ));
                }
                let run = run(body, base, next, size).ok_or_else(cut)?;
                // Without an offset, the next run follows immediately.
                next = run.end();
                runs.push(run);
            }
        }
        runs.reverse();
        self.runs = runs;
        Ok(())
    }

    /// The next frame.
    fn packet(&mut self) -> Option<Result<&'a [u8], String>> {
        loop {
            match self.runs.last_mut() {
                None => {
                    if let Err(error) = self.step()? {
                        return Some(Err(error));
                    }
                }
                Some(run) if run.left == 0 => {
                    self.runs.pop();
                }
                Some(run) => {
                    let size = match run.take_size() {
                        Some(size) if size > 0 => size,
                        Some(_) => return Some(Err("a frame in it is empty".into())),
                        None => return Some(Err(cut())),
                    };
                    if run.at < self.read {
                        return Some(Err("its frames are not in order".into()));
                    }
                    let end = run.at.checked_add(size)?;
                    let frame = self.file.get(run.at..end)?;
                    (run.at, self.read) = (end, end);
                    return Some(Ok(frame));
                }
            }
        }
    }
}

impl<'a> Iterator for Packets<'a> {
    type Item = Result<&'a [u8], String>;

    fn next(&mut self) -> Option<Self::Item> {
        let packet = self.packet();
        if !matches!(packet, Some(Ok(_))) {
            self.at = self.file.len();
            self.runs.clear();
        }
        packet
    }
}

impl Run<'_> {
    /// Takes the size of the next frame.
    fn take_size(&mut self) -> Option<usize> {
        self.left -= 1;
        let size = match &mut self.sizes {
            Sizes::Same(size) => *size,
            Sizes::Table { rows, row, offset } => {
                let size = u32_at(rows, *offset)?;
                *rows = rows.get(*row..)?;
                size
            }
        };
        usize::try_from(size).ok()
    }

    /// Where its last frame ends.
    fn end(&self) -> usize {
        let total: u64 = match &self.sizes {
            Sizes::Same(size) => u64::from(*size) * u64::from(self.left),
            Sizes::Table { rows, row, offset } => {
                let sizes = rows.chunks_exact(*row).take(self.left as usize);
                let sizes = sizes.filter_map(|row| u32_at(row, *offset));
                sizes.map(u64::from).sum()
            }
        };
        let total = usize::try_from(total).unwrap_or(usize::MAX);
        self.at.saturating_add(total)
    }
}

/// What `tfhd` says about its frames.
struct Head {
    track: u32,
    base: Option<u64>,
    size: Option<u32>,
}

impl Head {
    fn of(body: &[u8]) -> Option<Self> {
        let mut fields = Fields::of(body)?;
        let track = fields.u32()?;
        let base = match fields.has(0x1) {
            true => Some(fields.u64()?),
            false => None,
        };
        // Skip the description's index and the duration.
        for flag in [0x2, 0x8] {
            if fields.has(flag) {
                fields.u32()?;
            }
        }
        let size = match fields.has(0x10) {
            true => Some(fields.u32()?),
            false => None,
        };
        Some(Self { track, base, size })
    }
}

/// Reads a `trun` in a fragment whose offsets count from `base`.
fn run(body: &[u8], base: usize, next: usize, default_size: u32) -> Option<Run<'_>> {
    let mut fields = Fields::of(body)?;
    let left = fields.u32()?;
    let at = match fields.has(0x1) {
        // The offset is signed.
        true => base.checked_add_signed(fields.u32()? as i32 as isize)?,
        false => next,
    };
    // Skip the first frame's flags.
    if fields.has(0x4) {
        fields.u32()?;
    }
    // A row has duration, size, flags and offset, each only if its flag is set.
    let in_row = |flag| if fields.has(flag) { 4 } else { 0 };
    let row = in_row(0x100) + in_row(0x200) + in_row(0x400) + in_row(0x800);
    let sizes = match fields.has(0x200) {
        true => Sizes::Table {
            rows: fields.rest,
            row,
            offset: in_row(0x100),
        },
        false => Sizes::Same(default_size),
    };
    Some(Run { at, left, sizes })
}

fn cut() -> String {
    "a table in it is cut short".into()
}

#[cfg(test)]
mod tests;
