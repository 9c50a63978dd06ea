//! Profiles, channels and stream addresses (Media and Media2 Service Specifications).

use bartizan_base::StreamProfile;
use bartizan_device::{ChannelInfo, ChannelStream, Online, RtspAddress};
use bartizan_http::xml::Element;
use futures::{StreamExt, TryStreamExt, stream};
use url::Url;

use crate::{
    error::OnvifError,
    services::{Service, tidy},
    session::Session,
    soap::{escape, number},
};

/// Channels asked for their addresses at once.
const CHANNELS_AT_ONCE: usize = 3;
/// Most profiles and channels read of one device.
const MOST_PROFILES: usize = 1024;

/// An encoding as configured.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Encoder {
    pub token: String,
    pub codec: Option<String>,
    pub width: Option<u32>,
    pub height: Option<u32>,
    pub frame_rate: Option<f32>,
    pub bit_rate: Option<u32>,
}

/// The PTZ part of a profile.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct PtzReference {
    pub config: String,
    pub node: String,
    /// URIs of the default spaces.
    pub defaults: Vec<String>,
}

/// One media profile, out of Media, Media2 or both.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Profile {
    pub token: String,
    pub name: String,
    pub source: Option<String>,
    pub source_config: Option<String>,
    pub source_name: String,
    pub encoder: Option<Encoder>,
    pub ptz: Option<PtzReference>,
    pub in_media: bool,
    pub in_media2: bool,
}

impl Profile {
    fn area(&self) -> u64 {
        let encoder = self.encoder.as_ref();
        let part = |get: fn(&Encoder) -> Option<u32>| u64::from(encoder.and_then(get).unwrap_or(0));
        part(|e| e.width) * part(|e| e.height)
    }

    /// Stills in a row are no video for us while there is anything else.
    fn is_jpeg(&self) -> bool {
        self.encoder.as_ref().and_then(|e| e.codec.as_deref()) == Some("JPEG")
    }
}

/// One video input and the profiles that show it, largest first.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Channel {
    pub number: u16,
    /// VideoSourceToken.
    pub source: Option<String>,
    pub profiles: Vec<Profile>,
}

impl Channel {
    /// The profile that moves the head.
    pub(crate) fn ptz_profile(&self) -> Option<&Profile> {
        self.profiles.iter().find(|profile| profile.ptz.is_some())
    }

    fn name(&self, alone: bool) -> String {
        let of = |get: fn(&Profile) -> &str| self.profiles.iter().map(get).find(|name| !name.is_empty());
        let source = of(|profile| profile.source_name.as_str());
        // One camera's input has no name worth showing beside the camera's own.
        if alone { String::new() } else { source.or(of(|p| p.name.as_str())).unwrap_or_default().to_owned() }
    }
}

pub(crate) fn codec(encoding: &str) -> Option<String> {
    let word = encoding.trim().to_ascii_uppercase();
    let plain = match word.as_str() {
        "" => return None,
        "H264" | "H.264" => "H.264",
        "H265" | "H.265" | "HEVC" => "H.265",
        "MPEG4" | "MPV4-ES" | "MPEG-4" => "MPEG-4",
        "JPEG" | "MJPEG" => "JPEG",
        _ => return Some(word),
    };
    Some(plain.to_owned())
}

fn encoder(element: &Element) -> Encoder {
    Encoder {
        token: element.attribute("token").unwrap_or_default().to_owned(),
        codec: element.text("Encoding").and_then(codec),
        width: element.parse_text("Resolution/Width"),
        height: element.parse_text("Resolution/Height"),
        frame_rate: number(element, "RateControl/FrameRateLimit").filter(|rate| *rate > 0.0),
        bit_rate: element.parse_text("RateControl/BitrateLimit").filter(|rate| *rate > 0),
    }
}

fn ptz(element: &Element) -> Option<PtzReference> {
    let defaults = element.children.iter().filter(|child| child.name.starts_with("Default"));
    Some(PtzReference {
        config: element.attribute("token").unwrap_or_default().to_owned(),
        node: element.text("NodeToken")?.to_owned(),
        defaults: defaults.map(|child| child.text.clone()).filter(|uri| uri.contains("Space")).collect(),
    })
}

/// Reads GetProfilesResponse of either service.
pub(crate) fn read_profiles(answer: &Element, service: Service) -> Vec<Profile> {
    let newer = service == Service::Media2;
    let names = if newer {
        ["VideoSource", "VideoEncoder", "PTZ"]
    } else {
        ["VideoSourceConfiguration", "VideoEncoderConfiguration", "PTZConfiguration"]
    };
    let read = |element: &Element| {
        let parts = if newer { element.child("Configurations") } else { Some(element) };
        let part = |name: &str| parts.and_then(|parts| parts.child(name));
        let source = part(names[0]);
        Some(Profile {
            token: element.attribute("token").filter(|token| !token.is_empty())?.to_owned(),
            name: element.text("Name").unwrap_or_default().to_owned(),
            source: source.and_then(|source| source.text("SourceToken")).map(str::to_owned),
            source_config: source.and_then(|source| source.attribute("token")).map(str::to_owned),
            source_name: source.and_then(|source| source.text("Name")).unwrap_or_default().to_owned(),
            encoder: part(names[1]).map(encoder),
            ptz: part(names[2]).and_then(ptz),
            in_media: !newer,
            in_media2: newer,
        })
    };
    answer.children("Profiles").filter_map(read).take(MOST_PROFILES).collect()
}

/// One list out of two. Media does not know H.265: it leaves the encoder out, or calls it H.264, so Media2's word
/// counts.
pub(crate) fn merge(media: Vec<Profile>, media2: Vec<Profile>) -> Vec<Profile> {
    let mut all = media;
    for newer in media2 {
        match all.iter_mut().find(|profile| profile.token == newer.token) {
            Some(profile) => {
                profile.in_media2 = true;
                profile.encoder = newer.encoder.or(profile.encoder.take());
                profile.source = profile.source.take().or(newer.source);
                profile.source_config = profile.source_config.take().or(newer.source_config);
                profile.ptz = profile.ptz.take().or(newer.ptz);
                if profile.source_name.is_empty() {
                    profile.source_name = newer.source_name;
                }
            }
            None => all.push(newer),
        }
    }
    all
}

/// Profiles by video source. The order is that of the sources, else of the profiles.
pub(crate) fn group(profiles: Vec<Profile>, sources: &[String]) -> Vec<Channel> {
    let mut order: Vec<Option<String>> = sources.iter().cloned().map(Some).collect();
    let lone = if sources.len() == 1 { Some(sources[0].clone()) } else { None };
    let mut channels: Vec<(Option<String>, Vec<Profile>)> = Vec::new();
    for mut profile in profiles {
        profile.source = profile.source.or_else(|| lone.clone());
        if !order.contains(&profile.source) {
            order.push(profile.source.clone());
        }
        match channels.iter_mut().find(|(source, _)| *source == profile.source) {
            Some((_, list)) => list.push(profile),
            None => channels.push((profile.source.clone(), vec![profile])),
        }
    }
    // A profile that shows no source belongs to no channel while others do.
    if channels.iter().any(|(source, _)| source.is_some()) {
        channels.retain(|(source, _)| source.is_some());
        order.retain(Option::is_some);
    }
    let mut out = Vec::new();
    for (at, source) in order.iter().enumerate() {
        let Some(found) = channels.iter().position(|(one, _)| one == source) else { continue };
        let Ok(number) = u16::try_from(at + 1) else { break };
        let (source, mut profiles) = channels.swap_remove(found);
        profiles.sort_by_key(|profile| {
            let bit_rate = profile.encoder.as_ref().and_then(|e| e.bit_rate).unwrap_or(0);
            (profile.is_jpeg(), std::cmp::Reverse(profile.area()), std::cmp::Reverse(bit_rate))
        });
        out.push(Channel { number, source, profiles });
    }
    out
}

/// Asks for profiles and sources.
pub(crate) async fn load(session: &Session) -> Result<Vec<Channel>, OnvifError> {
    let mut found = [Vec::new(), Vec::new()];
    let mut failure = None;
    for (slot, service) in found.iter_mut().zip([Service::Media, Service::Media2]) {
        if !session.services().has(service) {
            continue;
        }
        match profiles(session, service).await {
            Ok(list) => *slot = list,
            Err(error) if error.is_answer() => {
                session.note(format!("{} profiles cannot be read: {error}", service.name()));
                failure = failure.or(Some(error));
            }
            Err(error) => return Err(error),
        }
    }
    let [media, media2] = found;
    if media.is_empty() && media2.is_empty() {
        return match failure {
            Some(error) => Err(error),
            None if session.services().has(Service::Media) || session.services().has(Service::Media2) => {
                session.note("the device has no media profiles".into());
                Ok(Vec::new())
            }
            None => Err(OnvifError::not_offered("a media service")),
        };
    }
    for profile in &media {
        let newer = media2.iter().find(|other| other.token == profile.token);
        let codec = |p: &Profile| p.encoder.as_ref().and_then(|e| e.codec.clone());
        if let Some(newer) = newer
            && codec(newer).is_some()
            && codec(newer) != codec(profile)
        {
            session.note(format!(
                "profile {}: {} by Media2, {} by Media",
                profile.token,
                codec(newer).unwrap_or_default(),
                codec(profile).unwrap_or_else(|| "nothing".into())
            ));
        }
    }
    let sources = sources(session).await?;
    let channels = group(merge(media, media2), &sources);
    for (at, source) in sources.iter().enumerate() {
        if !channels.iter().any(|channel| channel.source.as_ref() == Some(source)) {
            session.note(format!("video source {} ({source}) is in no profile", at + 1));
        }
    }
    Ok(channels)
}

async fn profiles(session: &Session, service: Service) -> Result<Vec<Profile>, OnvifError> {
    if service == Service::Media {
        return Ok(read_profiles(&session.call(service, "GetProfiles", "").await?, service));
    }
    let all = session.call(service, "GetProfiles", "<q:Type>All</q:Type>").await;
    if let Ok(answer) = &all {
        let list = read_profiles(answer, service);
        if list.iter().any(|profile| profile.encoder.is_some() || profile.source.is_some()) || list.is_empty()
        {
            return Ok(list);
        }
    } else if let Err(error) = &all
        && error.fault().is_none()
    {
        return all.map(|_| Vec::new());
    }
    session.note("Media2 does not understand profiles of all types".into());
    let each = "<q:Type>VideoSource</q:Type><q:Type>VideoEncoder</q:Type><q:Type>PTZ</q:Type>";
    Ok(read_profiles(&session.call(service, "GetProfiles", each).await?, service))
}

async fn sources(session: &Session) -> Result<Vec<String>, OnvifError> {
    for service in [Service::Media, Service::DeviceIo] {
        if !session.services().has(service) {
            continue;
        }
        match session.call(service, "GetVideoSources", "").await {
            Ok(answer) => {
                let tokens = read_sources(&answer);
                if !tokens.is_empty() {
                    return Ok(tokens);
                }
            }
            Err(error) if error.is_answer() => session.note(format!("no video sources: {error}")),
            Err(error) => return Err(error),
        }
    }
    Ok(Vec::new())
}

/// Reads GetVideoSourcesResponse: as elements with a token (Media), or as bare tokens (DeviceIO).
pub(crate) fn read_sources(answer: &Element) -> Vec<String> {
    let token = |element: &Element| {
        let token = element.attribute("token").unwrap_or(&element.text);
        (!token.is_empty()).then(|| token.to_owned())
    };
    let all = answer.children.iter().filter(|child| matches!(child.name.as_str(), "VideoSources" | "Token"));
    all.filter_map(token).take(MOST_PROFILES).collect()
}

/// An RTSP address as the device writes it, as path with query and port. User info is dropped, the host is not ours to
/// use: behind a NAT the device does not know it.
pub(crate) fn read_stream_uri(uri: &str) -> Option<(String, Option<u16>)> {
    let uri = tidy(uri).replace(['\r', '\n', '\t'], "");
    let (address, _) = RtspAddress::parse(&uri).ok()?;
    let bare = uri.rsplit_once('@').map_or_else(|| uri.clone(), |(_, rest)| format!("rtsp://{rest}"));
    let port = Url::parse(&bare).ok().or_else(|| Url::parse(&uri).ok()).and_then(|url| url.port());
    Some((address.path, port))
}

async fn stream_uri(session: &Session, profile: &Profile) -> Result<(String, Option<u16>), OnvifError> {
    let token = escape(&profile.token);
    let newer = format!("<q:Protocol>RTSP</q:Protocol><q:ProfileToken>{token}</q:ProfileToken>");
    let older = format!(
        "<q:StreamSetup><tt:Stream>RTP-Unicast</tt:Stream><tt:Transport><tt:Protocol>RTSP</tt:Protocol>\
         </tt:Transport></q:StreamSetup><q:ProfileToken>{token}</q:ProfileToken>"
    );
    let mut failure = OnvifError::not_offered("a stream address");
    for (offered, service, arguments, path) in [
        (profile.in_media2, Service::Media2, &newer, "Uri"),
        (profile.in_media, Service::Media, &older, "MediaUri/Uri"),
    ] {
        if !offered {
            continue;
        }
        match session.call(service, "GetStreamUri", arguments).await {
            Ok(answer) => {
                let uri = answer.text(path).or_else(|| answer.descendant("Uri").map(|uri| uri.text.as_str()));
                match uri.and_then(read_stream_uri) {
                    Some(found) => return Ok(found),
                    None => {
                        let what = bartizan_base::redact_url(uri.unwrap_or("empty"));
                        session.note(format!("profile {}: unusable stream address: {what}", profile.token));
                    }
                }
            }
            Err(error) if error.is_answer() => failure = error,
            Err(error) => return Err(error),
        }
    }
    Err(failure)
}

/// A channel with its stream addresses. Main is the largest, sub the next of another encoding or size.
async fn describe_one(
    session: &Session,
    mut channel: Channel,
    alone: bool,
) -> Result<(Channel, ChannelInfo), OnvifError> {
    let mut streams: Vec<ChannelStream> = Vec::new();
    let (mut used, mut encoders) = (Vec::new(), Vec::new());
    for profile in &channel.profiles {
        let Some(which) = [StreamProfile::Main, StreamProfile::Sub].get(streams.len()).copied() else {
            break;
        };
        // Several profiles of one encoding are one stream.
        let token = profile.encoder.as_ref().map(|e| e.token.clone()).filter(|t| !t.is_empty());
        if token.as_ref().is_some_and(|token| encoders.contains(token)) {
            continue;
        }
        match stream_uri(session, profile).await {
            Ok((path, rtsp_port)) => {
                if streams.iter().any(|other| other.path == path && other.rtsp_port == rtsp_port) {
                    continue;
                }
                let encoder = profile.encoder.clone().unwrap_or_default();
                streams.push(ChannelStream {
                    profile: which,
                    path,
                    rtsp_port,
                    codec: encoder.codec,
                    width: encoder.width,
                    height: encoder.height,
                    frame_rate: encoder.frame_rate,
                    bit_rate: encoder.bit_rate,
                });
                used.push(profile.token.clone());
                encoders.extend(token);
            }
            Err(error) if error.is_answer() => {
                session.note(format!("profile {}: no stream address: {error}", profile.token));
            }
            Err(error) => return Err(error),
        }
    }
    // Profiles in use first, so that a key frame is asked of the stream that plays.
    channel
        .profiles
        .sort_by_key(|profile| used.iter().position(|token| *token == profile.token).unwrap_or(usize::MAX));
    let name = channel.name(alone);
    let info = ChannelInfo { number: channel.number, name, online: Online::Unknown, streams };
    Ok((channel, info))
}

/// The channels with their stream addresses.
pub(crate) async fn describe(
    session: &Session,
    channels: Vec<Channel>,
) -> Result<Vec<(Channel, ChannelInfo)>, OnvifError> {
    let alone = channels.len() == 1;
    let asked: Vec<_> = channels.into_iter().map(|channel| describe_one(session, channel, alone)).collect();
    stream::iter(asked).buffered(CHANNELS_AT_ONCE).try_collect().await
}

/// The path of a snapshot address, host and port left out.
pub(crate) async fn snapshot_path(session: &Session, profile: &Profile) -> Result<String, OnvifError> {
    let arguments = format!("<q:ProfileToken>{}</q:ProfileToken>", escape(&profile.token));
    let mut failure = OnvifError::not_offered("snapshots");
    for (offered, service) in [(profile.in_media, Service::Media), (profile.in_media2, Service::Media2)] {
        if !offered {
            continue;
        }
        match session.call(service, "GetSnapshotUri", &arguments).await {
            Ok(answer) => {
                let uri = answer.descendant("Uri").map(|uri| uri.text.as_str()).unwrap_or_default();
                if let Some(path) = crate::services::path_of(uri) {
                    return Ok(path);
                }
            }
            Err(error) if error.is_answer() => failure = error,
            Err(error) => return Err(error),
        }
    }
    Err(failure)
}
