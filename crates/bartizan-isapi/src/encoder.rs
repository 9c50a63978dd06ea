//! Encoder settings (`/ISAPI/Streaming/channels/<id>` and its `capabilities`): read whole, changed, written whole, read
//! again. What this driver does not know stays as it was.

use bartizan_base::{Code, Error, Result, StreamProfile};
use bartizan_device::{EncoderChoices, EncoderSettings, EncoderStream, PictureSize, RateMode, Span};
use bartizan_http::xml::Element;

use crate::{IsapiError, channels::stream_id, link::Link};

/// Where a stream's settings are; recorders have those of their cameras at the second place when not at the first.
const PLACES: [&str; 2] = ["/ISAPI/Streaming/channels", "/ISAPI/ContentMgmt/StreamingProxy/channels"];

/// Both streams, or the one there is.
pub(crate) async fn read_all(link: &Link, channel: u16) -> Result<Vec<EncoderStream>, IsapiError> {
    let mut streams = Vec::new();
    for profile in [StreamProfile::Main, StreamProfile::Sub] {
        if let Some((path, root)) = find(link, channel, profile).await?
            && root.text("enabled") != Some("false")
        {
            let limits = link.get_optional(&format!("{path}/capabilities")).await?;
            streams.push(stream(profile, &root, limits.as_ref()));
        }
    }
    Ok(streams)
}

/// Changes one stream and reads it back.
pub(crate) async fn write(
    link: &Link,
    channel: u16,
    profile: StreamProfile,
    change: &EncoderSettings,
) -> Result<EncoderStream> {
    let Some((path, mut root)) = find(link, channel, profile).await? else {
        return Err(Error::new(
            Code::NotOffered,
            "the device does not offer encoder settings of this stream",
        ));
    };
    let limits = link.get_optional(&format!("{path}/capabilities")).await?;
    apply(&mut root, limits.as_ref(), change);
    link.put(&path, Some(&root)).await.map_err(refused)?;
    let taken = link.get(&path).await?;
    // What else is offered may depend on what was just set.
    let limits = link.get_optional(&format!("{path}/capabilities")).await?;
    Ok(stream(profile, &taken, limits.as_ref()))
}

/// Whether there is anything to set.
pub(crate) async fn is_there(link: &Link, channel: u16) -> Result<bool, IsapiError> {
    match find(link, channel, StreamProfile::Main).await {
        Ok(found) => Ok(found.is_some()),
        Err(error) if error.code() == Code::DeviceBusy => Ok(false),
        Err(error) => Err(error),
    }
}

async fn find(
    link: &Link,
    channel: u16,
    profile: StreamProfile,
) -> Result<Option<(String, Element)>, IsapiError> {
    for place in PLACES {
        let path = format!("{place}/{}", stream_id(channel, profile));
        if let Some(root) = link.get_optional(&path).await?
            && root.child("Video").is_some()
        {
            return Ok(Some((path, root)));
        }
    }
    Ok(None)
}

/// The device could be read and says no to the write: it is the value that it does not take.
fn refused(error: IsapiError) -> Error {
    match &error {
        IsapiError::Refused { status, .. } if matches!(status.http, 405 | 501) => error.into(),
        IsapiError::Refused { .. } if matches!(error.code(), Code::NotOffered | Code::Protocol) => {
            Error::new(Code::SettingRefused, error.to_string())
        }
        _ => error.into(),
    }
}

/// The device's words for a codec as everybody calls it.
pub(crate) fn plain_codec(word: &str) -> String {
    match word.trim() {
        "MJPEG" | "MJPG" | "JPEG" => "JPEG".to_owned(),
        "H.265+" => "H.265".to_owned(),
        "H.264+" => "H.264".to_owned(),
        other => other.to_owned(),
    }
}

fn rate_mode(word: &str) -> Option<RateMode> {
    match word.trim().to_ascii_uppercase().as_str() {
        "CBR" => Some(RateMode::Constant),
        "VBR" => Some(RateMode::Variable),
        _ => None,
    }
}

fn mode_word(mode: RateMode) -> &'static str {
    match mode {
        RateMode::Constant => "CBR",
        RateMode::Variable => "VBR",
    }
}

/// Where the rate of a mode stands.
fn rate_path(mode: Option<RateMode>) -> [&'static str; 2] {
    match mode {
        Some(RateMode::Constant) => ["Video/constantBitRate", "Video/vbrUpperCap"],
        _ => ["Video/vbrUpperCap", "Video/constantBitRate"],
    }
}

/// Reads a `StreamingChannel`.
fn settings(root: &Element) -> EncoderSettings {
    let number = |path: &str| root.parse_text::<u32>(path).filter(|value| *value > 0);
    let mode = root.text("Video/videoQualityControlType").and_then(rate_mode);
    let size = number("Video/videoResolutionWidth").zip(number("Video/videoResolutionHeight"));
    // Hundredths; 0 is "all the sensor gives", which is no number.
    let frame_rate = number("Video/maxFrameRate").map(|rate| rate as f32 / 100.0);
    let by_time = || {
        let interval = number("Video/keyFrameInterval")? as f32 / 1000.0;
        Some((interval * frame_rate?).round() as u32).filter(|pictures| *pictures > 0)
    };
    EncoderSettings {
        codec: root.text("Video/videoCodecType").map(plain_codec),
        size: size.and_then(|(width, height)| PictureSize::new(width, height)),
        frame_rate,
        bit_rate: rate_path(mode).into_iter().find_map(number),
        rate_mode: mode,
        key_interval: number("Video/GovLength").or_else(by_time),
    }
}

/// The words of an `opt` attribute.
fn options<'a>(limits: Option<&'a Element>, path: &str) -> Vec<&'a str> {
    let listed = limits.and_then(|root| root.find(path)).and_then(|element| element.attribute("opt"));
    listed.map(|opt| opt.split(',').map(str::trim).collect()).unwrap_or_default()
}

/// `min` and `max`, else the ends of `opt`.
fn span(limits: Option<&Element>, path: &str) -> Option<Span> {
    let element = limits?.find(path)?;
    let of = |name: &str| element.attribute(name)?.trim().parse::<u32>().ok();
    if let Some((min, max)) = of("min").zip(of("max")) {
        return Span::new(min, max);
    }
    let listed: Vec<u32> = options(limits, path).into_iter().filter_map(|word| word.parse().ok()).collect();
    Span::new(*listed.iter().min()?, *listed.iter().max()?)
}

/// Widths and heights are two lists side by side; of lists that do not match nothing can be told.
fn sizes(limits: Option<&Element>) -> Vec<PictureSize> {
    let widths = options(limits, "Video/videoResolutionWidth");
    let heights = options(limits, "Video/videoResolutionHeight");
    if widths.len() != heights.len() {
        return Vec::new();
    }
    let pair = |(width, height): (&str, &str)| PictureSize::new(width.parse().ok()?, height.parse().ok()?);
    widths.into_iter().zip(heights).filter_map(pair).collect()
}

/// A stream out of its settings and limits.
pub(crate) fn stream(profile: StreamProfile, root: &Element, limits: Option<&Element>) -> EncoderStream {
    let settings = settings(root);
    let rates = options(limits, "Video/maxFrameRate").into_iter();
    let modes = options(limits, "Video/videoQualityControlType");
    let mut rate_modes: Vec<RateMode> = modes.into_iter().filter_map(rate_mode).collect();
    rate_modes.dedup();
    let choices = EncoderChoices {
        codec: String::new(),
        sizes: sizes(limits),
        frame_rates: rates.filter_map(|rate| Some(rate.parse::<u32>().ok()? as f32 / 100.0)).collect(),
        bit_rate: rate_path(settings.rate_mode).into_iter().find_map(|path| span(limits, path)),
        rate_modes,
        key_interval: span(limits, "Video/GovLength"),
    }
    .tidied();
    let mut codecs: Vec<String> =
        options(limits, "Video/videoCodecType").into_iter().map(plain_codec).collect();
    codecs.extend(settings.codec.clone());
    codecs.sort();
    codecs.dedup();
    codecs.retain(|codec| !codec.is_empty());
    let choices =
        codecs.into_iter().take(8).map(|codec| EncoderChoices { codec, ..choices.clone() }).collect();
    EncoderStream { profile, settings, choices }
}

/// Changes a text, adding its element below `Video` where there is none.
fn put(root: &mut Element, path: &str, value: &str) {
    if root.set_text(path, value) {
        return;
    }
    let prefix = root.prefix.clone();
    if let (Some(video), Some((_, name))) = (root.find_mut("Video"), path.split_once('/')) {
        video.children.push(Element { prefix, ..Element::new(name, value) });
    }
}

/// Puts a change into a `StreamingChannel`.
pub(crate) fn apply(root: &mut Element, limits: Option<&Element>, change: &EncoderSettings) {
    let before = settings(root);
    if let Some(codec) = change.codec.as_ref().filter(|codec| before.codec.as_ref() != Some(*codec)) {
        let own = options(limits, "Video/videoCodecType").into_iter();
        let word = own.filter(|word| !word.ends_with('+')).find(|word| plain_codec(word) == *codec);
        put(root, "Video/videoCodecType", word.unwrap_or(codec));
    }
    if let Some(size) = change.size {
        put(root, "Video/videoResolutionWidth", &size.width.to_string());
        put(root, "Video/videoResolutionHeight", &size.height.to_string());
    }
    if let Some(rate) = change.frame_rate {
        put(root, "Video/maxFrameRate", &((rate * 100.0).round() as u32).to_string());
    }
    if let Some(mode) = change.rate_mode {
        put(root, "Video/videoQualityControlType", mode_word(mode));
    }
    let mode = change.rate_mode.or(before.rate_mode);
    let mode_changes = change.rate_mode.is_some_and(|mode| before.rate_mode != Some(mode));
    // The other mode keeps its rate in another element, which may hold anything.
    if let Some(rate) = change.bit_rate.or(before.bit_rate.filter(|_| mode_changes)) {
        put(root, rate_path(mode)[0], &rate.to_string());
    }
    if let Some(pictures) = change.key_interval {
        if root.find("Video/GovLength").is_some() || root.find("Video/keyFrameInterval").is_none() {
            put(root, "Video/GovLength", &pictures.to_string());
        }
        if root.find("Video/keyFrameInterval").is_some()
            && let Some(rate) = change.frame_rate.or(before.frame_rate)
        {
            let interval = (f64::from(pictures) * 1000.0 / f64::from(rate)).round() as u32;
            put(root, "Video/keyFrameInterval", &interval.to_string());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHANNEL: &str = "<h:StreamingChannel version=\"2.0\" xmlns:h=\"http://www.hikvision.com/ver20/XMLSchema\">\
        <h:id>101</h:id><h:enabled>true</h:enabled><h:Transport><h:Security><h:enabled>true</h:enabled></h:Security>\
        </h:Transport><h:Video><h:enabled>true</h:enabled><h:videoCodecType>H.265</h:videoCodecType>\
        <h:videoResolutionWidth>2688</h:videoResolutionWidth><h:videoResolutionHeight>1520</h:videoResolutionHeight>\
        <h:videoQualityControlType>VBR</h:videoQualityControlType><h:vbrUpperCap>4096</h:vbrUpperCap>\
        <h:maxFrameRate>2000</h:maxFrameRate><h:keyFrameInterval>2500</h:keyFrameInterval><h:GovLength>50</h:GovLength>\
        <h:SmartCodec><h:enabled>false</h:enabled></h:SmartCodec></h:Video><h:Vendor a=\"1\">kept</h:Vendor>\
        </h:StreamingChannel>";
    const LIMITS: &str = "<StreamingChannel xmlns=\"http://www.isapi.org/ver20/XMLSchema\"><Video>\
        <videoCodecType opt=\"H.264,H.264+,H.265,H.265+,MJPEG\">H.265</videoCodecType>\
        <videoResolutionWidth opt=\"1280,1920,2688\">2688</videoResolutionWidth>\
        <videoResolutionHeight opt=\"720,1080,1520\">1520</videoResolutionHeight>\
        <videoQualityControlType opt=\"CBR,VBR\">VBR</videoQualityControlType>\
        <vbrUpperCap min=\"32\" max=\"16384\" def=\"4096\">4096</vbrUpperCap>\
        <maxFrameRate opt=\"0,3000,2500,2000,1200,6\">2000</maxFrameRate>\
        <GovLength min=\"1\" max=\"400\" default=\"50\">50</GovLength></Video></StreamingChannel>";

    fn parse(text: &str) -> Element {
        Element::parse(text.as_bytes()).expect("XML")
    }

    fn size(width: u32, height: u32) -> PictureSize {
        PictureSize { width, height }
    }

    #[test]
    fn settings_and_limits_are_read() {
        let limits = parse(LIMITS);
        let read = stream(StreamProfile::Main, &parse(CHANNEL), Some(&limits));
        let now = EncoderSettings {
            codec: Some("H.265".into()),
            size: Some(size(2688, 1520)),
            frame_rate: Some(20.0),
            bit_rate: Some(4096),
            rate_mode: Some(RateMode::Variable),
            key_interval: Some(50),
        };
        assert_eq!(read.settings, now);
        let codecs: Vec<_> = read.choices.iter().map(|one| one.codec.as_str()).collect();
        assert_eq!(codecs, ["H.264", "H.265", "JPEG"]);
        let can = read.choices_for("H.264").expect("offered");
        assert_eq!(can.sizes, [size(2688, 1520), size(1920, 1080), size(1280, 720)]);
        assert_eq!(can.frame_rates, [0.06, 12.0, 20.0, 25.0, 30.0]);
        assert_eq!((can.bit_rate, can.key_interval), (Span::new(32, 16384), Span::new(1, 400)));
        assert_eq!(can.rate_modes, [RateMode::Constant, RateMode::Variable]);

        let torn = parse(&LIMITS.replace("720,1080,1520", "720,1080"));
        let read = stream(StreamProfile::Main, &parse(CHANNEL), Some(&torn));
        assert_eq!(read.choices[0].sizes, [], "lists that do not match say nothing");
        let bare = stream(StreamProfile::Main, &parse(CHANNEL), None);
        assert_eq!((bare.choices.len(), bare.choices[0].codec.as_str()), (1, "H.265"));
    }

    #[test]
    fn only_what_was_asked_is_changed() {
        let limits = parse(LIMITS);
        let mut root = parse(CHANNEL);
        let change = EncoderSettings {
            codec: Some("JPEG".into()),
            size: Some(size(1280, 720)),
            frame_rate: Some(12.0),
            bit_rate: Some(1024),
            rate_mode: Some(RateMode::Constant),
            key_interval: Some(24),
        };
        apply(&mut root, Some(&limits), &change);
        let wanted = CHANNEL
            .replace(">H.265<", ">MJPEG<")
            .replace(">2688<", ">1280<")
            .replace(">1520<", ">720<")
            .replace(">VBR<", ">CBR<")
            .replace("<h:maxFrameRate>2000<", "<h:maxFrameRate>1200<")
            .replace(">2500<", ">2000<")
            .replace("<h:GovLength>50<", "<h:GovLength>24<")
            .replace("</h:SmartCodec>", "</h:SmartCodec><h:constantBitRate>1024</h:constantBitRate>");
        assert_eq!(root, parse(&wanted));

        let mut root = parse(CHANNEL);
        apply(&mut root, None, &EncoderSettings { bit_rate: Some(512), ..EncoderSettings::default() });
        assert_eq!(root, parse(&CHANNEL.replace("<h:vbrUpperCap>4096<", "<h:vbrUpperCap>512<")));
        let mut root = parse(CHANNEL);
        apply(&mut root, None, &EncoderSettings::default());
        assert_eq!(root, parse(CHANNEL));
    }

    #[test]
    fn the_full_rate_of_the_sensor_stays_what_it_is() {
        let text = CHANNEL.replace("<h:maxFrameRate>2000<", "<h:maxFrameRate>0<");
        let mut root = parse(&text);
        assert_eq!(settings(&root).frame_rate, None);
        apply(
            &mut root,
            None,
            &EncoderSettings { size: Some(size(1280, 720)), ..EncoderSettings::default() },
        );
        assert_eq!(root.text("Video/maxFrameRate"), Some("0"));
    }
}
