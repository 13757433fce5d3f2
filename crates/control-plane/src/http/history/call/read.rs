//! Reads everything that is known about a call.

use uuid::Uuid;

use super::{CallDetail, ToolInfo};
use sidetone_store::participants::Participant;
use sidetone_store::{Call, Store, StoreError};

impl CallDetail {
    /// Everything that is known about a call. `None` if there is no such call, or it was erased.
    pub(in crate::http) async fn read(store: &Store, id: Uuid) -> Result<Option<Self>, StoreError> {
        let call = store.call(id).await?;
        let Some(call) = call.filter(|call| call.deleted_at.is_none()) else {
            return Ok(None);
        };
        let participants = store.participants(id).await?;
        Ok(Some(Self::of(store, call, participants).await?))
    }

    pub(super) async fn of(
        store: &Store,
        call: Call,
        participants: Vec<Participant>,
    ) -> Result<Self, StoreError> {
        let id = call.id;
        let recordings = store.recordings(id).await?;
        let turns = store.turns(id).await?;
        let tools = store.tool_calls(id).await?;
        let errors = store.stage_errors(id).await?;
        let (goes_on, now) = (call.ended_at.is_none(), sidetone_store::now());
        let tool = |run| ToolInfo::of(run, goes_on, &participants, now);
        let tools = tools.into_iter().map(tool).collect();
        let made = store.result(id).await?;
        let (result, result_error) = made.map_or((None, None), |made| (made.result, made.error));
        let webhook = store.webhook_state(id).await?;
        let figures = store.figures(id).await?;
        let (usage, ledger) = figures
            .map(|figures| (figures.usage, figures.ledger))
            .unzip();
        let media = store.media(id).await?;
        let by = store.version_of_call(id).await?;
        let (variant, edition) = by
            .as_ref()
            .map_or((None, None), |by| (by.variant.clone(), by.edition.clone()));
        let (agent, agent_version) = by.map(|by| (by.agent, by.agent_version)).unzip();
        Ok(Self {
            transcript: call.transcript.clone(),
            call: call.into(),
            participants: participants.into_iter().map(Into::into).collect(),
            turns: turns.into_iter().map(Into::into).collect(),
            tools,
            errors: errors.into_iter().map(Into::into).collect(),
            result: result.map(|result| result.0),
            result_error,
            webhook,
            usage,
            ledger,
            media,
            agent,
            agent_version,
            variant,
            edition,
            recordings: recordings.into_iter().map(Into::into).collect(),
        })
    }
}
