//! What a channel can do, asked resource by resource and kept: the answers do not change while a device runs.

use std::sync::Arc;

use bartizan_base::{Code, StreamProfile};
use bartizan_device::{Capabilities, DeviceClass, Identity, LensMove};
use bartizan_http::{HttpError, Request};

use crate::{
    IsapiError,
    auxiliary::AuxiliaryFacts,
    channels::stream_id,
    encoder,
    imaging::ImagingFacts,
    link::{Link, refusal},
    ptz::{PtzFacts, lens_requests},
    quirks::{self, Difference},
};

/// Everything known about one channel.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct ChannelFacts {
    pub(crate) ptz: Option<PtzFacts>,
    pub(crate) imaging: ImagingFacts,
    pub(crate) auxiliary: AuxiliaryFacts,
    pub(crate) capabilities: Capabilities,
}

impl ChannelFacts {
    /// Asks the device.
    pub(crate) async fn ask(link: &Link, channel: u16, identity: &Identity) -> Result<Arc<Self>, IsapiError> {
        let lens = async {
            let ptz = ask_ptz(link, channel, identity).await?;
            let head = ptz.is_some();
            let auxiliary = AuxiliaryFacts::ask(link, channel, identity.class, head).await?;
            Ok::<_, IsapiError>((ptz, auxiliary))
        };
        let rest = async {
            let snapshot = has_snapshot(link, channel).await?;
            let key_frame = has_key_frame(link, channel).await?;
            let encoder = encoder::is_there(link, channel).await?;
            Ok::<_, IsapiError>((snapshot, key_frame, encoder))
        };
        let ((ptz, auxiliary), imaging, (snapshot, key_frame, encoder)) =
            futures::try_join!(lens, ImagingFacts::ask(link, channel), rest)?;
        let capabilities = Capabilities {
            ptz: ptz.as_ref().map(|facts| facts.capabilities.clone()).unwrap_or_default(),
            imaging: imaging.capabilities.clone(),
            auxiliaries: auxiliary.list(),
            snapshot,
            key_frame,
            encoder,
        };
        Ok(Arc::new(Self { ptz, imaging, auxiliary, capabilities }))
    }
}

async fn ask_ptz(link: &Link, channel: u16, identity: &Identity) -> Result<Option<PtzFacts>, IsapiError> {
    let mut facts = None;
    if let Some(root) = link.get_optional(&format!("/ISAPI/PTZCtrl/channels/{channel}/capabilities")).await?
        && root.name.starts_with("PTZChan")
    {
        let from_top = quirks::has(identity, Difference::Position3dFromTop);
        facts = Some(PtzFacts::read(&root, channel, from_top))
            .filter(|f| f.capabilities.any() || f.capabilities.absolute);
        if facts.is_some() && !root.children.iter().any(|child| child.name.ends_with("Space")) {
            // Recorders answer for every channel; only the list says which has a head.
            let enabled = link.get_optional(&format!("/ISAPI/PTZCtrl/channels/{channel}")).await?;
            if enabled.is_none_or(|root| root.text("enabled") != Some("true")) {
                facts = None;
            } else {
                link.note(format!(
                    "channel {channel}: PTZ capabilities name no axis; pan, tilt and zoom are assumed"
                ));
            }
        }
        if let Some(facts) = &mut facts
            && !facts.capabilities.home
        {
            let home = link.get_optional(&facts.path("homeposition")).await?;
            facts.capabilities.home = home.is_some();
        }
    }
    let focus = has_lens(link, channel, "focus").await?;
    let iris = has_lens(link, channel, "iris").await?;
    let auto_focus =
        match link.get_optional(&format!("/ISAPI/Image/channels/{channel}/focusConfiguration")).await? {
            Some(root) => root.child("focusStyle").is_some(),
            None => false,
        };
    if facts.is_none() && !focus && !iris && !auto_focus {
        return Ok(None);
    }
    let mut facts = facts.unwrap_or_else(|| PtzFacts::lens_only(channel));
    facts.capabilities.focus = focus;
    facts.capabilities.iris = iris;
    facts.capabilities.auto_focus = auto_focus;
    Ok(Some(facts))
}

/// Whether focus or iris can be moved. Much firmware lets them be written only: then it is asked by a stop, which
/// moves nothing.
async fn has_lens(link: &Link, channel: u16, resource: &str) -> Result<bool, IsapiError> {
    let path = format!("/ISAPI/System/Video/inputs/channels/{channel}/{resource}");
    match link.get(&path).await {
        Ok(_) => return Ok(true),
        Err(error) if error.is_absence() => {}
        Err(error) => return Err(error),
    }
    let stop = lens_requests(LensMove::Stop).into_iter().find(|(which, _)| *which == resource);
    match link.put(&path, stop.as_ref().map(|(_, body)| body)).await {
        Ok(()) => Ok(true),
        Err(error) if error.is_absence() => {
            link.note(format!("refused: {error}"));
            Ok(false)
        }
        Err(error) if error.code() == Code::DeviceBusy => Ok(true),
        Err(error) => Err(error),
    }
}

/// Begins to read a picture; its first bytes tell.
async fn has_snapshot(link: &Link, channel: u16) -> Result<bool, IsapiError> {
    for path in snapshot_paths(channel) {
        let mut stream = match link.client().open(Request::get(path.clone())).await {
            Ok(stream) => stream,
            Err(HttpError::Timeout { .. } | HttpError::Disconnected { .. }) => continue,
            Err(error) => return Err(error.into()),
        };
        if stream.is_success()
            && let Ok(Some(first)) = stream.chunk().await
            && picture_begins(&first).is_some()
        {
            return Ok(true);
        }
        link.note(format!("refused: GET {path}: HTTP {}", stream.status));
    }
    Ok(false)
}

/// Where pictures are asked for, in this order.
pub(crate) fn snapshot_paths(channel: u16) -> [String; 4] {
    let id = stream_id(channel, StreamProfile::Main);
    [
        format!("/ISAPI/Streaming/channels/{id}/picture"),
        format!("/ISAPI/Streaming/channels/{id}/picture?snapShotImageType=JPEG"),
        format!("/ISAPI/ContentMgmt/StreamingProxy/channels/{id}/picture"),
        format!("/Streaming/channels/{id}/picture"),
    ]
}

/// Where the JPEG begins in a body: at its start, or shortly after it. Content types lie.
pub(crate) fn picture_begins(body: &[u8]) -> Option<usize> {
    const JUNK: usize = 256;
    body[..body.len().min(JUNK)].windows(3).position(|window| window == [0xFF, 0xD8, 0xFF])
}

async fn has_key_frame(link: &Link, channel: u16) -> Result<bool, IsapiError> {
    match link.put(&key_frame_path(channel, StreamProfile::Main), None).await {
        Ok(()) => Ok(true),
        Err(error) if error.is_absence() => {
            link.note(format!("refused: {error}"));
            Ok(false)
        }
        Err(error) if error.code() == Code::DeviceBusy => Ok(true),
        Err(error) => Err(error),
    }
}

pub(crate) fn key_frame_path(channel: u16, profile: StreamProfile) -> String {
    format!("/ISAPI/Streaming/channels/{}/requestKeyFrame", stream_id(channel, profile))
}

/// A whole picture, from the first resource that gives one.
pub(crate) async fn snapshot(
    link: &Link,
    channel: u16,
    class: DeviceClass,
) -> Result<bytes::Bytes, IsapiError> {
    let mut first = None;
    for (at, path) in snapshot_paths(channel).into_iter().enumerate() {
        if at == 2 && class == DeviceClass::Camera {
            continue;
        }
        let request = Request::get(path);
        let what = link.what(&request);
        let response = link.client().send(request).await?;
        let error = if response.is_success() {
            if let Some(begin) = picture_begins(&response.body) {
                if begin > 0 {
                    link.note(format!("{what}: {begin} bytes before the picture"));
                }
                return Ok(response.body.slice(begin..));
            }
            IsapiError::Unexpected { what, reason: "no JPEG in it".into() }
        } else {
            refusal(what, &response)
        };
        link.note(format!("refused: {error}"));
        first.get_or_insert(error);
    }
    Err(first.unwrap_or_else(|| IsapiError::Unexpected { what: String::new(), reason: "no resource".into() }))
}
