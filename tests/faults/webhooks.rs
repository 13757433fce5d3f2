//! A load balancer for webhooks between livekit-server and the control planes, which can lose, duplicate and delay
//! them.

use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use tokio::net::TcpListener;
use tokio_util::task::AbortOnDropHandle;

/// What happens to a webhook.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Delivery {
    Prompt,
    /// Acknowledged to LiveKit, but not delivered.
    Lost,
    Doubled,
    Late(Duration),
}

/// The handler's state.
#[derive(Clone)]
struct Balancer {
    client: reqwest::Client,
    planes: Vec<SocketAddr>,
    delivery: Delivery,
}

/// The relay. Dropping it stops it.
pub struct Webhooks {
    /// The webhook address for livekit-server.
    pub url: String,
    listener: Option<TcpListener>,
    serving: Option<AbortOnDropHandle<()>>,
}

impl Webhooks {
    /// Reserves an address that livekit-server can be given before there are control planes.
    pub async fn reserve() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        Self {
            url: format!("http://{}/", listener.local_addr().unwrap()),
            listener: Some(listener),
            serving: None,
        }
    }

    /// Delivers to these control planes in turn, skipping those that are down.
    pub fn deliver(&mut self, planes: Vec<SocketAddr>, delivery: Delivery) {
        let balancer = Balancer {
            client: reqwest::Client::new(),
            planes,
            delivery,
        };
        let router = Router::new().route("/", post(take)).with_state(balancer);
        let listener = self.listener.take().unwrap();
        self.serving = Some(AbortOnDropHandle::new(tokio::spawn(async move {
            axum::serve(listener, router).await.unwrap();
        })));
    }
}

async fn take(State(balancer): State<Balancer>, headers: HeaderMap, body: Bytes) -> StatusCode {
    match balancer.delivery {
        Delivery::Lost => StatusCode::OK,
        Delivery::Prompt => balancer.pass_on(&headers, &body).await,
        Delivery::Doubled => {
            balancer.pass_on(&headers, &body).await;
            balancer.pass_on(&headers, &body).await
        }
        Delivery::Late(by) => {
            tokio::spawn(async move {
                tokio::time::sleep(by).await;
                balancer.pass_on(&headers, &body).await;
            });
            StatusCode::OK
        }
    }
}

impl Balancer {
    async fn pass_on(&self, headers: &HeaderMap, body: &Bytes) -> StatusCode {
        // Chosen by its content, so that each control plane gets some.
        let first = body.iter().map(|&byte| usize::from(byte)).sum::<usize>();
        for n in 0..self.planes.len() {
            let plane = self.planes[(first + n) % self.planes.len()];
            let mut request = self
                .client
                .post(format!("http://{plane}/api/voice/webhook"))
                .timeout(Duration::from_secs(5))
                .body(body.clone());
            for name in ["authorization", "content-type"] {
                if let Some(value) = headers.get(name) {
                    request = request.header(name, value);
                }
            }
            if let Ok(answer) = request.send().await {
                return answer.status();
            }
        }
        StatusCode::BAD_GATEWAY
    }
}
