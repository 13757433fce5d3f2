//! Whether this control plane looks at the LiveKit server in which the pool's workers hold calls. One that is pointed at
//! another server, which works, finds none of the pool's rooms there, and must not take all its calls for over.

use sidetone_store::Store;

use crate::server_api::ServerApi;

/// What is wrong then.
pub(super) const ANOTHER: &str = "LiveKit knows none of the rooms in which workers hold calls: either it was just started \
     again, or LIVEKIT_HOST names another server here than for the workers";

/// Whether LiveKit knows none of the rooms in which agents of live workers are. Also true for a moment after it was
/// started again. False if no worker holds a call.
pub(super) async fn is_another(store: &Store, livekit: &ServerApi) -> anyhow::Result<bool> {
    let held = store.rooms_held().await?;
    Ok(!held.is_empty() && livekit.rooms_named(held).await?.is_empty())
}
