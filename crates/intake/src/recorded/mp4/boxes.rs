//! MP4 boxes and their fields, which are big-endian.

/// Iterates over consecutive boxes; ends where one is cut off.
pub(super) struct Boxes<'a>(pub(super) &'a [u8]);

impl<'a> Iterator for Boxes<'a> {
    type Item = ([u8; 4], &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let size = u32_at(self.0, 0)?;
        let name = self.0.get(4..8)?.try_into().ok()?;
        let (head, size) = match size {
            // The box extends to the end.
            0 => (8, self.0.len()),
            1 => (16, usize::try_from(u64_at(self.0, 8)?).ok()?),
            size => (8, usize::try_from(size).ok()?),
        };
        // The last box of a recording that was cut off still has the data that is there.
        let end = size.min(self.0.len());
        let body = self.0.get(head..end)?;
        self.0 = &self.0[end..];
        Some((name, body))
    }
}

/// The fields of a box with version and flags.
pub(super) struct Fields<'a> {
    flags: u32,
    pub(super) rest: &'a [u8],
}

impl<'a> Fields<'a> {
    pub(super) fn of(body: &'a [u8]) -> Option<Self> {
        Some(Self {
            flags: u32_at(body, 0)? & 0x00FF_FFFF,
            rest: body.get(4..)?,
        })
    }

    pub(super) fn has(&self, flag: u32) -> bool {
        self.flags & flag != 0
    }

    pub(super) fn u32(&mut self) -> Option<u32> {
        let value = u32_at(self.rest, 0)?;
        self.rest = self.rest.get(4..)?;
        Some(value)
    }

    pub(super) fn u64(&mut self) -> Option<u64> {
        let value = u64_at(self.rest, 0)?;
        self.rest = self.rest.get(8..)?;
        Some(value)
    }
}

pub(super) fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    let bytes = bytes.get(at..at.checked_add(4)?)?;
    Some(u32::from_be_bytes(bytes.try_into().ok()?))
}

fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    let bytes = bytes.get(at..at.checked_add(8)?)?;
    Some(u64::from_be_bytes(bytes.try_into().ok()?))
}

/// The body of a nested box.
pub(super) fn inside<'a>(body: &'a [u8], path: &[[u8; 4]]) -> Option<&'a [u8]> {
    path.iter().try_fold(body, |body, wanted| {
        let mut boxes = Boxes(body);
        boxes.find_map(|(name, body)| (name == *wanted).then_some(body))
    })
}
