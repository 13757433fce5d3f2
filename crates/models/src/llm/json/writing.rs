//! The progress of a text.

use std::sync::Arc;

use super::number::Range;
use super::schema::{FREE_KEY, FREE_KEYS, Id, Part, Property, Schema};

/// Maximum interpretations of the text so far, where a schema allows alternatives.
const WAYS: usize = 64;

/// A JSON text in progress.
#[derive(Debug, Clone)]
pub struct Writing {
    schema: Arc<Schema>,
    /// The open values, the innermost last, for each interpretation of the text so far.
    ways: Vec<Vec<Open>>,
}

#[derive(Debug, Clone)]
enum Open {
    /// A value must begin.
    Value(Id),
    /// A space is allowed here.
    Space,
    Literals {
        id: Id,
        written: Vec<u8>,
    },
    Text(Text),
    Number {
        range: Range,
        written: String,
    },
    List {
        id: Id,
        count: usize,
        at: Place,
    },
    Object(Object),
}

/// The position within a list or an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// After its opening.
    Start,
    /// After a value.
    Value,
    /// After a comma.
    Comma,
    /// Within a key, or after it.
    Key,
    Colon(Id),
}

#[derive(Debug, Clone)]
struct Text {
    least: usize,
    most: usize,
    chars: usize,
    /// Bytes of a character that are still to come, and the range of the next one.
    rest: u8,
    next: (u8, u8),
    is_escaped: bool,
}

#[derive(Debug, Clone)]
struct Object {
    id: Id,
    /// The named keys that were written, one bit each; otherwise the number of keys.
    used: u64,
    at: Place,
    key: Vec<u8>,
}

impl Writing {
    /// An empty text.
    pub fn new(schema: Arc<Schema>) -> Self {
        let ways = vec![vec![Open::Value(schema.root)]];
        Self { schema, ways }
    }

    /// The text extended by these bytes; `None` if it would not match the schema.
    pub fn with(&self, bytes: &[u8]) -> Option<Self> {
        let mut ways = self.ways.clone();
        for byte in bytes {
            let mut next = Vec::with_capacity(ways.len());
            for way in ways {
                self.step(way, *byte, &mut next);
            }
            next.truncate(WAYS);
            if next.is_empty() {
                return None;
            }
            ways = next;
        }
        let schema = Arc::clone(&self.schema);
        Some(Self { schema, ways })
    }

    /// Whether the text may end here.
    pub fn is_complete(&self) -> bool {
        self.ways.iter().any(|way| match way.as_slice() {
            [] => true,
            [last] => self.may_end(last),
            _ => false,
        })
    }

    /// Whether the text must end here.
    pub fn is_over(&self) -> bool {
        self.ways.iter().all(Vec::is_empty)
    }

    /// Whether the open value may end without a closing byte.
    fn may_end(&self, open: &Open) -> bool {
        match open {
            Open::Number { range, written } => range.has(written),
            Open::Literals { id, written } => self.is_literal(*id, written),
            _ => false,
        }
    }

    fn part(&self, id: Id) -> &Part {
        &self.schema.parts[id]
    }

    fn literals(&self, id: Id) -> &[String] {
        match self.part(id) {
            Part::Literals(values) => values,
            _ => &[],
        }
    }

    fn is_literal(&self, id: Id, written: &[u8]) -> bool {
        let mut values = self.literals(id).iter();
        values.any(|value| value.as_bytes() == written)
    }

    /// Adds the possible successors of `way` after `byte` to `next`: none if the byte is not allowed here.
    fn step(&self, mut way: Vec<Open>, byte: u8, next: &mut Vec<Vec<Open>>) {
        let Some(last) = way.last_mut() else {
            return;
        };
        match last {
            Open::Space => {
                way.pop();
                match byte {
                    b' ' => next.push(way),
                    byte => self.step(way, byte, next),
                }
            }
            Open::Value(id) => {
                let id = *id;
                way.pop();
                self.begin(way, id, byte, next);
            }
            Open::Literals { id, written } => {
                let ends_here = self.is_literal(*id, written);
                written.push(byte);
                let values = self.literals(*id).iter();
                let fits = values.filter(|value| value.as_bytes().starts_with(written));
                match fits.count() {
                    0 if ends_here => {
                        way.pop();
                        self.step(way, byte, next);
                    }
                    0 => {}
                    // nothing longer begins like this
                    1 if self.is_literal(*id, written) => {
                        way.pop();
                        next.push(way);
                    }
                    _ => next.push(way),
                }
            }
            Open::Number { range, written } => {
                let ends_here = range.has(written);
                written.push(char::from(byte));
                if range.could_become(written) {
                    next.push(way);
                } else if ends_here {
                    way.pop();
                    self.step(way, byte, next);
                }
            }
            Open::Text(text) => match text.take(byte) {
                Some(true) => {
                    way.pop();
                    next.push(way);
                }
                Some(false) => next.push(way),
                None => {}
            },
            Open::List { id, count, at } => {
                let Part::List { items, least, most } = self.part(*id) else {
                    return;
                };
                let is_value = matches!(at, Place::Start | Place::Comma) && *count < *most;
                match (byte, *at) {
                    (b']', Place::Start | Place::Value) if *count >= *least => {
                        way.pop();
                        next.push(way);
                    }
                    (b',', Place::Value) if *count < *most => {
                        *at = Place::Comma;
                        way.push(Open::Space);
                        next.push(way);
                    }
                    _ if is_value => {
                        *count += 1;
                        *at = Place::Value;
                        way.push(Open::Value(*items));
                        self.step(way, byte, next);
                    }
                    _ => {}
                }
            }
            Open::Object(object) => {
                let Part::Object { properties, others } = self.part(object.id) else {
                    return;
                };
                if let Some(more) = object.take(byte, properties, *others) {
                    match more {
                        More::Nothing => {}
                        More::End => drop(way.pop()),
                        More::Open(open) => way.extend(open),
                    }
                    next.push(way);
                }
            }
        }
    }

    /// Begins a value.
    fn begin(&self, mut way: Vec<Open>, id: Id, byte: u8, next: &mut Vec<Vec<Open>>) {
        let open = match self.part(id) {
            Part::OneOf(kinds) => {
                for kind in kinds {
                    self.begin(way.clone(), *kind, byte, next);
                }
                return;
            }
            Part::Literals(_) => {
                let written = Vec::new();
                way.push(Open::Literals { id, written });
                return self.step(way, byte, next);
            }
            Part::Number(range) => {
                let (range, written) = (*range, String::new());
                way.push(Open::Number { range, written });
                return self.step(way, byte, next);
            }
            Part::Text { least, most } if byte == b'"' => Open::Text(Text::new(*least, *most)),
            Part::List { .. } if byte == b'[' => Open::List {
                id,
                count: 0,
                at: Place::Start,
            },
            Part::Object { .. } if byte == b'{' => Open::Object(Object {
                id,
                used: 0,
                at: Place::Start,
                key: Vec::new(),
            }),
            _ => return,
        };
        way.push(open);
        next.push(way);
    }
}

impl Text {
    fn new(least: usize, most: usize) -> Self {
        Self {
            least,
            most,
            chars: 0,
            rest: 0,
            next: (0, 0),
            is_escaped: false,
        }
    }

    /// Returns whether the string ends with this byte; `None` if the byte is not allowed.
    fn take(&mut self, byte: u8) -> Option<bool> {
        if self.is_escaped {
            self.is_escaped = false;
            // no \u: half a surrogate would not be valid text
            return matches!(byte, b'"' | b'\\' | b'/' | b'n' | b't').then_some(false);
        }
        if self.rest > 0 {
            let (low, high) = std::mem::replace(&mut self.next, ANY_REST);
            self.rest -= 1;
            return (low..=high).contains(&byte).then_some(false);
        }
        if byte == b'"' {
            return (self.chars >= self.least).then_some(true);
        }
        if self.chars >= self.most {
            return None;
        }
        self.chars += 1;
        // Unicode's table 3-7: other bytes are not UTF-8
        (self.rest, self.next) = match byte {
            0x20..=0x7e => (0, ANY_REST),
            0xc2..=0xdf => (1, ANY_REST),
            0xe0 => (2, (0xa0, 0xbf)),
            0xed => (2, (0x80, 0x9f)),
            0xe1..=0xef => (2, ANY_REST),
            0xf0 => (3, (0x90, 0xbf)),
            0xf1..=0xf3 => (3, ANY_REST),
            0xf4 => (3, (0x80, 0x8f)),
            _ => return None,
        };
        self.is_escaped = byte == b'\\';
        Some(false)
    }
}

/// The range of a character's bytes after its first.
const ANY_REST: (u8, u8) = (0x80, 0xbf);

/// How a byte changes an object.
enum More {
    Nothing,
    /// The object is closed.
    End,
    /// These begin in it, the innermost last.
    Open(Vec<Open>),
}

impl Object {
    /// Returns `None` if the byte is not allowed here.
    fn take(&mut self, byte: u8, properties: &[Property], others: Option<Id>) -> Option<More> {
        let unused = |used: u64| {
            let each = properties.iter().enumerate();
            each.filter(move |(n, _)| used & (1 << n) == 0)
        };
        let may_have_more = match others {
            Some(_) => self.used < FREE_KEYS as u64,
            None => unused(self.used).next().is_some(),
        };
        match (byte, self.at) {
            (b'}', Place::Start | Place::Value) => {
                let lacks = others.is_none() && unused(self.used).any(|(_, one)| one.required);
                (!lacks).then_some(More::End)
            }
            (b',', Place::Value) if may_have_more => {
                self.at = Place::Comma;
                Some(More::Open(vec![Open::Space]))
            }
            (b'"', Place::Start | Place::Comma) if may_have_more => match (others, FREE_KEY) {
                (Some(value), Part::Text { least, most }) => {
                    self.used += 1;
                    self.at = Place::Colon(value);
                    Some(More::Open(vec![Open::Text(Text::new(least, most))]))
                }
                _ => {
                    self.at = Place::Key;
                    self.key = vec![byte];
                    Some(More::Nothing)
                }
            },
            (byte, Place::Key) => {
                self.key.push(byte);
                let begun =
                    |(_, one): &(usize, &Property)| one.key.as_bytes().starts_with(&self.key);
                let (n, first) = unused(self.used).find(begun)?;
                if first.key.as_bytes() == self.key {
                    self.at = Place::Colon(first.value);
                    self.used |= 1 << n;
                }
                Some(More::Nothing)
            }
            (b':', Place::Colon(value)) => {
                self.at = Place::Value;
                Some(More::Open(vec![Open::Value(value), Open::Space]))
            }
            _ => None,
        }
    }
}
