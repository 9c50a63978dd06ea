//! Encoder settings (Media Service Specification, VideoEncoderConfiguration; Media2 Service Specification,
//! VideoEncoder2Configuration): read whole, changed, written whole, read again.

use bartizan_base::{Code, Error, Result, StreamProfile};
use bartizan_device::{
    EncoderChoices, EncoderSettings, EncoderStream, MOST_CHOICES, PictureSize, RateMode, Span,
};
use bartizan_http::xml::Element;

use crate::{
    error::OnvifError,
    media::{Channel, Profile, codec},
    ptz::decimal,
    services::Service,
    session::Session,
    soap::{escape, in_schema, number, truth},
};

/// Highest picture rate that is taken for one.
const MOST_FPS: u32 = 120;
/// Most codecs of one encoder.
const MOST_CODECS: usize = 8;

/// The profiles that are a channel's main and sub stream: the first two of different encoders, as the list of channels
/// has them.
pub(crate) fn streams(channel: &Channel) -> Vec<(StreamProfile, &Profile)> {
    let mut tokens: Vec<&str> = Vec::new();
    let mut found = Vec::new();
    for profile in &channel.profiles {
        let Some(which) = [StreamProfile::Main, StreamProfile::Sub].get(found.len()) else { break };
        let token = profile.encoder.as_ref().map(|encoder| encoder.token.as_str()).unwrap_or_default();
        if !token.is_empty() && !tokens.contains(&token) {
            tokens.push(token);
            found.push((*which, profile));
        }
    }
    found
}

/// A configuration and what it may become, as one of the two services tells them.
struct Found {
    service: Service,
    configuration: Element,
    options: Option<Element>,
}

/// Media2 first where the profile is known there: it alone has H.265 and the bit rate's mode.
async fn find(session: &Session, profile: &Profile) -> Result<Found, OnvifError> {
    let token = profile.encoder.as_ref().map(|encoder| encoder.token.clone()).unwrap_or_default();
    let arguments = format!("<q:ConfigurationToken>{}</q:ConfigurationToken>", escape(&token));
    let mut failure = OnvifError::not_offered("encoder settings");
    for (offered, service, operation) in [
        (profile.in_media2, Service::Media2, "GetVideoEncoderConfigurations"),
        (profile.in_media, Service::Media, "GetVideoEncoderConfiguration"),
    ] {
        if !offered || !session.services().has(service) {
            continue;
        }
        let answer = match session.call(service, operation, &arguments).await {
            Ok(answer) => answer,
            Err(error) if error.is_answer() => {
                session.note(format!("{operation} of {}: {error}", service.name()));
                failure = error;
                continue;
            }
            Err(error) => return Err(error),
        };
        let Some(configuration) = configuration(&answer, &token) else { continue };
        let options = match session.call(service, "GetVideoEncoderConfigurationOptions", &arguments).await {
            Ok(options) => Some(options),
            Err(error) if error.is_answer() => {
                session.note(format!("what encoders offer is not told: {error}"));
                None
            }
            Err(error) => return Err(error),
        };
        return Ok(Found { service, configuration, options });
    }
    Err(failure)
}

/// The configuration of that token; devices that ignore the argument list them all.
pub(crate) fn configuration(answer: &Element, token: &str) -> Option<Element> {
    let mut all = answer.children.iter().filter(|child| child.name.starts_with("Configuration"));
    all.find(|one| one.attribute("token") == Some(token)).cloned()
}

/// The settings in a configuration of either service.
pub(crate) fn settings(configuration: &Element) -> EncoderSettings {
    let positive = |path: &str| configuration.parse_text::<u32>(path).filter(|value| *value > 0);
    let size = positive("Resolution/Width").zip(positive("Resolution/Height"));
    let constant = configuration
        .find("RateControl")
        .and_then(|control| control.attribute("ConstantBitRate"))
        .map(|word| if truth(word) { RateMode::Constant } else { RateMode::Variable });
    let own_length = configuration.attribute("GovLength").and_then(|text| text.trim().parse().ok());
    EncoderSettings {
        codec: configuration.text("Encoding").and_then(codec),
        size: size.and_then(|(width, height)| PictureSize::new(width, height)),
        frame_rate: number(configuration, "RateControl/FrameRateLimit").filter(|rate| *rate > 0.0),
        bit_rate: positive("RateControl/BitrateLimit"),
        rate_mode: constant,
        key_interval: own_length
            .or_else(|| positive("H264/GovLength"))
            .or_else(|| positive("MPEG4/GovLength")),
    }
}

fn span(element: &Element, path: &str) -> Option<Span> {
    let range = element.find(path)?;
    Span::new(range.parse_text("Min")?, range.parse_text("Max")?)
}

fn sizes(element: &Element) -> Vec<PictureSize> {
    let size = |one: &Element| PictureSize::new(one.parse_text("Width")?, one.parse_text("Height")?);
    element.children("ResolutionsAvailable").take(MOST_CHOICES).filter_map(size).collect()
}

/// Media's options for the codec in use. Another codec would need parts of the configuration that are not there.
fn media_choices(options: &Element, own: &str) -> Option<EncoderChoices> {
    let part = options.children.iter().find(|child| codec(&child.name).as_deref() == Some(own))?;
    // The extension repeats the part with the range of the bit rate added.
    let more = options
        .child("Extension")
        .and_then(|extension| extension.children.iter().find(|child| child.name == part.name));
    let rates = span(part, "FrameRateRange");
    let rates = rates.map(|span| span.min.max(1)..=span.max.min(MOST_FPS)).into_iter().flatten();
    Some(EncoderChoices {
        codec: own.to_owned(),
        sizes: sizes(part),
        frame_rates: rates.map(|rate| rate as f32).collect(),
        bit_rate: more.and_then(|more| span(more, "BitrateRange")).or_else(|| span(part, "BitrateRange")),
        rate_modes: Vec::new(),
        key_interval: span(part, "GovLengthRange"),
    })
}

/// Media2's options: one element a codec, ranges in attributes.
fn media2_choices(one: &Element) -> Option<EncoderChoices> {
    let codec = one.text("Encoding").and_then(codec)?;
    let numbers = |name: &str| -> Vec<f32> {
        let text = one.attribute(name).unwrap_or_default();
        text.split_whitespace().take(MOST_CHOICES).filter_map(|word| word.parse().ok()).collect()
    };
    let lengths = numbers("GovLengthRange");
    let constant = one.attribute("ConstantBitRateSupported").is_some_and(truth);
    Some(EncoderChoices {
        codec,
        sizes: sizes(one),
        frame_rates: numbers("FrameRatesSupported"),
        bit_rate: span(one, "BitrateRange"),
        rate_modes: if constant { vec![RateMode::Constant, RateMode::Variable] } else { Vec::new() },
        key_interval: lengths
            .first()
            .zip(lengths.last())
            .and_then(|(min, max)| Span::new(*min as u32, *max as u32)),
    })
}

/// What an encoder offers. Only what its configuration has a place for can be changed.
pub(crate) fn choices(
    service: Service,
    configuration: &Element,
    options: Option<&Element>,
) -> Vec<EncoderChoices> {
    let own = settings(configuration).codec.unwrap_or_default();
    let all = options.into_iter().flat_map(|answer| answer.children("Options"));
    let mut found: Vec<EncoderChoices> = if service == Service::Media2 {
        all.take(MOST_CODECS).filter_map(media2_choices).collect()
    } else {
        all.take(1).filter_map(|options| media_choices(options, &own)).collect()
    };
    if !found.iter().any(|one| one.codec == own) {
        found.push(EncoderChoices { codec: own, ..EncoderChoices::default() });
    }
    for one in &mut found {
        if configuration.child("RateControl").is_none() {
            (one.frame_rates, one.bit_rate, one.rate_modes) = (Vec::new(), None, Vec::new());
        }
        if service == Service::Media && settings(configuration).key_interval.is_none() {
            one.key_interval = None;
        }
        *one = std::mem::take(one).tidied();
    }
    found
}

/// ONVIF does not say which stream is the main one: it is the larger. Sizes that would turn them round are left out.
fn keep_order(streams: &mut [EncoderStream]) {
    let [main, sub] = streams else { return };
    let (Some(larger), Some(smaller)) = (main.settings.size, sub.settings.size) else { return };
    for can in &mut main.choices {
        can.sizes.retain(|size| size.area() > smaller.area() || *size == larger);
    }
    for can in &mut sub.choices {
        can.sizes.retain(|size| size.area() < larger.area() || *size == smaller);
    }
}

/// Both streams, or the one there is.
pub(crate) async fn read_all(session: &Session, channel: &Channel) -> Result<Vec<EncoderStream>, OnvifError> {
    let mut all = Vec::new();
    for (which, profile) in streams(channel) {
        let found = find(session, profile).await?;
        all.push(EncoderStream {
            profile: which,
            settings: settings(&found.configuration),
            choices: choices(found.service, &found.configuration, found.options.as_ref()),
        });
    }
    if all.is_empty() {
        return Err(OnvifError::not_offered("encoder settings"));
    }
    keep_order(&mut all);
    Ok(all)
}

/// The configuration with a change put in, in our prefixes, as `SetVideoEncoderConfiguration` wants it.
pub(crate) fn changed(service: Service, configuration: &Element, change: &EncoderSettings) -> Element {
    let mut out = in_schema(configuration);
    let before = settings(configuration);
    (out.name, out.prefix) = ("Configuration".into(), "q".into());
    if let Some(codec) = change.codec.as_ref().filter(|codec| before.codec.as_ref() != Some(*codec)) {
        let word = match codec.as_str() {
            "H.264" => "H264",
            "H.265" => "H265",
            "MPEG-4" => "MPV4-ES",
            other => other,
        };
        out.set_text("Encoding", word);
        // Of the old codec; the device chooses one of the new.
        out.attributes.retain(|(name, _)| name != "Profile");
    }
    if let Some(size) = change.size {
        out.set_text("Resolution/Width", &size.width.to_string());
        out.set_text("Resolution/Height", &size.height.to_string());
    }
    if let Some(rate) = change.frame_rate {
        out.set_text("RateControl/FrameRateLimit", &decimal(rate));
    }
    if let Some(rate) = change.bit_rate {
        out.set_text("RateControl/BitrateLimit", &rate.to_string());
    }
    if let (Some(mode), Some(control)) = (change.rate_mode, out.find_mut("RateControl")) {
        let word = if mode == RateMode::Constant { "true" } else { "false" };
        control.attributes.retain(|(name, _)| name != "ConstantBitRate");
        control.attributes.push(("ConstantBitRate".into(), word.into()));
    }
    if let Some(pictures) = change.key_interval {
        let text = pictures.to_string();
        if service == Service::Media2 {
            out.attributes.retain(|(name, _)| name != "GovLength");
            out.attributes.push(("GovLength".into(), text));
        } else if !out.set_text("H264/GovLength", &text) {
            out.set_text("MPEG4/GovLength", &text);
        }
    }
    out
}

/// Changes one stream and reads it back.
pub(crate) async fn write(
    session: &Session,
    channel: &Channel,
    which: StreamProfile,
    change: &EncoderSettings,
) -> Result<EncoderStream> {
    let streams = streams(channel);
    let profile = streams.iter().find(|(one, _)| *one == which).map(|(_, profile)| *profile);
    let profile = profile.ok_or_else(|| OnvifError::not_offered("encoder settings of this stream"))?;
    let found = find(session, profile).await?;
    let mut arguments = String::new();
    changed(found.service, &found.configuration, change).write(&mut arguments);
    if found.service == Service::Media {
        arguments += "<q:ForcePersistence>true</q:ForcePersistence>";
    }
    session.call(found.service, "SetVideoEncoderConfiguration", &arguments).await.map_err(refused)?;
    let all = read_all(session, channel).await?;
    let taken = all.into_iter().find(|stream| stream.profile == which);
    Ok(taken.ok_or_else(|| OnvifError::not_offered("encoder settings of this stream"))?)
}

/// A fault that blames the arguments is about the value.
fn refused(error: OnvifError) -> Error {
    match (&error, error.code()) {
        (OnvifError::Fault { .. }, Code::InvalidInput) => Error::new(Code::SettingRefused, error.to_string()),
        _ => error.into(),
    }
}

#[cfg(test)]
#[path = "encoder_tests.rs"]
mod tests;
