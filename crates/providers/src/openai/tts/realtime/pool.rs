//! The Realtime sockets of the process: by provider, key, voice and speed (a session's voice is fixed once it has
//! spoken), each owned by a task.
//!
//! A sentence takes a seat on a socket. A socket that fails, expires or is replaced ends its sentences with
//! [`End::Moved`]: whoever still wants one takes a seat on another socket.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use futures::StreamExt as _;
use futures::future::BoxFuture;
use futures::stream::FuturesUnordered;
use tokio::sync::{mpsc, watch};
use tokio::time::sleep_until;

use super::super::super::dialect;
use super::super::super::error::ProviderError;
use super::super::super::http::{ApiKey, Provider};
use super::super::super::socket::Socket;
use super::asking::{Manner, Script};
use super::life::{Due, Life};
use super::session::{Output, Part, Session};
use sidetone_base::audio::Pcm;
use sidetone_base::clock;

/// Sentences of one socket at a time: two calls' worth. A slow one delays the others.
const SEATS: usize = 4;
/// Sockets of the process; at this limit more sentences share a socket.
const SOCKETS: usize = 256;
/// Queued pieces of a sentence: two minutes of 20 ms. A sentence that exceeds this fails alone: the others of its
/// socket do not wait for it.
const PARTS: usize = 6_000;
/// Sentences that wait for a socket to open.
const WAITING: usize = 64;

/// A part of a sentence.
#[derive(Debug)]
pub(super) enum Heard {
    /// Its next audio.
    Audio(Pcm<24_000>),
    /// Nothing more comes.
    End(End),
}

/// How a sentence ended.
#[derive(Debug)]
pub(super) enum End {
    /// It arrived completely.
    Whole,
    /// Its socket is gone.
    Moved,
    /// The provider cannot speak it.
    Failed(ProviderError),
}

/// The words in a sentence's audio.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Words {
    pub(super) text: String,
    /// No more of them come.
    pub(super) all: bool,
}

/// A sentence on its way. Dropping it cancels the response.
pub(super) struct Seat {
    pub(super) parts: mpsc::Receiver<Heard>,
    /// They run ahead of the audio that waits in `parts`.
    pub(super) words: watch::Receiver<Words>,
    socket: Handle,
}

impl Seat {
    /// The socket sent nothing for too long: it is not offered to others.
    pub(super) fn distrust(&self) {
        self.socket.retired.store(true, Ordering::Relaxed);
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.socket.taken.fetch_sub(1, Ordering::Relaxed);
    }
}

struct Say {
    script: Script,
    parts: mpsc::Sender<Heard>,
    words: watch::Sender<Words>,
}

/// Provider, voice and speed of a socket.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(super) struct Key {
    provider: (dialect::Key, Vec<ApiKey>),
    voice: String,
    /// In hundredths.
    speed: Option<u32>,
}

#[derive(Clone)]
struct Handle {
    say: mpsc::Sender<Say>,
    taken: Arc<AtomicUsize>,
    /// Set when it takes no further sentences.
    retired: Arc<AtomicBool>,
}

impl Handle {
    fn is_open(&self) -> bool {
        !self.say.is_closed() && !self.retired.load(Ordering::Relaxed)
    }

    fn load(&self) -> usize {
        self.taken.load(Ordering::Relaxed)
    }
}

/// See the module's documentation. Clones share it.
#[derive(Clone, Default)]
pub struct SpeechSockets(Arc<Mutex<HashMap<Key, Vec<Handle>>>>);

impl std::fmt::Debug for SpeechSockets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Pool")
    }
}

/// How a socket is opened.
#[derive(Clone)]
pub(super) struct Access {
    pub(super) provider: Provider,
    pub(super) manner: Manner,
}

impl Access {
    fn key(&self) -> Key {
        let Manner { voice, speed } = &self.manner;
        Key {
            provider: self.provider.identity(),
            voice: voice.clone(),
            speed: speed.map(|speed| (speed * 100.0).round() as u32),
        }
    }

    async fn open(&self) -> Result<(Socket, Session), ProviderError> {
        let Access { provider, manner } = self;
        let model: String = form_urlencoded::byte_serialize(provider.model.as_bytes()).collect();
        let socket = Socket::open(provider, &format!("/realtime?model={model}")).await?;
        let session = Session::new(provider.known(), manner.clone());
        Ok((socket, session))
    }
}

impl SpeechSockets {
    fn sockets(&self) -> MutexGuard<'_, HashMap<Key, Vec<Handle>>> {
        // Entries are inserted whole, so they are valid even after a panic.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Opens a socket ahead of its first sentence if none is open.
    pub(super) fn warm(&self, access: &Access) {
        let mut sockets = self.sockets();
        let open = sockets.entry(access.key()).or_default();
        open.retain(Handle::is_open);
        if open.is_empty() {
            open.push(self.open(access));
        }
    }

    /// Begins a sentence on the socket with the most room. `None` if the socket has just closed.
    pub(super) fn say(&self, access: &Access, script: Script) -> Option<Seat> {
        let socket = self.socket(access);
        let (parts, receiver) = mpsc::channel(PARTS);
        let (words, words_receiver) = watch::channel(Words::default());
        socket.taken.fetch_add(1, Ordering::Relaxed);
        let seat = Seat {
            parts: receiver,
            words: words_receiver,
            socket: socket.clone(),
        };
        let say = Say {
            script,
            parts,
            words,
        };
        socket.say.try_send(say).ok().map(|()| seat)
    }

    fn socket(&self, access: &Access) -> Handle {
        let mut sockets = self.sockets();
        sockets.retain(|_, handles| {
            handles.retain(Handle::is_open);
            !handles.is_empty()
        });
        let all: usize = sockets.values().map(Vec::len).sum();
        let open = sockets.entry(access.key()).or_default();
        let emptiest = open.iter().min_by_key(|handle| handle.load());
        match emptiest {
            Some(handle) if handle.load() < SEATS || all >= SOCKETS => handle.clone(),
            _ => {
                let handle = self.open(access);
                open.push(handle.clone());
                handle
            }
        }
    }

    fn open(&self, access: &Access) -> Handle {
        let (say, inbox) = mpsc::channel(WAITING);
        let handle = Handle {
            say,
            taken: Arc::default(),
            retired: Arc::default(),
        };
        let owner = Owner {
            access: access.clone(),
            pool: Arc::downgrade(&self.0),
            retired: Arc::clone(&handle.retired),
            wanted: HashMap::new(),
            gone: FuturesUnordered::new(),
        };
        tokio::spawn(owner.run(inbox));
        handle
    }
}

/// The task that owns a socket.
struct Owner {
    access: Access,
    pool: Weak<Mutex<HashMap<Key, Vec<Handle>>>>,
    retired: Arc<AtomicBool>,
    /// Receivers by sentence.
    wanted: HashMap<u64, (mpsc::Sender<Heard>, watch::Sender<Words>)>,
    /// Yields the number of a sentence that is no longer wanted.
    gone: FuturesUnordered<BoxFuture<'static, u64>>,
}

impl Owner {
    async fn run(mut self, mut inbox: mpsc::Receiver<Say>) {
        let end = match self.access.open().await {
            Ok((socket, session)) => self.serve(socket, session, &mut inbox).await,
            Err(error) => Some(error),
        };
        self.retired.store(true, Ordering::Relaxed);
        inbox.close();
        let host = &self.access.provider.host;
        if let Some(error) = &end {
            tracing::warn!(%host, %error, "a socket for speech failed");
        }
        let mut left: Vec<_> = self.wanted.drain().map(|(_, (parts, _))| parts).collect();
        while let Ok(say) = inbox.try_recv() {
            left.push(say.parts);
        }
        for parts in left {
            let end = end.clone().map_or(End::Moved, End::Failed);
            parts.try_send(Heard::End(end)).ok();
        }
    }

    /// Runs until the socket is useless. The error says why, unless it was age or the server ended it.
    async fn serve(
        &mut self,
        mut socket: Socket,
        mut session: Session,
        inbox: &mut mpsc::Receiver<Say>,
    ) -> Option<ProviderError> {
        let mut life = Life::new(clock::now());
        loop {
            while let Some(output) = session.poll_output() {
                match output {
                    Output::Send(event) => {
                        if !socket.send(&event).await {
                            return None;
                        }
                    }
                    Output::Give(number, part) => {
                        if !self.give(number, part) {
                            session.cancel(number);
                        }
                    }
                    Output::Close(error) => return error,
                }
            }
            let now = clock::now();
            if self.retired.load(Ordering::Relaxed) {
                life.retire(now);
            }
            let until = match life.due(now, session.is_idle()) {
                Due::Nothing(until) => until,
                Due::Retire { replace } => {
                    self.retired.store(true, Ordering::Relaxed);
                    if replace {
                        self.replace();
                    }
                    continue;
                }
                Due::Close => {
                    inbox.close();
                    // A sentence that has just taken a seat does not wait for the close handshake.
                    if inbox.is_empty() && session.is_idle() {
                        socket.close().await;
                    }
                    return None;
                }
            };
            tokio::select! {
                biased;
                event = socket.next() => match event {
                    Some(event) => session.event(&event),
                    None => return None,
                },
                Some(number) = self.gone.next() => {
                    self.wanted.remove(&number);
                    session.cancel(number);
                    life.used(clock::now());
                }
                say = inbox.recv() => match say {
                    Some(Say { script, parts, words }) => {
                        life.used(clock::now());
                        let number = session.say(script);
                        let closed = parts.clone();
                        self.gone.push(Box::pin(async move {
                            closed.closed().await;
                            number
                        }));
                        self.wanted.insert(number, (parts, words));
                    }
                    None => {
                        socket.close().await;
                        return None;
                    }
                },
                () = sleep_until(until.into()) => {}
            }
        }
    }

    /// Opens a replacement for a socket in use before it closes.
    fn replace(&self) {
        if let Some(pool) = self.pool.upgrade() {
            SpeechSockets(pool).warm(&self.access);
        }
    }

    /// `false` if the receiver cannot take it; the sentence is then over.
    fn give(&mut self, number: u64, part: Part) -> bool {
        let Some((parts, words)) = self.wanted.get(&number) else {
            return true;
        };
        let heard = match part {
            Part::Words(text) => {
                words.send_replace(Words { text, all: false });
                return true;
            }
            Part::Audio(audio) => Heard::Audio(audio),
            Part::End(Ok(())) => {
                words.send_modify(|words| words.all = true);
                Heard::End(End::Whole)
            }
            Part::End(Err(error)) => Heard::End(End::Failed(error)),
        };
        let is_end = matches!(heard, Heard::End(_));
        let taken = parts.try_send(heard).is_ok();
        if is_end || !taken {
            self.wanted.remove(&number);
        }
        taken
    }
}
