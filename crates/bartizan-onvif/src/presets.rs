//! Presets (PTZ Service Specification, "Preset operations").

use std::time::Duration;

use bartizan_device::{Position, Preset, PresetChange, PtzMove, Velocity};
use bartizan_http::xml::Element;
use tokio::time::{Instant, sleep};

use crate::{error::OnvifError, ptz::Head, services::Service, session::Session, soap::escape};

/// A list longer than this may be made of empty places.
const LONG_LIST: usize = 32;
/// How often and how long a head is watched on its way to a preset.
const WATCH_EVERY: Duration = Duration::from_millis(300);
const WATCH_AT_MOST: Duration = Duration::from_secs(15);
/// Positions nearer than this are the same.
const SAME_PLACE: f32 = 0.01;

/// A preset as the device lists it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Listed {
    pub preset: Preset,
    pub position: Option<Position>,
    has_position: bool,
}

impl Listed {
    /// No name of its own: empty, a number, or "Preset 12" in any language.
    fn is_unnamed(&self) -> bool {
        let name = self.preset.name.trim();
        let digits = name.chars().rev().take_while(char::is_ascii_digit).count();
        let words = name[..name.len() - digits].trim_matches([' ', '_', '-']).to_lowercase();
        name.is_empty()
            || (digits > 0 && matches!(words.as_str(), "" | "preset" | "presetpoint" | "预置点" | "p"))
    }
}

pub(crate) fn read(answer: &Element, head: &Head) -> Vec<Listed> {
    let read = |element: &Element| {
        let vector = element.child("PTZPosition");
        Some(Listed {
            preset: Preset {
                token: element.attribute("token").filter(|token| !token.is_empty())?.to_owned(),
                name: element.text("Name").unwrap_or_default().to_owned(),
            },
            position: vector.and_then(|vector| head.position(vector).0),
            has_position: vector.is_some_and(|vector| !vector.children.is_empty()),
        })
    };
    answer.children("Preset").filter_map(read).take(1024).collect()
}

/// Which places were set. Recorders list every place they have: in a long list, or that of a device known for it, those
/// without a name of their own and without a position are empty.
pub(crate) fn set_ones(listed: &[Listed], lists_empty: bool) -> Vec<Preset> {
    let with_position = listed.iter().any(|one| one.has_position);
    let is_set = |one: &&Listed| {
        let empty = one.is_unnamed() && !one.has_position;
        !(empty
            && (lists_empty
                || listed.len() > LONG_LIST
                || (with_position && one.preset.name.trim().is_empty())))
    };
    listed.iter().filter(is_set).map(|one| one.preset.clone()).collect()
}

/// All places, and those that were set.
pub(crate) async fn list(session: &Session, head: &Head) -> Result<(Vec<Listed>, Vec<Preset>), OnvifError> {
    let arguments = format!("<q:ProfileToken>{}</q:ProfileToken>", escape(&head.profile));
    let listed = read(&session.call(Service::Ptz, "GetPresets", &arguments).await?, head);
    let set = set_ones(&listed, head.lists_empty_presets);
    if set.len() < listed.len() {
        session.note(format!("{} of {} presets are empty places", listed.len() - set.len(), listed.len()));
    }
    Ok((listed, set))
}

fn arguments(head: &Head, token: &str) -> String {
    format!(
        "<q:ProfileToken>{}</q:ProfileToken><q:PresetToken>{}</q:PresetToken>",
        escape(&head.profile),
        escape(token)
    )
}

pub(crate) async fn go(session: &Session, head: &Head, token: &str, speed: f32) -> Result<(), OnvifError> {
    let arguments = arguments(head, token) + &head.speed(speed);
    session.call(Service::Ptz, "GotoPreset", &arguments).await.map(drop)
}

async fn store(
    session: &Session,
    head: &Head,
    token: Option<&str>,
    name: &str,
) -> Result<String, OnvifError> {
    let mut arguments = format!("<q:ProfileToken>{}</q:ProfileToken>", escape(&head.profile));
    if !name.is_empty() {
        arguments += &format!("<q:PresetName>{}</q:PresetName>", escape(name));
    }
    if let Some(token) = token {
        arguments += &format!("<q:PresetToken>{}</q:PresetToken>", escape(token));
    }
    let answer = session.call(Service::Ptz, "SetPreset", &arguments).await?;
    let given = answer.text("PresetToken").map(str::to_owned);
    given.or_else(|| token.map(str::to_owned)).ok_or_else(|| {
        OnvifError::NotFound("the device stored the preset and did not say under which token".into())
    })
}

pub(crate) async fn change(
    session: &Session,
    head: &Head,
    change: PresetChange,
) -> Result<String, OnvifError> {
    match change {
        PresetChange::Set { token: Some(token), name } => store(session, head, Some(&token), &name).await,
        PresetChange::Set { token: None, name } => {
            // A device that lists its empty places does not make new ones.
            let (listed, set) = list(session, head).await.unwrap_or_default();
            let free = listed.iter().find(|one| !set.contains(&one.preset));
            store(session, head, free.map(|one| one.preset.token.as_str()), &name).await
        }
        PresetChange::Rename { token, name } => rename(session, head, &token, &name).await,
        PresetChange::Remove { token } => {
            session.call(Service::Ptz, "RemovePreset", &arguments(head, &token)).await?;
            Ok(token)
        }
    }
}

/// ONVIF names a preset only while storing the present position: so the head goes there, waits until it has arrived,
/// stores, and goes back. Without a status nobody knows when it has arrived, and the preset would be lost.
async fn rename(session: &Session, head: &Head, token: &str, name: &str) -> Result<String, OnvifError> {
    let (listed, _) = list(session, head).await?;
    let Some(preset) = listed.iter().find(|one| one.preset.token == token) else {
        return Err(OnvifError::NotFound(format!("no preset {token}")));
    };
    let before = status(session, head).await?;
    let near = |a: Position, b: Position| {
        (a.pan - b.pan).abs() < SAME_PLACE
            && (a.tilt - b.tilt).abs() < SAME_PLACE
            && (a.zoom - b.zoom).abs() < SAME_PLACE
    };
    let there = before.position.zip(preset.position).is_some_and(|(a, b)| near(a, b));
    if there {
        return store(session, head, Some(token), name).await;
    }
    if before.moving.is_none() && (preset.position.is_none() || before.position.is_none()) {
        return Err(OnvifError::not_offered(
            "renaming: it would store the present position, and the device does not say when it has arrived",
        ));
    }
    go(session, head, token, 1.0).await?;
    let started = Instant::now();
    loop {
        sleep(WATCH_EVERY).await;
        let now = status(session, head).await?;
        let arrived = match (now.position, preset.position) {
            (Some(at), Some(wanted)) => near(at, wanted),
            _ => now.moving == Some(false),
        };
        if arrived && now.moving != Some(true) {
            break;
        }
        if started.elapsed() > WATCH_AT_MOST {
            return Err(OnvifError::not_offered("renaming: the head did not arrive at the preset"));
        }
    }
    let token = store(session, head, Some(token), name).await?;
    if let Some(position) = before.position
        && let Ok((operation, arguments)) = head.request(PtzMove::Absolute(position), Velocity::ZERO)
    {
        let _ = session.call(Service::Ptz, operation, &arguments).await;
    }
    Ok(token)
}

pub(crate) async fn status(session: &Session, head: &Head) -> Result<bartizan_device::PtzStatus, OnvifError> {
    let arguments = format!("<q:ProfileToken>{}</q:ProfileToken>", escape(&head.profile));
    let answer = session.call(Service::Ptz, "GetStatus", &arguments).await?;
    let (status, odd) = head.status(&answer);
    if odd {
        session.note("the PTZ position lies outside the range the node tells".into());
    }
    Ok(status)
}
