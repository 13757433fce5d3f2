use std::sync::Mutex;

use futures::FutureExt as _;

use super::*;
use sidetone_base::metrics::metrics;

/// Seconds, in which the fake providers count.
fn secs(seconds: f32) -> Duration {
    Duration::from_secs_f32(seconds)
}

/// What a fake provider does with a request.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Does {
    /// Delivers this many items, one every 0.1 s.
    Gives(usize),
    /// Fails after 0.1 s.
    Fails,
    /// Delivers one item and fails.
    BreaksOff,
    /// Like [`Does::BreaksOff`], but delivers one item when asked again.
    BreaksOffOnce,
    /// Delivers one item and then hangs.
    Stalls,
    /// Delivers nothing and hangs.
    Hangs,
}

#[derive(Clone)]
struct Fake {
    name: &'static str,
    does: Arc<Mutex<Does>>,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Fake {
    fn note(&self, what: &str) {
        let note = format!("{} {what}", self.name);
        self.asked.lock().unwrap().push(note);
    }

    fn does(&self) -> Does {
        *self.does.lock().unwrap()
    }
}

impl Client for Fake {
    fn probe(&self) -> BoxFuture<'static, bool> {
        self.note("probed");
        let works = matches!(self.does(), Does::Gives(_));
        async move { works }.boxed()
    }
}

fn broken() -> ProviderError {
    ProviderError::new(Part::Llm, "500")
}

/// A request for items; if `precious`, no other provider may deliver a second one.
struct Wanted {
    precious: bool,
}

impl Ask for Wanted {
    type Client = Fake;
    type Item = ();
    const GOES_ON: bool = true;

    fn ask(
        &mut self,
        fake: &Fake,
        retries: u32,
        _: Instant,
    ) -> BoxStream<'static, Result<(), ProviderError>> {
        fake.note(&format!("asked, {retries} retries"));
        let (good, end) = match fake.does() {
            Does::Gives(items) => (items, None),
            Does::Fails => (0, Some(true)),
            Does::BreaksOff => (1, Some(true)),
            Does::BreaksOffOnce => {
                *fake.does.lock().unwrap() = Does::Gives(1);
                (1, Some(true))
            }
            Does::Stalls => (1, Some(false)),
            Does::Hangs => (0, Some(false)),
        };
        let items = stream::repeat(Ok(())).take(good);
        let end = stream::iter(end).then(async |fails| {
            if !fails {
                std::future::pending::<()>().await;
            }
            Err(broken())
        });
        let paced = items.chain(end).then(async |item| {
            tokio::time::sleep(secs(0.1)).await;
            item
        });
        paced.boxed()
    }

    fn came(&mut self, (): &()) -> bool {
        !self.precious
    }
}

struct Stand {
    line: Line<Fake>,
    fakes: Vec<Fake>,
    asked: Arc<Mutex<Vec<String>>>,
}

fn stand(does: &[Does]) -> Stand {
    let asked = Arc::default();
    let fakes: Vec<Fake> = ["a", "b", "c"]
        .into_iter()
        .zip(does)
        .map(|(name, does)| Fake {
            name,
            does: Arc::new(Mutex::new(*does)),
            asked: Arc::clone(&asked),
        })
        .collect();
    let members = fakes.iter().map(|fake| {
        let measured = Measured::new(Part::Llm, fake.name, "", None);
        Member {
            name: fake.name.into(),
            client: fake.clone(),
            health: SharedHealth::new(&measured),
            measured,
        }
    });
    let line = Line::new(Part::Llm, members.collect(), secs(2.0));
    Stand { line, fakes, asked }
}

impl Stand {
    /// The items, whether the stream ended well, and how long it took.
    async fn relay(&self, precious: bool, preferred: Option<usize>) -> (Vec<usize>, bool, f32) {
        let begun = clock::now();
        let mut items = std::pin::pin!(self.line.relay(Wanted { precious }, preferred, secs(9.5)));
        let (mut came, mut good) = (Vec::new(), true);
        while let Some(item) = items.next().await {
            match item {
                Ok((by, ())) => came.push(by),
                Err(_) => good = false,
            }
        }
        // The runtime sleeps in whole milliseconds, rounded up.
        let tenths = ((clock::now() - begun).as_secs_f32() * 10.0).round();
        (came, good, tenths / 10.0)
    }

    fn asked(&self) -> Vec<String> {
        std::mem::take(&mut *self.asked.lock().unwrap())
    }

    fn set(&self, index: usize, does: Does) {
        *self.fakes[index].does.lock().unwrap() = does;
    }
}

#[tokio::test(start_paused = true)]
async fn the_first_provider_is_asked_while_it_works() {
    let stand = stand(&[Does::Gives(3), Does::Gives(3)]);
    assert_eq!(stand.relay(false, None).await, (vec![0, 0, 0], true, 0.3));
    assert_eq!(stand.asked(), ["a asked, 1 retries"]);
    assert_eq!(stand.relay(false, Some(1)).await.0, [1, 1, 1]);
}

#[tokio::test(start_paused = true)]
async fn the_next_provider_takes_over_at_once_and_is_then_asked_first() {
    let stand = stand(&[Does::Fails, Does::Gives(2)]);
    assert_eq!(stand.relay(false, None).await, (vec![1, 1], true, 0.3));
    assert_eq!(stand.asked(), ["a asked, 1 retries", "b asked, 3 retries"]);
    assert_eq!(stand.relay(false, Some(0)).await, (vec![1, 1], true, 0.2));
    assert_eq!(stand.asked(), ["b asked, 3 retries"]);
}

#[tokio::test(start_paused = true)]
async fn a_provider_that_hangs_costs_no_more_than_fallback_after() {
    let stand = stand(&[Does::Hangs, Does::Hangs, Does::Gives(1)]);
    assert_eq!(stand.relay(false, None).await, (vec![2], true, 4.1));
}

#[tokio::test(start_paused = true)]
async fn a_provider_that_breaks_off_or_stalls_is_replaced_in_mid_reply() {
    let stand = stand(&[Does::BreaksOff, Does::Stalls, Does::Gives(1)]);
    assert_eq!(stand.relay(false, None).await, (vec![0, 1, 2], true, 2.4));
}

#[tokio::test(start_paused = true)]
async fn the_last_provider_continues_its_own_reply_once() {
    let stand = stand(&[Does::BreaksOffOnce]);
    assert_eq!(stand.relay(false, None).await, (vec![0, 0], true, 0.3));
    assert_eq!(stand.asked(), ["a asked, 3 retries", "a asked, 3 retries"]);
    // Its answer made it healthy again.
    assert_eq!(stand.relay(false, None).await, (vec![0], true, 0.1));
    stand.set(0, Does::BreaksOff);
    assert_eq!(stand.relay(false, None).await, (vec![0, 0], false, 0.4));
    stand.set(0, Does::BreaksOff);
    assert_eq!(stand.relay(true, None).await, (vec![0], false, 0.2));
    stand.set(0, Does::Fails);
    assert_eq!(stand.relay(false, None).await, (vec![], false, 0.1));
}

#[tokio::test(start_paused = true)]
async fn a_broken_answer_that_cannot_be_continued_fails() {
    let stand = stand(&[Does::BreaksOff, Does::Gives(1)]);
    assert_eq!(stand.relay(true, None).await, (vec![0], false, 0.2));
    // The next request goes to the other provider.
    assert_eq!(stand.relay(true, None).await.0, [1]);
}

#[tokio::test(start_paused = true)]
async fn a_probe_brings_it_back_and_no_caller_waits_for_it() {
    let stand = stand(&[Does::Fails, Does::Gives(1)]);
    stand.relay(false, None).await;
    tokio::time::sleep(secs(5.0)).await;
    stand.asked();
    // The probe is due and fails: the next one is 10 s later.
    assert_eq!(stand.relay(false, None).await.0, [1]);
    assert_eq!(stand.asked(), ["b asked, 3 retries", "a probed"]);
    stand.set(0, Does::Gives(1));
    tokio::time::sleep(secs(9.0)).await;
    assert_eq!(stand.relay(false, None).await.0, [1]);
    assert_eq!(stand.asked(), ["b asked, 3 retries"]);
    tokio::time::sleep(secs(1.0)).await;
    assert_eq!(
        stand.relay(false, None).await.0,
        [1],
        "it is probed only now"
    );
    assert_eq!(stand.relay(false, None).await.0, [0], "and well again");
}

#[tokio::test(start_paused = true)]
async fn when_all_are_out_all_are_asked() {
    let stand = stand(&[Does::Fails, Does::Fails]);
    assert_eq!(stand.relay(false, None).await, (vec![], false, 0.2));
    stand.asked();
    stand.set(1, Does::Gives(1));
    assert_eq!(stand.relay(false, None).await.0, [1]);
    assert_eq!(stand.asked(), ["a asked, 3 retries", "b asked, 3 retries"]);
    assert_eq!(
        stand.relay(false, None).await.0,
        [1],
        "an answer makes well, too"
    );
    assert_eq!(stand.asked(), ["b asked, 3 retries"]);
}

/// What an operator sees of a provider that fails and comes back.
#[tokio::test(start_paused = true)]
async fn failures_and_fallbacks_are_counted_by_provider() {
    let stand = stand(&[Does::Fails, Does::Gives(1)]);
    let text = |name: &str| {
        let text = metrics().text();
        let line = text.lines().find(|line| line.starts_with(name));
        line.and_then(|line| line.rsplit(' ').next()?.parse::<f64>().ok())
    };
    let of_a = "provider=\"a\",stage=\"llm\"}";
    stand.relay(false, None).await;
    let errors = format!("sidetone_provider_errors_total{{fault=\"sick\",{of_a}");
    assert_eq!(text(&errors), Some(1.0));
    let fallbacks = format!("sidetone_provider_fallbacks_total{{{of_a}");
    assert_eq!(text(&fallbacks), Some(1.0));
    let out = format!("sidetone_provider_out{{{of_a}");
    assert_eq!(text(&out), Some(1.0));
    let asked = "sidetone_provider_requests_total{provider=\"b\",stage=\"llm\"}";
    assert_eq!(text(asked), Some(1.0));
    stand.set(0, Does::Gives(1));
    tokio::time::sleep(secs(6.0)).await;
    stand.relay(false, None).await;
    tokio::time::sleep(secs(1.0)).await;
    assert_eq!(text(&out), Some(0.0), "the probe has brought it back");
}
