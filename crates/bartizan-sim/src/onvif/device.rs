//! The device management service and what of device IO is needed (Core specification, ch. 8; Device IO).

use std::time::Duration;

use quick_xml::escape::escape;

use super::{
    Answer, Request, events, media, ptz, recording,
    soap::{
        DEVICE, DEVICE_IO, EVENTS, Fault, IMAGING, MEDIA, MEDIA2, PTZ, RECORDING, REPLAY, SEARCH, duration,
    },
    view::{posix_zone, scopes},
};

/// Paths of the services; clients without a service's address use the first for all.
pub(crate) const SERVICES: [(&str, &str); 10] = [
    (DEVICE, "/onvif/device_service"),
    (MEDIA, "/onvif/media_service"),
    (MEDIA2, "/onvif/media2_service"),
    (PTZ, "/onvif/ptz_service"),
    (IMAGING, "/onvif/imaging_service"),
    (EVENTS, "/onvif/event_service"),
    (DEVICE_IO, "/onvif/deviceio_service"),
    (RECORDING, "/onvif/recording_service"),
    (SEARCH, "/onvif/search_service"),
    (REPLAY, "/onvif/replay_service"),
];

const CAPABILITIES: &str = "<tds:Capabilities><tds:Network IPFilter=\"false\" ZeroConfiguration=\"false\" \
    IPVersion6=\"false\" DynDNS=\"false\" Dot11Configuration=\"false\" HostnameFromDHCP=\"false\" NTP=\"0\"/>\
    <tds:Security TLS1.0=\"false\" TLS1.1=\"false\" TLS1.2=\"true\" OnboardKeyGeneration=\"false\" \
    AccessPolicyConfig=\"false\" DefaultAccessPolicy=\"true\" Dot1X=\"false\" RemoteUserHandling=\"false\" \
    X.509Token=\"false\" SAMLToken=\"false\" KerberosToken=\"false\" UsernameToken=\"true\" HttpDigest=\"true\" \
    RELToken=\"false\" MaxUsers=\"32\"/><tds:System DiscoveryResolve=\"true\" DiscoveryBye=\"true\" \
    RemoteDiscovery=\"false\" SystemBackup=\"false\" SystemLogging=\"false\" FirmwareUpgrade=\"false\" \
    HttpFirmwareUpgrade=\"false\" HttpSystemBackup=\"false\" HttpSystemLogging=\"false\" \
    HttpSupportInformation=\"false\"/>";

const IO_ANSWER: &str = "tmd";

pub(crate) fn answer(request: &Request<'_>) -> Answer {
    let body = &request.call.body;
    let prefix = if body.namespace == DEVICE_IO { IO_ANSWER } else { "tds" };
    let name = body.name.as_str();
    let wrapped = |inner: String| Ok(format!("<{prefix}:{name}Response>{inner}</{prefix}:{name}Response>"));
    match name {
        "GetServiceCapabilities" if prefix == IO_ANSWER => wrapped(io_capabilities(request)),
        "GetServiceCapabilities" => wrapped(device_capabilities(request)),
        "GetSystemDateAndTime" => wrapped(date_and_time(request)),
        "SetSystemDateAndTime" => {
            set_date_and_time(request)?;
            wrapped(String::new())
        }
        "GetDeviceInformation" => {
            let one = request.unit.config();
            let fields = [
                ("Manufacturer", one.maker.as_str()),
                ("Model", &one.model),
                ("FirmwareVersion", &one.firmware),
                ("SerialNumber", &one.serial),
                ("HardwareId", "1.0"),
            ];
            wrapped(
                fields.map(|(name, value)| format!("<tds:{name}>{}</tds:{name}>", escape(value))).concat(),
            )
        }
        "GetServices" if request.quirks.get_services => wrapped(services(request)),
        "GetCapabilities" => wrapped(capabilities(request)?),
        "GetScopes" => {
            let fixed = |scope: &String| !scope.contains("/name/") && !scope.contains("/location/");
            let scope = |scope: &String| {
                let kind = if fixed(scope) { "Fixed" } else { "Configurable" };
                format!(
                    "<tds:Scopes><tt:ScopeDef>{kind}</tt:ScopeDef><tt:ScopeItem>{}</tt:ScopeItem></tds:Scopes>",
                    escape(scope.as_str())
                )
            };
            wrapped(scopes(request.unit, request.quirks.media2).iter().map(scope).collect())
        }
        "GetHostname" => wrapped(format!(
            "<tds:HostnameInformation><tt:FromDHCP>false</tt:FromDHCP><tt:Name>{}</tt:Name></tds:HostnameInformation>",
            escape(request.unit.config().serial.to_lowercase())
        )),
        "GetNetworkInterfaces" => {
            let address = format!(
                "<tt:Manual><tt:Address>{}</tt:Address><tt:PrefixLength>24</tt:PrefixLength></tt:Manual>",
                request.local
            );
            wrapped(format!(
                "<tds:NetworkInterfaces token=\"eth0\"><tt:Enabled>true</tt:Enabled><tt:Info><tt:Name>eth0</tt:Name>\
                 <tt:HwAddress>{}</tt:HwAddress><tt:MTU>1500</tt:MTU></tt:Info><tt:IPv4><tt:Enabled>true</tt:Enabled>\
                 <tt:Config>{address}<tt:DHCP>false</tt:DHCP></tt:Config></tt:IPv4></tds:NetworkInterfaces>",
                escape(request.unit.config().mac.as_str())
            ))
        }
        "GetUsers" => {
            let user = escape(request.unit.config().user.as_str());
            wrapped(format!(
                "<tds:User><tt:Username>{user}</tt:Username><tt:UserLevel>Administrator</tt:UserLevel></tds:User>"
            ))
        }
        "GetDNS" | "GetNTP" => {
            let element = &name[3..];
            wrapped(format!(
                "<tds:{element}Information><tt:FromDHCP>false</tt:FromDHCP></tds:{element}Information>"
            ))
        }
        "GetRelayOutputs" => wrapped(relays(request, prefix)),
        "SetRelayOutputState" => {
            let state = body.text_at(&["LogicalState"]).unwrap_or_default();
            let active = match state {
                "active" => true,
                "inactive" => false,
                other => return Err(Fault::invalid(format!("LogicalState {other}"))),
            };
            let number = request.relay(body.text_at(&["RelayOutputToken"]).unwrap_or_default())?;
            request.unit.set_output(number, active);
            wrapped(String::new())
        }
        "SetRelayOutputSettings" => {
            set_relay_settings(request)?;
            wrapped(String::new())
        }
        "GetDigitalInputs" | "GetVideoOutputs" | "GetAudioSources" | "GetAudioOutputs"
            if prefix == IO_ANSWER =>
        {
            wrapped(String::new())
        }
        "GetVideoSources" if prefix == IO_ANSWER => wrapped(
            request.channels().map(|channel| format!("<tmd:Token>source_{channel}</tmd:Token>")).collect(),
        ),
        "SendAuxiliaryCommand" => {
            let command = body.text_at(&["AuxiliaryCommand"]).unwrap_or_default();
            request.auxiliary(1, command)?;
            let echo = escape(command);
            wrapped(format!("<tds:AuxiliaryCommandResponse>{echo}</tds:AuxiliaryCommandResponse>"))
        }
        other => Err(Fault::not_supported(other)),
    }
}

/// Operations that need no login (Core, access class PRE_AUTH).
pub(crate) fn is_open(name: &str) -> bool {
    matches!(
        name,
        "GetSystemDateAndTime" | "GetServices" | "GetCapabilities" | "GetServiceCapabilities" | "GetHostname"
    )
}

fn device_capabilities(request: &Request<'_>) -> String {
    let commands = request.auxiliaries().join(" ");
    format!("{CAPABILITIES}<tds:Misc AuxiliaryCommands=\"{}\"/></tds:Capabilities>", escape(commands))
}

fn io_capabilities(request: &Request<'_>) -> String {
    format!(
        "<tmd:Capabilities VideoSources=\"{}\" VideoOutputs=\"0\" AudioSources=\"0\" AudioOutputs=\"0\" \
         RelayOutputs=\"{}\" SerialPorts=\"0\" DigitalInputs=\"0\"/>",
        request.channels().count(),
        request.relays().len()
    )
}

fn offered<'a>(request: &'a Request<'_>) -> impl Iterator<Item = (&'static str, String)> + 'a {
    let has = |namespace: &str| match namespace {
        MEDIA2 => request.quirks.media2,
        PTZ => request.movable().next().is_some(),
        RECORDING | SEARCH | REPLAY => request.unit.config().profile_g,
        _ => true,
    };
    let at = |path: &str| request.text(&format!("{}{path}", request.base));
    SERVICES.into_iter().filter(move |(namespace, _)| has(namespace)).map(move |(ns, path)| (ns, at(path)))
}

fn services(request: &Request<'_>) -> String {
    let with_capabilities = matches!(request.call.body.text_at(&["IncludeCapability"]), Some("true" | "1"));
    let service = |(namespace, address): (&'static str, String)| {
        let capabilities = match namespace {
            _ if !with_capabilities => String::new(),
            MEDIA => media::CAPABILITIES.into(),
            MEDIA2 => media::CAPABILITIES2.into(),
            PTZ => ptz::CAPABILITIES.into(),
            EVENTS => events::CAPABILITIES.into(),
            IMAGING => super::imaging::CAPABILITIES.into(),
            DEVICE_IO => io_capabilities(request),
            RECORDING => recording::CAPABILITIES.into(),
            SEARCH => recording::SEARCH_CAPABILITIES.into(),
            REPLAY => recording::REPLAY_CAPABILITIES.into(),
            _ => device_capabilities(request),
        };
        let capabilities = match capabilities.as_str() {
            "" => String::new(),
            some => format!("<tds:Capabilities>{some}</tds:Capabilities>"),
        };
        format!(
            "<tds:Service><tds:Namespace>{namespace}</tds:Namespace><tds:XAddr>{address}</tds:XAddr>{capabilities}\
             <tds:Version><tt:Major>2</tt:Major><tt:Minor>60</tt:Minor></tds:Version></tds:Service>"
        )
    };
    offered(request).map(service).collect()
}

/// The older way to say where services are; Media2 has no place in it.
fn capabilities(request: &Request<'_>) -> Answer {
    let categories = ["All", "Analytics", "Device", "Events", "Imaging", "Media", "PTZ"];
    let wanted: Vec<&str> = request.call.body.all("Category").map(|one| one.text.as_str()).collect();
    if let Some(unknown) = wanted.iter().find(|one| !categories.contains(one)) {
        return Err(Fault::receiver(&["ActionNotSupported", "NoSuchService"], *unknown));
    }
    let wants = |name: &str| wanted.is_empty() || wanted.contains(&"All") || wanted.contains(&name);
    let at = |wanted: &str| {
        offered(request).find(|(namespace, _)| *namespace == wanted).map(|(_, address)| address)
    };
    let relays = request.relays().len();
    let mut inner = String::new();
    if let Some(address) = at(DEVICE).filter(|_| wants("Device")) {
        let commands: String = request
            .auxiliaries()
            .iter()
            .map(|one| format!("<tt:AuxiliaryCommands>{}</tt:AuxiliaryCommands>", escape(*one)))
            .collect();
        inner.push_str(&format!(
            "<tt:Device><tt:XAddr>{address}</tt:XAddr><tt:Network><tt:IPFilter>false</tt:IPFilter>\
             <tt:ZeroConfiguration>false</tt:ZeroConfiguration><tt:IPVersion6>false</tt:IPVersion6>\
             <tt:DynDNS>false</tt:DynDNS></tt:Network><tt:System><tt:DiscoveryResolve>true</tt:DiscoveryResolve>\
             <tt:DiscoveryBye>true</tt:DiscoveryBye><tt:RemoteDiscovery>false</tt:RemoteDiscovery>\
             <tt:SystemBackup>false</tt:SystemBackup><tt:SystemLogging>false</tt:SystemLogging>\
             <tt:FirmwareUpgrade>false</tt:FirmwareUpgrade><tt:SupportedVersions><tt:Major>2</tt:Major>\
             <tt:Minor>60</tt:Minor></tt:SupportedVersions></tt:System><tt:IO><tt:InputConnectors>0</tt:InputConnectors>\
             <tt:RelayOutputs>{relays}</tt:RelayOutputs><tt:Extension><tt:Auxiliary>{}</tt:Auxiliary>{commands}\
             <tt:Extension/></tt:Extension></tt:IO><tt:Security><tt:TLS1.1>false</tt:TLS1.1><tt:TLS1.2>true</tt:TLS1.2>\
             <tt:OnboardKeyGeneration>false</tt:OnboardKeyGeneration><tt:AccessPolicyConfig>false</tt:AccessPolicyConfig>\
             <tt:X.509Token>false</tt:X.509Token><tt:SAMLToken>false</tt:SAMLToken><tt:KerberosToken>false\
             </tt:KerberosToken><tt:RELToken>false</tt:RELToken></tt:Security></tt:Device>",
            !commands.is_empty()
        ));
    }
    if let Some(address) = at(EVENTS).filter(|_| wants("Events")) {
        inner.push_str(&format!(
            "<tt:Events><tt:XAddr>{address}</tt:XAddr><tt:WSSubscriptionPolicySupport>false\
             </tt:WSSubscriptionPolicySupport><tt:WSPullPointSupport>true</tt:WSPullPointSupport>\
             <tt:WSPausableSubscriptionManagerInterfaceSupport>false\
             </tt:WSPausableSubscriptionManagerInterfaceSupport></tt:Events>"
        ));
    }
    if let Some(address) = at(IMAGING).filter(|_| wants("Imaging")) {
        inner.push_str(&format!("<tt:Imaging><tt:XAddr>{address}</tt:XAddr></tt:Imaging>"));
    }
    if let Some(address) = at(MEDIA).filter(|_| wants("Media")) {
        inner.push_str(&format!(
            "<tt:Media><tt:XAddr>{address}</tt:XAddr><tt:StreamingCapabilities><tt:RTPMulticast>false</tt:RTPMulticast>\
             <tt:RTP_TCP>true</tt:RTP_TCP><tt:RTP_RTSP_TCP>true</tt:RTP_RTSP_TCP></tt:StreamingCapabilities>\
             <tt:Extension><tt:ProfileCapabilities><tt:MaximumNumberOfProfiles>64</tt:MaximumNumberOfProfiles>\
             </tt:ProfileCapabilities></tt:Extension></tt:Media>"
        ));
    }
    if let Some(address) = at(PTZ).filter(|_| wants("PTZ")) {
        inner.push_str(&format!("<tt:PTZ><tt:XAddr>{address}</tt:XAddr></tt:PTZ>"));
    }
    let mut extension = String::new();
    if let Some(address) = at(DEVICE_IO).filter(|_| wants("All")) {
        extension.push_str(&format!(
            "<tt:DeviceIO><tt:XAddr>{address}</tt:XAddr><tt:VideoSources>{}</tt:VideoSources>\
             <tt:VideoOutputs>0</tt:VideoOutputs><tt:AudioSources>0</tt:AudioSources><tt:AudioOutputs>0</tt:AudioOutputs>\
             <tt:RelayOutputs>{relays}</tt:RelayOutputs></tt:DeviceIO>",
            request.channels().count()
        ));
    }
    for (name, namespace) in [("Recording", RECORDING), ("Search", SEARCH), ("Replay", REPLAY)] {
        if let Some(address) = at(namespace).filter(|_| wants("All")) {
            let more = match namespace {
                RECORDING => {
                    "<tt:ReceiverSource>false</tt:ReceiverSource><tt:MediaProfileSource>true</tt:MediaProfileSource>\
                     <tt:DynamicRecordings>false</tt:DynamicRecordings><tt:DynamicTracks>false</tt:DynamicTracks>\
                     <tt:MaxStringLength>64</tt:MaxStringLength>"
                }
                SEARCH => "<tt:MetadataSearch>false</tt:MetadataSearch>",
                _ => "",
            };
            extension.push_str(&format!("<tt:{name}><tt:XAddr>{address}</tt:XAddr>{more}</tt:{name}>"));
        }
    }
    if !extension.is_empty() {
        inner.push_str(&format!("<tt:Extension>{extension}</tt:Extension>"));
    }
    Ok(format!("<tds:Capabilities>{inner}</tds:Capabilities>"))
}

fn date_and_time(request: &Request<'_>) -> String {
    let zone = request.unit.config().zone_s;
    let offset = jiff::tz::Offset::from_seconds(zone).unwrap_or(jiff::tz::Offset::UTC);
    let at = |element: &str, civil: jiff::civil::DateTime| {
        format!(
            "<tt:{element}><tt:Time><tt:Hour>{}</tt:Hour><tt:Minute>{}</tt:Minute><tt:Second>{}</tt:Second></tt:Time>\
             <tt:Date><tt:Year>{}</tt:Year><tt:Month>{}</tt:Month><tt:Day>{}</tt:Day></tt:Date></tt:{element}>",
            civil.hour(),
            civil.minute(),
            civil.second(),
            civil.year(),
            civil.month(),
            civil.day()
        )
    };
    let now = jiff::Timestamp::from_microsecond(request.now.0).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    let utc = jiff::tz::Offset::UTC.to_datetime(now);
    let local = offset.to_datetime(now);
    format!(
        "<tds:SystemDateAndTime><tt:DateTimeType>Manual</tt:DateTimeType><tt:DaylightSavings>false</tt:DaylightSavings>\
         <tt:TimeZone><tt:TZ>{}</tt:TZ></tt:TimeZone>{}{}</tds:SystemDateAndTime>",
        posix_zone(zone),
        at("UTCDateTime", utc),
        at("LocalDateTime", local)
    )
}

fn set_date_and_time(request: &Request<'_>) -> Result<(), Fault> {
    let body = &request.call.body;
    match body.text_at(&["DateTimeType"]) {
        Some("Manual") => {}
        // There is no time server behind it.
        Some("NTP") => return Err(Fault::sender(&["InvalidArgVal", "NtpServerUndefined"], "no NTP server")),
        _ => return Err(Fault::invalid("DateTimeType")),
    }
    let Some(given) = body.child("UTCDateTime") else { return Ok(()) };
    let wrong = || Fault::sender(&["InvalidArgVal", "InvalidDateTime"], "UTCDateTime");
    let number = |path: &[&str]| given.text_at(path)?.parse::<i16>().ok();
    let small = |path: &[&str]| i8::try_from(number(path)?).ok();
    let civil = (|| {
        let (year, month, day) =
            (number(&["Date", "Year"])?, small(&["Date", "Month"])?, small(&["Date", "Day"])?);
        let (hour, minute) = (small(&["Time", "Hour"])?, small(&["Time", "Minute"])?);
        jiff::civil::DateTime::new(year, month, day, hour, minute, small(&["Time", "Second"])?, 0).ok()
    })();
    let at = civil.and_then(|civil| jiff::tz::Offset::UTC.to_timestamp(civil).ok()).ok_or_else(wrong)?;
    request.unit.set_clock(bartizan_base::UtcMicros(at.as_microsecond()));
    Ok(())
}

fn relays(request: &Request<'_>, prefix: &str) -> String {
    let relay = |(token, pulse): (String, Option<Duration>)| {
        let mode = if pulse.is_some() { "Monostable" } else { "Bistable" };
        let delay = pulse.unwrap_or(Duration::from_secs(1)).as_secs_f32();
        format!(
            "<{prefix}:RelayOutputs token=\"{}\"><tt:Properties><tt:Mode>{mode}</tt:Mode><tt:DelayTime>PT{delay}S\
             </tt:DelayTime><tt:IdleState>open</tt:IdleState></tt:Properties></{prefix}:RelayOutputs>",
            escape(token)
        )
    };
    request.relays().into_iter().map(relay).collect()
}

/// Device's own operation has token and properties side by side, device IO's one output with both inside.
fn set_relay_settings(request: &Request<'_>) -> Result<(), Fault> {
    let body = &request.call.body;
    let (token, properties) = match body.child("RelayOutput") {
        Some(output) => (output.attribute("token"), output.child("Properties")),
        None => (body.text_at(&["RelayOutputToken"]), body.child("Properties")),
    };
    let properties = properties.ok_or_else(|| Fault::invalid("Properties"))?;
    let pulse = match properties.text_at(&["Mode"]) {
        Some("Bistable") => None,
        Some("Monostable") => {
            let delay = properties.text_at(&["DelayTime"]).and_then(duration);
            Some(delay.filter(|delay| !delay.is_zero()).ok_or_else(|| Fault::invalid("DelayTime"))?)
        }
        _ => return Err(Fault::sender(&["InvalidArgVal", "ModeError"], "Mode")),
    };
    if properties.text_at(&["IdleState"]) == Some("closed") {
        return Err(Fault::sender(&["InvalidArgVal", "ModeError"], "IdleState"));
    }
    let number = request.relay(token.unwrap_or_default())?;
    request.unit.set_pulse(number, pulse);
    Ok(())
}
