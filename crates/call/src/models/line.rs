//! The providers of a stage, in a line: when one fails, the next takes over in the same breath.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use futures::future::BoxFuture;
use futures::stream::{self, BoxStream};
use futures::{FutureExt as _, Stream, StreamExt as _};
use tokio::time::timeout;

use super::health::{Health, PROBE};
use super::measured::{Asking, Measured};
use crate::part::Part;
use crate::providers::{Fault, ProviderError};
use sidetone_base::clock;
use sidetone_base::metrics::IntGauge;
use sidetone_config::prices::Used;
use sidetone_providers::openai::RETRIES;

/// A provider's health, shared by all calls that may ask it.
#[derive(Debug, Clone)]
pub struct SharedHealth {
    health: Arc<Mutex<Health>>,
    /// 1 while it is out; by the name under which it was asked first.
    out: IntGauge,
}

impl SharedHealth {
    /// Of a provider that was not asked yet.
    pub fn new(measured: &Measured) -> Self {
        Self {
            health: Arc::default(),
            out: measured.out(),
        }
    }

    fn get(&self) -> MutexGuard<'_, Health> {
        // It is a plain value: whole also after a panic.
        self.health.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A request failed. Answers whether this takes it out.
    fn failed(&self, now: Instant) -> bool {
        self.out.set(1);
        self.get().failed(now)
    }

    /// A request, or a probe, was answered. Answers whether this brings it back.
    fn succeeded(&self) -> bool {
        let is_back = self.get().succeeded();
        if is_back {
            self.out.set(0);
        }
        is_back
    }
}

/// What a line consists of.
pub trait Client: Clone + Send + Sync + 'static {
    /// Asks for as little as shows that it works.
    fn probe(&self) -> BoxFuture<'static, bool>;
}

/// One provider of a line.
#[derive(Clone)]
pub struct Member<C> {
    /// For the log.
    pub name: String,
    /// How it is asked.
    pub client: C,
    /// Whether it is worth it.
    pub health: SharedHealth,
    /// What it is asked for, and gives.
    pub measured: Measured,
}

/// See the module's documentation. Cloning shares it.
#[derive(Clone)]
pub struct Line<C> {
    stage: Part,
    members: Arc<[Member<C>]>,
    fallback_after: Duration,
}

/// One thing that is asked for, of one provider after the other until it is there.
pub trait Ask: Send + 'static {
    /// Who is asked.
    type Client: Client;
    /// What comes.
    type Item: Send;
    /// Whether who broke off in the middle may itself go on from there, once, where nobody else is
    /// left to ask.
    const GOES_ON: bool = false;

    /// Asks. The first item comes by `deadline`, after as many retries as make sense while
    /// somebody else waits to be asked, or not.
    fn ask(
        &mut self,
        client: &Self::Client,
        retries: u32,
        deadline: Instant,
    ) -> BoxStream<'static, Result<Self::Item, ProviderError>>;

    /// Asks `client`, which failed, for as little of the same kind as shows that it works again.
    fn probe(&self, client: &Self::Client) -> BoxFuture<'static, bool> {
        let client = client.clone();
        async move { client.probe().await }.boxed()
    }

    /// What it takes to ask.
    fn sent(&self) -> Used {
        Used::default()
    }

    /// What a piece of the answer has used.
    fn used(_: &Self::Item) -> Used {
        Used::default()
    }

    /// Takes note of what came. Answers whether another provider can take over after it.
    fn came(&mut self, item: &Self::Item) -> bool;
}

impl<C: Client> Line<C> {
    /// The next member is asked when one gave nothing for `fallback_after`.
    pub fn new(stage: Part, members: Vec<Member<C>>, fallback_after: Duration) -> Self {
        Self {
            stage,
            members: members.into(),
            fallback_after,
        }
    }

    /// How long each has while others wait to be asked.
    pub fn fallback_after(&self) -> Duration {
        self.fallback_after
    }

    /// Who is asked first when all are well.
    pub fn first(&self) -> Option<&C> {
        self.members.first().map(|member| &member.client)
    }

    /// Who is asked first when all are well, and what that is measured by.
    pub fn first_measured(&self) -> Option<(&C, &Measured)> {
        let first = self.members.first()?;
        Some((&first.client, &first.measured))
    }

    /// All of them by their names, in the order in which they are asked.
    pub fn each(&self) -> impl Iterator<Item = (&str, &C)> {
        let members = self.members.iter();
        members.map(|member| (member.name.as_str(), &member.client))
    }

    /// Asks `preferred` first where it is well, then the others in their order, then those that
    /// are out: an unlikely answer is better than none. What comes carries the place in the line
    /// of who gave it. The stream ends after an error.
    pub fn relay<A: Ask<Client = C>>(
        &self,
        ask: A,
        preferred: Option<usize>,
        limit: Duration,
    ) -> impl Stream<Item = Result<(usize, A::Item), ProviderError>> + Send + use<A, C> {
        let now = clock::now();
        for member in self.members.iter() {
            if member.health.get().probe_is_due(now) {
                self.probe(member, ask.probe(&member.client));
            }
        }
        let relay = Relay {
            line: self.clone(),
            left: self.order(preferred, now),
            current: None,
            asking: None,
            ask,
            limit,
            deadline: now + limit,
            replaceable: true,
            given: false,
            again: false,
        };
        stream::try_unfold(relay, async |mut relay| {
            Ok(relay.next().await?.map(|item| (item, relay)))
        })
    }

    /// Places in the line, with whether they are well.
    fn order(&self, preferred: Option<usize>, now: Instant) -> VecDeque<(usize, bool)> {
        let members = self.members.iter().enumerate();
        let mut order: Vec<(usize, bool)> = members
            .map(|(index, member)| (index, member.health.get().is_good(now)))
            .collect();
        order.sort_by_key(|(index, good)| (!good, Some(*index) != preferred, *index));
        order.into()
    }

    /// Sees in the background whether a member is well again: no caller waits for it.
    fn probe(&self, member: &Member<C>, probe: BoxFuture<'static, bool>) {
        let (name, health, stage) = (member.name.clone(), member.health.clone(), self.stage);
        tokio::spawn(async move {
            let works = timeout(PROBE, probe).await.unwrap_or(false);
            if !works {
                health.get().probe_failed(clock::now());
            } else if health.succeeded() {
                tracing::info!(
                    stage = stage.as_str(),
                    provider = name,
                    "the provider has recovered"
                );
            }
        });
    }

    fn failed(&self, index: usize, error: &ProviderError, next: Option<usize>) {
        let name = |index: usize| self.members[index].name.as_str();
        let now = clock::now();
        let Member {
            health, measured, ..
        } = &self.members[index];
        let is_out = match error.fault {
            // The request's own fault: others are answered.
            Fault::Refused | Fault::TooLong => false,
            Fault::Limited => health.get().limited(now, error.retry_after),
            Fault::Sick => health.failed(now),
        };
        measured.failed(error);
        if next.is_some() {
            measured.left();
        }
        let (stage, fault, message) = (self.stage.as_str(), error.fault, &error.message);
        let provider = name(index);
        match next.map(name) {
            Some(next) => {
                tracing::warn!(stage, provider, ?fault, is_out, next, %message, "the next provider takes over");
            }
            None => {
                tracing::warn!(stage, provider, ?fault, is_out, %message, "no other provider is left to take over")
            }
        }
    }
}

type Items<T> = BoxStream<'static, Result<T, ProviderError>>;

struct Relay<A: Ask> {
    line: Line<A::Client>,
    left: VecDeque<(usize, bool)>,
    current: Option<(usize, Items<A::Item>)>,
    /// Measures the current one.
    asking: Option<Asking>,
    ask: A,
    limit: Duration,
    /// For the first item of all providers together.
    deadline: Instant,
    replaceable: bool,
    /// Something came from the current one.
    given: bool,
    /// One was asked to go on.
    again: bool,
}

impl<A: Ask> Relay<A> {
    async fn next(&mut self) -> Result<Option<(usize, A::Item)>, ProviderError> {
        let stage = self.line.stage;
        loop {
            // Who has nobody well behind may take the time there is.
            let patience = self
                .left
                .iter()
                .skip(usize::from(self.current.is_none()))
                .any(|(_, good)| *good)
                .then_some(self.line.fallback_after);
            let (index, items) = match &mut self.current {
                Some((index, items)) => (*index, items),
                current @ None => {
                    let Some((index, _)) = self.left.pop_front() else {
                        let message = "no provider is configured";
                        return Err(ProviderError::new(stage, message));
                    };
                    let now = clock::now();
                    let until = patience.map_or(self.deadline, |patience| now + patience);
                    let Member {
                        client, measured, ..
                    } = &self.line.members[index];
                    self.asking = Some(measured.asked(self.ask.sent()));
                    let retries = if patience.is_some() { 1 } else { RETRIES };
                    let items = self.ask.ask(client, retries, until.min(self.deadline));
                    self.given = false;
                    (index, &mut current.insert((index, items)).1)
                }
            };
            let item = match patience {
                None => items.next().await,
                Some(patience) => timeout(patience, items.next()).await.unwrap_or_else(|_| {
                    let message = format!("nothing within {patience:?} (fallback_after)");
                    Some(Err(ProviderError::new(stage, message)))
                }),
            };
            match item {
                None => return Ok(None),
                Some(Ok(item)) => {
                    self.line.members[index].health.succeeded();
                    if let Some(asking) = &mut self.asking {
                        asking.came(A::used(&item));
                    }
                    self.replaceable &= self.ask.came(&item);
                    self.given = true;
                    self.deadline = clock::now() + self.limit;
                    return Ok(Some((index, item)));
                }
                Some(Err(error)) => {
                    if let Some(asking) = &mut self.asking {
                        asking.failed(error.fault);
                    }
                    (self.current, self.asking) = (None, None);
                    // A connection that broke does not mean that the next one does.
                    if A::GOES_ON && self.given && self.left.is_empty() && !self.again {
                        self.again = true;
                        self.left.push_back((index, false));
                    }
                    let next = self.left.front().filter(|_| self.replaceable);
                    self.line
                        .failed(index, &error, next.map(|(index, _)| *index));
                    if next.is_none() {
                        return Err(error);
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests;
