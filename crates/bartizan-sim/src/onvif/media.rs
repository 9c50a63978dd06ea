//! The media services: Media (ver10, Profile S) and Media2 (ver20, Profile T), which describe the same streams.

use bartizan_base::StreamProfile;
use quick_xml::escape::escape;

use super::{
    Answer, Request, ptz,
    soap::{Fault, MEDIA2},
};
use crate::{
    config::Format,
    unit::{Encoding, encoding},
};

/// Attributes of the Media service.
pub(crate) const CAPABILITIES: &str = "<trt:Capabilities SnapshotUri=\"true\" Rotation=\"true\" VideoSourceMode=\"false\" \
    OSD=\"false\"><trt:ProfileCapabilities MaximumNumberOfProfiles=\"64\"/><trt:StreamingCapabilities \
    RTPMulticast=\"false\" RTP_TCP=\"true\" RTP_RTSP_TCP=\"true\" NonAggregateControl=\"false\"/></trt:Capabilities>";
/// Attributes of the Media2 service.
pub(crate) const CAPABILITIES2: &str = "<tr2:Capabilities SnapshotUri=\"true\" Rotation=\"true\" VideoSourceMode=\"false\" \
    OSD=\"false\" Mask=\"false\"><tr2:ProfileCapabilities MaximumNumberOfProfiles=\"64\" \
    ConfigurationsSupported=\"VideoSource VideoEncoder PTZ\"/><tr2:StreamingCapabilities RTSPStreaming=\"true\" \
    RTPMulticast=\"false\" RTP_RTSP_TCP=\"true\" NonAggregateControl=\"false\" AutoStartMulticast=\"false\"/>\
    </tr2:Capabilities>";

/// Both services; the namespace of the request tells which.
pub(crate) fn answer(request: &Request<'_>) -> Answer {
    let body = &request.call.body;
    let second = body.namespace == MEDIA2;
    let prefix = if second { "tr2" } else { "trt" };
    let name = body.name.as_str();
    let wrapped = |inner: String| Ok(format!("<{prefix}:{name}Response>{inner}</{prefix}:{name}Response>"));
    match name {
        "GetServiceCapabilities" => wrapped(if second { CAPABILITIES2 } else { CAPABILITIES }.to_owned()),
        "GetProfiles" if second => wrapped(profiles2(request)?),
        "GetProfiles" => wrapped(
            request
                .profiles()
                .map(|(channel, stream)| profile("trt:Profiles", request, channel, stream))
                .collect(),
        ),
        "GetProfile" if !second => {
            let (channel, stream) = request.profile("ProfileToken")?;
            wrapped(profile("trt:Profile", request, channel, stream))
        }
        "GetVideoSources" if !second => wrapped(request.channels().map(source).collect()),
        "GetVideoSourceConfigurations" | "GetCompatibleVideoSourceConfigurations" => {
            let wanted = configured(request, "source_config_")?;
            let all = request.channels().filter(|channel| wanted.is_none_or(|(one, _)| one == *channel));
            wrapped(
                all.map(|channel| {
                    source_configuration(&format!("{prefix}:Configurations"), request, channel)
                })
                .collect(),
            )
        }
        "GetVideoSourceConfiguration" if !second => {
            let (channel, _) =
                configured(request, "source_config_")?.ok_or_else(|| Fault::no("NoConfig", ""))?;
            wrapped(source_configuration("trt:Configuration", request, channel))
        }
        "GetVideoSourceConfigurationOptions" => {
            let tokens = request.channels().map(|channel| {
                format!("<tt:VideoSourceTokensAvailable>source_{channel}</tt:VideoSourceTokensAvailable>")
            });
            let tokens: String = tokens.collect();
            let size = Format::of(StreamProfile::Main);
            let range = |name: &str, from: usize, to: usize| {
                format!("<tt:{name}><tt:Min>{from}</tt:Min><tt:Max>{to}</tt:Max></tt:{name}>")
            };
            let (w, h) = (size.width, size.height);
            wrapped(format!(
                "<{prefix}:Options><tt:BoundsRange>{}{}{}{}</tt:BoundsRange>{tokens}<tt:Extension><tt:Rotate>\
                 <tt:Mode>OFF</tt:Mode><tt:Mode>ON</tt:Mode><tt:DegreeList><tt:Items>0</tt:Items>\
                 <tt:Items>180</tt:Items></tt:DegreeList></tt:Rotate></tt:Extension></{prefix}:Options>",
                range("XRange", 0, 0),
                range("YRange", 0, 0),
                range("WidthRange", w, w),
                range("HeightRange", h, h)
            ))
        }
        "SetVideoSourceConfiguration" => {
            set_rotation(request)?;
            wrapped(String::new())
        }
        "GetVideoEncoderConfigurations" | "GetCompatibleVideoEncoderConfigurations" => {
            let wanted = configured(request, "encoder_")?;
            let all = request.profiles().filter(|one| wanted.is_none_or(|wanted| wanted == *one));
            let name = format!("{prefix}:Configurations");
            wrapped(all.map(|(channel, stream)| encoder(&name, request, channel, stream, second)).collect())
        }
        "GetVideoEncoderConfiguration" if !second => {
            let (channel, stream) =
                configured(request, "encoder_")?.ok_or_else(|| Fault::no("NoConfig", ""))?;
            wrapped(encoder("trt:Configuration", request, channel, stream, false))
        }
        "GetVideoEncoderConfigurationOptions" => {
            let wanted = configured(request, "encoder_")?;
            let (_, stream) = wanted.unwrap_or((0, StreamProfile::Main));
            wrapped(if second { encoder_options2(stream) } else { encoder_options(stream) })
        }
        "SetVideoEncoderConfiguration" => {
            set_encoder(request, second)?;
            wrapped(String::new())
        }
        "GetStreamUri" => {
            let (channel, stream) = request.profile("ProfileToken")?;
            let protocol = if second { &["Protocol"][..] } else { &["StreamSetup", "Transport", "Protocol"] };
            let protocol = request.call.body.text_at(protocol).unwrap_or("RTSP");
            let known = if second { &["RTSP", "RtspUnicast"][..] } else { &["RTSP", "UDP", "TCP"] };
            if !known.contains(&protocol) {
                return Err(Fault::sender(&["InvalidArgVal", "InvalidStreamSetup"], protocol));
            }
            wrapped(address(request, second, &request.stream_uri(channel, stream)))
        }
        "GetSnapshotUri" => {
            let (channel, stream) = request.profile("ProfileToken")?;
            wrapped(address(request, second, &request.snapshot_uri(channel, stream)))
        }
        "SetSynchronizationPoint" => {
            let (channel, _) = request.profile("ProfileToken")?;
            request.unit.want_key(channel);
            wrapped(String::new())
        }
        "GetAudioSources"
        | "GetAudioSourceConfigurations"
        | "GetAudioEncoderConfigurations"
        | "GetAudioOutputs"
        | "GetMetadataConfigurations"
        | "GetVideoAnalyticsConfigurations"
        | "GetAnalyticsConfigurations" => wrapped(String::new()),
        other => Err(Fault::not_supported(other)),
    }
}

/// The configuration a request names by a profile or by its own token; `None` when it names none.
fn configured(request: &Request<'_>, prefix: &str) -> Result<Option<(u16, StreamProfile)>, Fault> {
    let body = &request.call.body;
    if body.text_at(&["ProfileToken"]).is_some() {
        return request.profile("ProfileToken").map(Some);
    }
    let Some(token) = body.text_at(&["ConfigurationToken"]) else { return Ok(None) };
    let found = token.strip_prefix(prefix).and_then(|rest| match rest.split_once('_') {
        Some((channel, stream)) => Some((channel.parse().ok()?, stream_of(stream)?)),
        None => Some((rest.parse().ok()?, StreamProfile::Main)),
    });
    found
        .filter(|one| request.profiles().any(|own| own == *one))
        .map(Some)
        .ok_or_else(|| Fault::no("NoConfig", token))
}

/// `main` and `sub` in tokens.
pub(crate) fn stream_name(stream: StreamProfile) -> &'static str {
    match stream {
        StreamProfile::Main => "main",
        StreamProfile::Sub => "sub",
    }
}

/// The stream of that name.
pub(crate) fn stream_of(name: &str) -> Option<StreamProfile> {
    [StreamProfile::Main, StreamProfile::Sub].into_iter().find(|stream| stream_name(*stream) == name)
}

fn address(request: &Request<'_>, second: bool, uri: &str) -> String {
    let uri = request.text(uri);
    if second {
        return format!("<tr2:Uri>{uri}</tr2:Uri>");
    }
    format!(
        "<trt:MediaUri><tt:Uri>{uri}</tt:Uri><tt:InvalidAfterConnect>false</tt:InvalidAfterConnect>\
         <tt:InvalidAfterReboot>false</tt:InvalidAfterReboot><tt:Timeout>PT0S</tt:Timeout></trt:MediaUri>"
    )
}

fn profile(element: &str, request: &Request<'_>, channel: u16, stream: StreamProfile) -> String {
    let name = stream_name(stream);
    let mover = if request.movable().any(|one| one == channel) {
        ptz::configuration("tt:PTZConfiguration", channel)
    } else {
        String::new()
    };
    format!(
        "<{element} token=\"profile_{channel}_{name}\" fixed=\"true\"><tt:Name>{} {name}</tt:Name>{}{}{mover}</{element}>",
        escape(request.unit.channel_name(channel)),
        source_configuration("tt:VideoSourceConfiguration", request, channel),
        encoder("tt:VideoEncoderConfiguration", request, channel, stream, false),
    )
}

/// Media2 profiles with those configurations the request wants (Media2, ch. 5.2.2); none unless it names them.
fn profiles2(request: &Request<'_>) -> Answer {
    let body = &request.call.body;
    let wanted = |kind: &str| body.all("Type").any(|one| one.text == "All" || one.text == kind);
    let only = match body.text_at(&["Token"]) {
        Some(token) => Some(request.profile_of(token)?),
        None => None,
    };
    let mut all = String::new();
    for (channel, stream) in request.profiles().filter(|one| only.is_none_or(|only| only == *one)) {
        let name = stream_name(stream);
        let mut inner = String::new();
        if wanted("VideoSource") {
            inner.push_str(&source_configuration("tr2:VideoSource", request, channel));
        }
        if wanted("VideoEncoder") {
            inner.push_str(&encoder("tr2:VideoEncoder", request, channel, stream, true));
        }
        if wanted("PTZ") && request.movable().any(|one| one == channel) {
            inner.push_str(&ptz::configuration("tr2:PTZ", channel));
        }
        let inner = if inner.is_empty() {
            inner
        } else {
            format!("<tr2:Configurations>{inner}</tr2:Configurations>")
        };
        all.push_str(&format!(
            "<tr2:Profiles token=\"profile_{channel}_{name}\" fixed=\"true\"><tr2:Name>{} {name}</tr2:Name>{inner}\
             </tr2:Profiles>",
            escape(request.unit.channel_name(channel))
        ));
    }
    Ok(all)
}

fn source(channel: u16) -> String {
    let size = Format::of(StreamProfile::Main);
    format!(
        "<trt:VideoSources token=\"source_{channel}\"><tt:Framerate>{}</tt:Framerate><tt:Resolution>\
         <tt:Width>{}</tt:Width><tt:Height>{}</tt:Height></tt:Resolution></trt:VideoSources>",
        size.fps, size.width, size.height
    )
}

fn source_configuration(element: &str, request: &Request<'_>, channel: u16) -> String {
    let size = Format::of(StreamProfile::Main);
    let (mode, degree) = if request.upside_down(channel) { ("ON", 180) } else { ("OFF", 0) };
    format!(
        "<{element} token=\"source_config_{channel}\"><tt:Name>{}</tt:Name><tt:UseCount>2</tt:UseCount>\
         <tt:SourceToken>source_{channel}</tt:SourceToken><tt:Bounds x=\"0\" y=\"0\" width=\"{}\" height=\"{}\"/>\
         <tt:Extension><tt:Rotate><tt:Mode>{mode}</tt:Mode><tt:Degree>{degree}</tt:Degree></tt:Rotate></tt:Extension>\
         </{element}>",
        escape(request.unit.channel_name(channel)),
        size.width,
        size.height
    )
}

/// Rotation by 180 degrees is what the unit's lens can do; other degrees are refused.
fn set_rotation(request: &Request<'_>) -> Result<(), Fault> {
    let missing = || Fault::sender(&["InvalidArgVal"], "Configuration");
    let configuration = request.call.body.child("Configuration").ok_or_else(missing)?;
    let token = configuration.attribute("token").unwrap_or_default();
    let channel = token.strip_prefix("source_config_").and_then(|number| number.parse().ok());
    let channel = channel.filter(|one| request.channels().any(|own| own == *one));
    let channel = channel.ok_or_else(|| Fault::no("NoConfig", token))?;
    let Some(rotate) = configuration.at(&["Extension", "Rotate"]) else { return Ok(()) };
    let degree = rotate.number_at(&["Degree"]);
    let turned = match (rotate.text_at(&["Mode"]), degree) {
        (Some("OFF"), _) => false,
        (Some("ON"), None) => true,
        (Some("ON"), Some(degree)) if degree == 0.0 || degree == 180.0 => degree == 180.0,
        _ => return Err(Fault::sender(&["InvalidArgVal", "ConfigModify"], "Rotate")),
    };
    request.set_upside_down(channel, turned)
}

fn encoder(
    element: &str,
    request: &Request<'_>,
    channel: u16,
    stream: StreamProfile,
    second: bool,
) -> String {
    let name = stream_name(stream);
    let now = request.unit.encoding(channel, stream);
    let Encoding { width, height, fps, constant, .. } = now;
    let (gov, kbps) = (now.told_gop(), now.told_kbps(stream));
    let size =
        format!("<tt:Resolution><tt:Width>{width}</tt:Width><tt:Height>{height}</tt:Height></tt:Resolution>");
    let head = format!(
        "<tt:Name>{name} stream</tt:Name><tt:UseCount>1</tt:UseCount><tt:Encoding>H264</tt:Encoding>{size}"
    );
    let multicast = "<tt:Multicast><tt:Address><tt:Type>IPv4</tt:Type><tt:IPv4Address>0.0.0.0</tt:IPv4Address></tt:Address>\
                     <tt:Port>0</tt:Port><tt:TTL>1</tt:TTL><tt:AutoStart>false</tt:AutoStart></tt:Multicast>";
    let token = format!("token=\"encoder_{channel}_{name}\"");
    if second {
        return format!(
            "<{element} {token} GovLength=\"{gov}\" Profile=\"Baseline\">{head}<tt:RateControl ConstantBitRate=\"{constant}\">\
             <tt:FrameRateLimit>{fps}</tt:FrameRateLimit><tt:BitrateLimit>{kbps}</tt:BitrateLimit></tt:RateControl>\
             {multicast}<tt:Quality>50</tt:Quality></{element}>"
        );
    }
    format!(
        "<{element} {token}>{head}<tt:Quality>50</tt:Quality><tt:RateControl><tt:FrameRateLimit>{fps}</tt:FrameRateLimit>\
         <tt:EncodingInterval>1</tt:EncodingInterval><tt:BitrateLimit>{kbps}</tt:BitrateLimit></tt:RateControl><tt:H264>\
         <tt:GovLength>{gov}</tt:GovLength><tt:H264Profile>Baseline</tt:H264Profile></tt:H264>{multicast}\
         <tt:SessionTimeout>PT60S</tt:SessionTimeout></{element}>"
    )
}

/// Takes an encoder's configuration, which must be whole. Values out of range are faults; a picture rate between those
/// that the encoder can keep becomes the next lower one.
fn set_encoder(request: &Request<'_>, second: bool) -> Result<(), Fault> {
    if request.unit.knobs().read_only {
        return Err(Fault::sender(&["NotAuthorized"], "Sender not Authorized"));
    }
    let missing = |what: &str| Fault::sender(&["InvalidArgVal"], what);
    let configuration = request.call.body.child("Configuration").ok_or_else(|| missing("Configuration"))?;
    let token = configuration.attribute("token").unwrap_or_default();
    let found = token.strip_prefix("encoder_").and_then(|rest| {
        let (channel, stream) = rest.split_once('_')?;
        Some((channel.parse().ok()?, stream_of(stream)?))
    });
    let found = found.filter(|one| request.profiles().any(|own| own == *one));
    let (channel, stream) = found.ok_or_else(|| Fault::no("NoConfig", token))?;
    let text = |path: &[&str]| configuration.text_at(path).ok_or_else(|| missing(path[path.len() - 1]));
    // Parts that no client changes here, and that none may lose.
    for kept in [&["Name"][..], &["Quality"], &["Multicast", "Address", "IPv4Address"]] {
        text(kept)?;
    }
    if !second {
        text(&["SessionTimeout"])?;
        request.call.body.text_at(&["ForcePersistence"]).ok_or_else(|| missing("ForcePersistence"))?;
    }
    let number = |path: &[&str]| {
        let number = configuration.number_at(path).filter(|number| (0.0..1e6).contains(number));
        number.map(|number| number as u32).ok_or_else(|| missing(path[path.len() - 1]))
    };
    let size = (number(&["Resolution", "Width"])? as usize, number(&["Resolution", "Height"])? as usize);
    let (fps, rate) =
        (number(&["RateControl", "FrameRateLimit"])?, number(&["RateControl", "BitrateLimit"])?);
    let gop = if second {
        configuration.number("GovLength").map_or(0, |length| length as u32)
    } else {
        number(&["H264", "GovLength"])?
    };
    let constant =
        configuration.child("RateControl").and_then(|control| control.attribute("ConstantBitRate"))
            == Some("true");
    let fits = text(&["Encoding"])? == "H264"
        && request.unit.set_encoding(channel, stream, |now| {
            (now.width, now.height) = size;
            now.fps = fps;
            if second {
                now.constant = constant;
            }
            let told = (now.told_kbps(stream), now.told_gop());
            if rate != told.0 {
                now.kbps = Some(rate);
            }
            if gop != told.1 {
                now.gop = Some(gop);
            }
        });
    if fits {
        Ok(())
    } else {
        Err(Fault::sender(&["InvalidArgVal", "ConfigModify"], "parameters out of range"))
    }
}

fn range(element: &str, from: u32, to: u32) -> String {
    format!("<{element}><tt:Min>{from}</tt:Min><tt:Max>{to}</tt:Max></{element}>")
}

fn sizes(stream: StreamProfile) -> String {
    let one = |(width, height): &(usize, usize)| {
        format!(
            "<tt:ResolutionsAvailable><tt:Width>{width}</tt:Width><tt:Height>{height}</tt:Height></tt:ResolutionsAvailable>"
        )
    };
    Encoding::sizes(stream).iter().map(one).collect()
}

fn encoder_options(stream: StreamProfile) -> String {
    let (least, most) = Encoding::rates(stream);
    let part = |more: &str| {
        format!(
            "<tt:H264>{}{}{}{}<tt:H264ProfilesSupported>Baseline</tt:H264ProfilesSupported>{more}</tt:H264>",
            sizes(stream),
            range("tt:GovLengthRange", 1, encoding::LONGEST_GOP),
            range("tt:FrameRateRange", 1, encoding::FASTEST),
            range("tt:EncodingIntervalRange", 1, 1),
        )
    };
    format!(
        "<trt:Options>{}{}<tt:Extension>{}</tt:Extension></trt:Options>",
        range("tt:QualityRange", 0, 100),
        part(""),
        part(&range("tt:BitrateRange", least, most)),
    )
}

fn encoder_options2(stream: StreamProfile) -> String {
    let rates: Vec<String> = (1..=encoding::FASTEST).rev().map(|rate| rate.to_string()).collect();
    let (least, most) = Encoding::rates(stream);
    format!(
        "<tr2:Options GovLengthRange=\"1 {}\" FrameRatesSupported=\"{}\" ProfilesSupported=\"Baseline\" \
         ConstantBitRateSupported=\"true\"><tt:Encoding>H264</tt:Encoding>{}{}{}</tr2:Options>",
        encoding::LONGEST_GOP,
        rates.join(" "),
        range("tt:QualityRange", 0, 100),
        sizes(stream),
        range("tt:BitrateRange", least, most),
    )
}
