//! Identity, time, channels, streams, ports.

use bartizan_base::StreamProfile;

use super::{Call, ISAPI20, Isapi, Outcome, VER10, VER20, document, escaped};
use crate::{
    onvif::soap::Element,
    unit::{Encoding, UnitClass, encoding},
};

pub(super) fn answer(isapi: &Isapi, call: &Call<'_>) -> Outcome {
    let unit = &isapi.unit;
    let recorder = unit.config().class == UnitClass::Recorder;
    match (call.method, call.path.as_slice()) {
        ("GET", ["System", "deviceInfo"]) => Outcome::Document(device_info(isapi)),
        ("GET", ["System", "capabilities"]) => Outcome::Document(document(
            "DeviceCap",
            ISAPI20,
            &format!(
                "<SysCap><isSupportDst>true</isSupportDst><IOCap><IOOutputPortNums>{}</IOOutputPortNums></IOCap></SysCap>\n\
                 <isSupportSnapshot>true</isSupportSnapshot>",
                unit.config().outputs
            ),
        )),
        ("GET", ["System", "status"]) => Outcome::Document(document(
            "DeviceStatus",
            VER20,
            &format!(
                "<currentDeviceTime>{}</currentDeviceTime>\n<deviceUpTime>86400</deviceUpTime>\n\
                 <CPUList><CPU><cpuDescription>sim</cpuDescription><cpuUtilization>12</cpuUtilization></CPU></CPUList>\n\
                 <MemoryList><Memory><memoryDescription>DDR</memoryDescription><memoryUsage>201.5</memoryUsage>\
                 <memoryAvailable>55.1</memoryAvailable></Memory></MemoryList>",
                local_time(isapi)
            ),
        )),
        ("GET", ["System", "time"]) => Outcome::Document(document(
            "Time",
            VER20,
            &format!(
                "<timeMode>manual</timeMode>\n<localTime>{}</localTime>\n<timeZone>{}</timeZone>",
                local_time(isapi),
                posix_zone(unit.config().zone_s)
            ),
        )),
        ("GET", ["Security", "adminAccesses"]) => Outcome::Document(admin_accesses(isapi)),
        ("GET", ["Security", "users"]) => Outcome::Document(document(
            "UserList",
            VER20,
            &format!(
                "<User><id>1</id><userName>{}</userName><userLevel>Administrator</userLevel></User>",
                escaped(&unit.config().user)
            ),
        )),
        ("GET", ["System", "Network", "interfaces"]) => Outcome::Document(document(
            "NetworkInterfaceList",
            VER20,
            &format!(
                "<NetworkInterface><id>1</id><IPAddress><ipVersion>dual</ipVersion><ipAddress>{}</ipAddress></IPAddress>\
                 <Link><MACAddress>{}</MACAddress></Link></NetworkInterface>",
                call.ask.local.ip(),
                unit.config().mac
            ),
        )),
        ("GET", ["Streaming", "channels"]) => {
            let all: String = (1..=unit.channels())
                .flat_map(|channel| [stream(isapi, channel, 1), stream(isapi, channel, 2)])
                .collect();
            Outcome::Document(document("StreamingChannelList", ISAPI20, &all))
        }
        ("GET", ["Streaming", "channels", id]) => match isapi.stream(id) {
            Some((channel, number)) => {
                let text = stream(isapi, channel, number);
                Outcome::Document(format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n{text}"))
            }
            None => Outcome::NOT_FOUND,
        },
        ("GET", ["Streaming", "channels", id, "capabilities"]) => match isapi.stream(id) {
            Some((channel, number)) => {
                Outcome::Document(document("StreamingChannel", ISAPI20, &limits(isapi, channel, number)))
            }
            None => Outcome::NOT_FOUND,
        },
        ("PUT", ["Streaming", "channels", id]) => match isapi.stream(id) {
            Some(_) if unit.knobs().read_only => Outcome::Status(403, 4, "lowPrivilege"),
            Some((channel, number)) => set_stream(isapi, call, channel, number),
            None => Outcome::NOT_FOUND,
        },
        ("PUT", ["Streaming", "channels", id, "requestKeyFrame"]) => match isapi.stream(id) {
            Some((channel, _)) => Outcome::done(unit.want_key(channel)),
            None => Outcome::NOT_FOUND,
        },
        ("GET", ["System", "Video", "inputs", "channels"]) if !recorder => {
            let all: String = (1..=unit.channels()).map(|channel| video_input(isapi, channel)).collect();
            Outcome::Document(document("VideoInputChannelList", VER20, &all))
        }
        ("GET", ["System", "Video", "inputs", "channels", channel]) if !recorder => {
            let Some(channel) = channel.parse().ok().filter(|channel| unit.has(*channel)) else {
                return Outcome::NOT_FOUND;
            };
            let text = video_input(isapi, channel);
            Outcome::Document(format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n{text}"))
        }
        ("GET", ["System", "Video", "inputs", "channels", _, "motionDetection"]) => {
            Outcome::Document(document(
                "MotionDetection",
                VER20,
                "<enabled>true</enabled><regionType>grid</regionType>\
             <Grid><rowGranularity>18</rowGranularity><columnGranularity>22</columnGranularity></Grid>\
             <MotionDetectionLayout><sensitivityLevel>60</sensitivityLevel><layout><gridMap></gridMap></layout></MotionDetectionLayout>",
            ))
        }
        ("GET", ["ContentMgmt", "InputProxy", "channels"]) if recorder => {
            Outcome::Document(document("InputProxyChannelList", VER20, &proxied(isapi)))
        }
        ("GET", ["ContentMgmt", "InputProxy", "channels", "status"]) if recorder => {
            Outcome::Document(document("InputProxyChannelStatusList", VER10, &proxied_status(isapi)))
        }
        ("GET", ["ContentMgmt", "Storage"]) => Outcome::Document(document(
            "storage",
            VER20,
            "<hddList><hdd><id>1</id><hddName>hdda</hddName><hddType>SATA</hddType><status>ok</status>\
             <capacity>953869</capacity><freeSpace>0</freeSpace><property>RW</property></hdd></hddList>",
        )),
        ("GET", ["Event", "triggers"]) => {
            Outcome::Document(document("EventTriggerList", VER20, &triggers(isapi)))
        }
        _ => Outcome::NOT_SUPPORTED,
    }
}

fn device_info(isapi: &Isapi) -> String {
    let config = isapi.unit.config();
    let kind = match config.class {
        UnitClass::Camera if config.ptz => "IPDome",
        UnitClass::Camera => "IPCamera",
        UnitClass::Recorder => "NVR",
    };
    let inner = format!(
        "<deviceName>{}</deviceName>\n<deviceID>48443030-3030-3030-3030-{}</deviceID>\n<model>{}</model>\n\
         <serialNumber>{}</serialNumber>\n<macAddress>{}</macAddress>\n<firmwareVersion>{}</firmwareVersion>\n\
         <firmwareReleasedDate>build 240826</firmwareReleasedDate>\n<deviceType>{kind}</deviceType>",
        escaped(&config.name),
        config.mac.replace(':', ""),
        escaped(&config.model),
        config.serial,
        config.mac,
        config.firmware
    );
    document("DeviceInfo", VER20, &inner)
}

fn local_time(isapi: &Isapi) -> String {
    let zone = isapi.unit.config().zone_s;
    let offset = jiff::tz::Offset::from_seconds(zone).unwrap_or(jiff::tz::Offset::UTC);
    let now = jiff::Timestamp::from_microsecond(isapi.unit.now().0).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    now.to_zoned(offset.to_time_zone()).strftime("%Y-%m-%dT%H:%M:%S%:z").to_string()
}

/// As POSIX writes it, the sign turned round.
fn posix_zone(seconds: i32) -> String {
    let sign = if seconds >= 0 { '-' } else { '+' };
    let (hours, minutes) = (seconds.abs() / 3600, seconds.abs() % 3600 / 60);
    format!("CST{sign}{hours}:{minutes:02}:00")
}

fn admin_accesses(isapi: &Isapi) -> String {
    let mut rows = vec![("HTTP", isapi.http_port), ("RTSP", isapi.rtsp_port), ("DEV_MANAGE", 8000)];
    rows.extend(isapi.https_port.map(|port| ("HTTPS", port)));
    let inner: String = rows
        .into_iter()
        .enumerate()
        .map(|(at, (protocol, port))| {
            format!(
                "<AdminAccessProtocol><id>{}</id><enabled>true</enabled><protocol>{protocol}</protocol><portNo>{port}</portNo></AdminAccessProtocol>\n",
                at + 1
            )
        })
        .collect();
    document("AdminAccessProtocolList", VER10, &inner)
}

fn stream(isapi: &Isapi, channel: u16, number: u16) -> String {
    let profile = profile_of(number);
    let now = isapi.unit.encoding(channel, profile);
    let Encoding { width, height, fps, .. } = now;
    let (rate, gop) = (now.told_kbps(profile), now.told_gop());
    let id = channel * 100 + number;
    let rate = if now.constant {
        format!(
            "<videoQualityControlType>CBR</videoQualityControlType><constantBitRate>{rate}</constantBitRate>"
        )
    } else {
        format!("<videoQualityControlType>VBR</videoQualityControlType><vbrUpperCap>{rate}</vbrUpperCap>")
    };
    format!(
        "<StreamingChannel version=\"2.0\" xmlns=\"{VER20}\">\n<id>{id}</id>\n<channelName>{}</channelName>\n<enabled>true</enabled>\n\
         <Transport><rtspPortNo>{}</rtspPortNo><maxPacketSize>1000</maxPacketSize></Transport>\n\
         <Video><enabled>true</enabled><videoInputChannelID>{channel}</videoInputChannelID><videoCodecType>H.264</videoCodecType>\
         <videoResolutionWidth>{width}</videoResolutionWidth><videoResolutionHeight>{height}</videoResolutionHeight>\
         {rate}<fixedQuality>60</fixedQuality>\
         <maxFrameRate>{}</maxFrameRate><keyFrameInterval>{}</keyFrameInterval><GovLength>{gop}</GovLength>\
         <H264Profile>Main</H264Profile></Video>\n\
         <Audio><enabled>true</enabled><audioCompressionType>G.711ulaw</audioCompressionType></Audio>\n</StreamingChannel>\n",
        escaped(isapi.unit.channel_name(channel)),
        isapi.rtsp_port,
        fps * 100,
        gop * 1000 / fps.max(1)
    )
}

fn profile_of(number: u16) -> StreamProfile {
    if number == 1 { StreamProfile::Main } else { StreamProfile::Sub }
}

fn limits(isapi: &Isapi, channel: u16, number: u16) -> String {
    let profile = profile_of(number);
    let now = isapi.unit.encoding(channel, profile);
    let sizes = Encoding::sizes(profile);
    let list = |one: fn(&(usize, usize)) -> usize| {
        sizes.iter().map(|size| one(size).to_string()).collect::<Vec<_>>().join(",")
    };
    let rates: Vec<String> = (1..=encoding::FASTEST).map(|rate| (rate * 100).to_string()).collect();
    let (least, most) = Encoding::rates(profile);
    format!(
        "<id>{}</id><Video><videoCodecType opt=\"H.264\">H.264</videoCodecType>\
         <videoResolutionWidth opt=\"{}\">{}</videoResolutionWidth><videoResolutionHeight opt=\"{}\">{}</videoResolutionHeight>\
         <videoQualityControlType opt=\"CBR,VBR\">VBR</videoQualityControlType>\
         <constantBitRate min=\"{least}\" max=\"{most}\">{least}</constantBitRate>\
         <vbrUpperCap min=\"{least}\" max=\"{most}\" def=\"{most}\">{most}</vbrUpperCap>\
         <maxFrameRate opt=\"0,{}\">{}</maxFrameRate>\
         <GovLength min=\"1\" max=\"{}\" default=\"25\">{}</GovLength></Video>",
        channel * 100 + number,
        list(|size| size.0),
        now.width,
        list(|size| size.1),
        now.height,
        rates.join(","),
        now.fps * 100,
        encoding::LONGEST_GOP,
        now.told_gop()
    )
}

/// Whole elements only: what was not sent back in full is refused, as devices do.
fn set_stream(isapi: &Isapi, call: &Call<'_>, channel: u16, number: u16) -> Outcome {
    let Some(body) = call.body() else { return Outcome::INVALID };
    let kept = ["Transport/maxPacketSize", "Video/fixedQuality", "Audio/audioCompressionType", "channelName"];
    if kept.iter().any(|path| body.text_at(&path.split('/').collect::<Vec<_>>()).is_none()) {
        return Outcome::INVALID;
    }
    match wish(&body) {
        Some((size, fps, constant, rate, gop))
            if body.text_at(&["Video", "videoCodecType"]) == Some("H.264")
                && isapi.unit.set_encoding(channel, profile_of(number), |now| {
                    (now.width, now.height) = size;
                    (now.fps, now.constant) = (fps, constant);
                    let told = (now.told_kbps(profile_of(number)), now.told_gop());
                    if rate != told.0 {
                        now.kbps = Some(rate);
                    }
                    if gop != told.1 {
                        now.gop = Some(gop);
                    }
                }) =>
        {
            Outcome::OK
        }
        _ => Outcome::Status(400, 6, "badParameters"),
    }
}

/// Size, pictures per second, constant, kbit/s, pictures between key frames.
type Wish = ((usize, usize), u32, bool, u32, u32);

fn wish(body: &Element) -> Option<Wish> {
    let video = body.child("Video")?;
    let number = |name: &str| video.text_at(&[name])?.parse::<u32>().ok();
    let size = (number("videoResolutionWidth")? as usize, number("videoResolutionHeight")? as usize);
    let constant = match video.text_at(&["videoQualityControlType"])? {
        "CBR" => true,
        "VBR" => false,
        _ => return None,
    };
    let rate = number(if constant { "constantBitRate" } else { "vbrUpperCap" })?;
    Some((size, number("maxFrameRate")? / 100, constant, rate, number("GovLength")?))
}

fn video_input(isapi: &Isapi, channel: u16) -> String {
    format!(
        "<VideoInputChannel version=\"2.0\" xmlns=\"{ISAPI20}\"><id>{channel}</id><inputPort>{channel}</inputPort>\
         <name>{}</name><videoFormat>PAL</videoFormat></VideoInputChannel>",
        escaped(isapi.unit.channel_name(channel))
    )
}

fn proxied(isapi: &Isapi) -> String {
    (1..=isapi.unit.channels())
        .map(|channel| {
            format!(
                "<InputProxyChannel version=\"2.0\" xmlns=\"{ISAPI20}\"><id>{channel}</id><name>{}</name>\
                 <sourceInputPortDescriptor><proxyProtocol>HIKVISION</proxyProtocol><addressingFormatType>ipaddress</addressingFormatType>\
                 <ipAddress>192.168.254.{}</ipAddress><managePortNo>8000</managePortNo><srcInputPort>1</srcInputPort>\
                 <userName>admin</userName><streamType>auto</streamType><model>SIM-IPC</model>\
                 <serialNumber>SIM-IPC{channel:09}</serialNumber></sourceInputPortDescriptor></InputProxyChannel>\n",
                escaped(isapi.unit.channel_name(channel)),
                channel + 1
            )
        })
        .collect()
}

fn proxied_status(isapi: &Isapi) -> String {
    (1..=isapi.unit.channels())
        .map(|channel| {
            let why = isapi.unit.offline(channel);
            format!(
                "<InputProxyChannelStatus version=\"1.0\" xmlns=\"{VER10}\"><id>{channel}</id><online>{}</online>\
                 <chanDetectResult>{}</chanDetectResult></InputProxyChannelStatus>\n",
                why.is_none(),
                why.unwrap_or("connect")
            )
        })
        .collect()
}

fn triggers(isapi: &Isapi) -> String {
    (1..=isapi.unit.channels())
        .map(|channel| {
            let field = if isapi.unit.config().class == UnitClass::Recorder {
                "dynVideoInputChannelID"
            } else {
                "videoInputChannelID"
            };
            format!(
                "<EventTrigger><id>VMD-{channel}</id><eventType>VMD</eventType><{field}>{channel}</{field}>\
                 <EventTriggerNotificationList><EventTriggerNotification><id>center</id><notificationMethod>center</notificationMethod>\
                 </EventTriggerNotification></EventTriggerNotificationList></EventTrigger>\n"
            )
        })
        .collect()
}
