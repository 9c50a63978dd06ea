//! Encoder settings: config `Encode[ch].MainFormat[0]` and `.ExtraFormat[0]`, limits from `encode.cgi`'s `getConfigCaps`.
//! Single keys are written, so that everything else stays as it is.

use bartizan_base::{Code, StreamProfile};
use bartizan_device::{EncoderChoices, EncoderSettings, EncoderStream, PictureSize, RateMode, Span};

use crate::{channel::codec, device::Device, error::DahuaError, query::Query, text::Values};

/// Key frames as far apart as the device's own page allows; caps do not tell.
const MOST_GOP: u32 = 150;
/// Highest picture rate that is taken for one.
const MOST_FPS: u32 = 120;
const STREAMS: [(StreamProfile, &str); 2] =
    [(StreamProfile::Main, "MainFormat[0]"), (StreamProfile::Sub, "ExtraFormat[0]")];

/// Sizes that have a name. Those that depend on the video standard come as PAL and NTSC.
const NAMES: &[(&str, [PictureSize; 2])] = &[
    ("QCIF", [of(176, 144), of(176, 120)]),
    ("CIF", [of(352, 288), of(352, 240)]),
    ("2CIF", [of(704, 288), of(704, 240)]),
    ("HD1", [of(352, 576), of(352, 480)]),
    ("D1", [of(704, 576), of(704, 480)]),
    ("960H", [of(960, 576), of(960, 480)]),
    ("QVGA", [of(320, 240); 2]),
    ("VGA", [of(640, 480); 2]),
    ("SVGA", [of(800, 600); 2]),
    ("XGA", [of(1024, 768); 2]),
    ("XVGA", [of(1280, 960); 2]),
    ("1_3M", [of(1280, 960); 2]),
    ("1.3M", [of(1280, 960); 2]),
    ("SXGA", [of(1280, 1024); 2]),
    ("UXGA", [of(1600, 1200); 2]),
    ("720P", [of(1280, 720); 2]),
    ("720", [of(1280, 720); 2]),
    ("1080P", [of(1920, 1080); 2]),
    ("1080", [of(1920, 1080); 2]),
    ("3M", [of(2048, 1536); 2]),
    ("5M", [of(2592, 1944); 2]),
    ("4K", [of(3840, 2160); 2]),
];

const fn of(width: u32, height: u32) -> PictureSize {
    PictureSize { width, height }
}

/// `1920x1080`, or a name.
fn size(word: &str, ntsc: bool) -> Option<PictureSize> {
    PictureSize::parse(word).or_else(|| {
        let named = NAMES.iter().find(|(name, _)| name.eq_ignore_ascii_case(word.trim()));
        named.map(|(_, sizes)| sizes[usize::from(ntsc)])
    })
}

fn mode(word: &str) -> Option<RateMode> {
    match word.trim().to_ascii_uppercase().as_str() {
        "CBR" => Some(RateMode::Constant),
        "VBR" => Some(RateMode::Variable),
        _ => None,
    }
}

/// The settings below `Encode[0].MainFormat[0].Video.`.
pub(crate) fn settings(table: &Values, video: &str) -> EncoderSettings {
    let key = |name: &str| format!("{video}{name}");
    let positive = |name: &str| table.number::<u32>(&key(name)).filter(|value| *value > 0);
    let pair = positive("Width").zip(positive("Height"));
    let named = ["resolution", "Resolution"].iter().find_map(|name| size(table.get(&key(name))?, false));
    EncoderSettings {
        codec: table.get(&key("Compression")).map(codec),
        size: pair.and_then(|(width, height)| PictureSize::new(width, height)).or(named),
        frame_rate: table.number::<f32>(&key("FPS")).filter(|rate| rate.is_finite() && *rate > 0.0),
        bit_rate: positive("BitRate"),
        rate_mode: table.get(&key("BitRateControl")).and_then(mode),
        key_interval: positive("GOP"),
    }
}

/// A limit by its name: of this channel, of the only one told, without an index, or as the documents spell it.
fn limit<'a>(caps: &'a Values, index: usize, format: &str, name: &str) -> Option<&'a str> {
    let head = if format.starts_with("Main") { "headMain" } else { "headExtra" };
    let alone = if caps.has("caps[1].") { index } else { 0 };
    let keys = [
        format!("caps[{index}].{format}.Video.{name}"),
        format!("caps[{alone}].{format}.Video.{name}"),
        format!("caps.{format}.Video.{name}"),
        format!("{head}.Video.{name}"),
        format!("caps.{head}.Video.{name}"),
    ];
    keys.iter().find_map(|key| caps.get(key)).map(str::trim).filter(|text| !text.is_empty())
}

fn words(text: Option<&str>) -> impl Iterator<Item = &str> {
    text.unwrap_or_default().split(',').map(str::trim).filter(|word| !word.is_empty())
}

/// What a stream offers.
pub(crate) fn choices(
    table: &Values,
    caps: &Values,
    index: usize,
    format: &str,
    ntsc: bool,
) -> Vec<EncoderChoices> {
    let video = format!("Encode[{index}].{format}.Video.");
    let now = settings(table, &video);
    let of = |name: &str| limit(caps, index, format, name);
    let fastest = words(of("FPSMax")).next().and_then(|most| most.parse::<u32>().ok());
    let rates: Vec<u32> = words(of("BitRateOptions")).filter_map(|rate| rate.parse().ok()).collect();
    let span = rates.iter().min().zip(rates.iter().max()).and_then(|(min, max)| Span::new(*min, *max));
    let both = vec![RateMode::Constant, RateMode::Variable];
    let can = EncoderChoices {
        codec: String::new(),
        sizes: words(of("ResolutionTypes")).filter_map(|word| size(word, ntsc)).collect(),
        frame_rates: (1..=fastest.unwrap_or(0).min(MOST_FPS)).map(|rate| rate as f32).collect(),
        bit_rate: span.filter(|_| now.bit_rate.is_some()),
        rate_modes: if now.rate_mode.is_some() { both } else { Vec::new() },
        key_interval: now.key_interval.and_then(|length| Span::new(1, length.max(MOST_GOP))),
    }
    .tidied();
    let mut codecs: Vec<String> = words(of("CompressionTypes")).take(16).map(codec).collect();
    codecs.extend(now.codec);
    codecs.sort();
    codecs.dedup();
    codecs.into_iter().map(|codec| EncoderChoices { codec, ..can.clone() }).collect()
}

/// The writes that make a change: only keys that the device has, in the words it uses.
pub(crate) fn writes(
    table: &Values,
    caps: &Values,
    index: usize,
    format: &str,
    change: &EncoderSettings,
) -> Vec<(String, String)> {
    let video = format!("Encode[{index}].{format}.Video.");
    let now = settings(table, &video);
    let mut out = Vec::new();
    let mut put = |name: &str, value: String| {
        let key = format!("{video}{name}");
        if table.get(&key).is_some() {
            out.push((key, value));
        }
    };
    if let Some(wanted) = change.codec.as_ref().filter(|wanted| now.codec.as_ref() != Some(*wanted)) {
        let word = words(limit(caps, index, format, "CompressionTypes")).find(|word| codec(word) == *wanted);
        put("Compression", word.unwrap_or(wanted).to_owned());
    }
    if let Some(size) = change.size {
        put("Width", size.width.to_string());
        put("Height", size.height.to_string());
        for name in ["resolution", "Resolution"] {
            put(name, format!("{}x{}", size.width, size.height));
        }
    }
    if let Some(rate) = change.frame_rate {
        put("FPS", format!("{rate}"));
    }
    if let Some(mode) = change.rate_mode {
        put("BitRateControl", if mode == RateMode::Constant { "CBR" } else { "VBR" }.to_owned());
    }
    if let Some(rate) = change.bit_rate {
        put("BitRate", rate.to_string());
    }
    if let Some(pictures) = change.key_interval {
        put("GOP", pictures.to_string());
    }
    out
}

/// The tables that tell of a channel's encoders.
struct Tables {
    encode: Values,
    caps: Values,
    ntsc: bool,
}

async fn tables(device: &Device, channel: u16) -> Result<Tables, DahuaError> {
    let encode = device.config("Encode").await?.ok_or_else(|| DahuaError::not_offered("encoder settings"))?;
    let caps = Query::new("encode", "getConfigCaps").with("channel", channel);
    let caps = device.optional(&caps).await?.unwrap_or_default();
    let standard = device.recent_config("VideoStandard").await?;
    let ntsc = standard
        .as_ref()
        .and_then(|table| table.get("VideoStandard"))
        .is_some_and(|word| word.trim().eq_ignore_ascii_case("NTSC"));
    Ok(Tables { encode, caps, ntsc })
}

fn read(tables: &Tables, channel: u16) -> Vec<EncoderStream> {
    let index = usize::from(channel.saturating_sub(1));
    let there = |format: &str| {
        let prefix = format!("Encode[{index}].{format}.");
        tables.encode.has(&format!("{prefix}Video."))
            && tables.encode.flag(&format!("{prefix}VideoEnable")) != Some(false)
    };
    let stream = |(profile, format): (StreamProfile, &str)| EncoderStream {
        profile,
        settings: settings(&tables.encode, &format!("Encode[{index}].{format}.Video.")),
        choices: choices(&tables.encode, &tables.caps, index, format, tables.ntsc),
    };
    STREAMS.into_iter().filter(|(_, format)| there(format)).map(stream).collect()
}

/// Both streams, or the one there is.
pub(crate) async fn encoders(device: &Device, channel: u16) -> Result<Vec<EncoderStream>, DahuaError> {
    let streams = read(&tables(device, channel).await?, channel);
    if streams.is_empty() {
        return Err(DahuaError::not_offered("encoder settings of this channel"));
    }
    Ok(streams)
}

/// Whether there is anything to set.
pub(crate) async fn is_there(device: &Device, channel: u16) -> Result<bool, DahuaError> {
    let table = device.recent_config("Encode").await?;
    let prefix = format!("Encode[{}].MainFormat[0].Video.", channel.saturating_sub(1));
    Ok(table.is_some_and(|table| table.has(&prefix)))
}

/// Changes one stream and reads it back.
pub(crate) async fn set_encoder(
    device: &Device,
    channel: u16,
    profile: StreamProfile,
    change: &EncoderSettings,
) -> Result<EncoderStream, DahuaError> {
    let missing = || DahuaError::not_offered("encoder settings of this stream");
    let before = tables(device, channel).await?;
    read(&before, channel).into_iter().find(|stream| stream.profile == profile).ok_or_else(missing)?;
    let format = STREAMS.iter().find(|(one, _)| *one == profile).map_or("", |(_, format)| format);
    let index = usize::from(channel.saturating_sub(1));
    let changes = writes(&before.encode, &before.caps, index, format, change);
    device.set_config(&changes).await.map_err(refused)?;
    let after = read(&tables(device, channel).await?, channel);
    after.into_iter().find(|stream| stream.profile == profile).ok_or_else(missing)
}

/// The device could be read and says no to the write: it is the value that it does not take.
fn refused(error: DahuaError) -> DahuaError {
    match &error {
        DahuaError::Refused { .. } | DahuaError::Rpc { .. } if error.code() == Code::NotOffered => {
            DahuaError::Here(Code::SettingRefused, error.to_string())
        }
        _ => error,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> Values {
        let text = "table.Encode[1].MainFormat[0].Video.BitRate=4096\r\ntable.Encode[1].MainFormat[0].Video.BitRateControl=VBR\r\n\
            table.Encode[1].MainFormat[0].Video.Compression=H.265\r\ntable.Encode[1].MainFormat[0].Video.FPS=25\r\n\
            table.Encode[1].MainFormat[0].Video.GOP=50\r\ntable.Encode[1].MainFormat[0].Video.Height=1520\r\n\
            table.Encode[1].MainFormat[0].Video.Width=2688\r\ntable.Encode[1].MainFormat[0].Video.resolution=2688x1520\r\n\
            table.Encode[1].MainFormat[0].VideoEnable=true\r\n\
            table.Encode[1].ExtraFormat[0].Video.Compression=H.264H\r\ntable.Encode[1].ExtraFormat[0].Video.FPS=7\r\n\
            table.Encode[1].ExtraFormat[0].Video.resolution=CIF\r\ntable.Encode[1].ExtraFormat[0].VideoEnable=true\r\n";
        Values::parse(text).expect("values")
    }

    fn caps(prefix: [&str; 2]) -> Values {
        let [main, extra] = prefix;
        let text = format!(
            "{main}.Video.BitRateOptions=1024,8192\r\n{main}.Video.CompressionTypes=H.265,H.264,H.264B,MJPG\r\n\
             {main}.Video.FPSMax=25\r\n{main}.Video.ResolutionTypes=2688x1520,1080P,720P,Nobody knows\r\n\
             {extra}.Video.ResolutionTypes=D1,CIF\r\n{extra}.Video.FPSMax=99999999\r\n"
        );
        Values::parse(&text).expect("values")
    }

    #[test]
    fn settings_and_limits_in_every_spelling() {
        let now = settings(&table(), "Encode[1].MainFormat[0].Video.");
        let wanted = EncoderSettings {
            codec: Some("H.265".into()),
            size: Some(of(2688, 1520)),
            frame_rate: Some(25.0),
            bit_rate: Some(4096),
            rate_mode: Some(RateMode::Variable),
            key_interval: Some(50),
        };
        assert_eq!(now, wanted);
        for prefix in [
            ["caps[1].MainFormat[0]", "caps[1].ExtraFormat[0]"],
            ["caps[0].MainFormat[0]", "caps[0].ExtraFormat[0]"],
            ["caps.MainFormat[0]", "caps.ExtraFormat[0]"],
            ["headMain", "headExtra"],
        ] {
            let can = choices(&table(), &caps(prefix), 1, "MainFormat[0]", false);
            let codecs: Vec<_> = can.iter().map(|one| one.codec.as_str()).collect();
            assert_eq!(codecs, ["H.264", "H.265", "JPEG"], "{prefix:?}");
            assert_eq!(can[0].sizes, [of(2688, 1520), of(1920, 1080), of(1280, 720)]);
            assert_eq!((can[0].frame_rates.len(), can[0].bit_rate), (25, Span::new(1024, 8192)));
            assert_eq!((can[0].rate_modes.len(), can[0].key_interval), (2, Span::new(1, 150)));
            let can = choices(&table(), &caps(prefix), 1, "ExtraFormat[0]", true);
            assert_eq!(can[0].sizes, [of(704, 480), of(352, 240)]);
            assert!(
                can[0].frame_rates.len() <= 120 && can[0].bit_rate.is_none() && can[0].rate_modes.is_empty()
            );
        }
        let other =
            Values::parse("caps[0].MainFormat[0].Video.FPSMax=5\r\ncaps[1].MainFormat[0].Video.FPSMax=9\r\n");
        let can = choices(&table(), &other.expect("values"), 1, "MainFormat[0]", false);
        assert_eq!(can[0].frame_rates.len(), 9, "its own row, not the first");
        let can = choices(&table(), &Values::default(), 1, "MainFormat[0]", false);
        assert_eq!((can.len(), can[0].codec.as_str(), can[0].sizes.len()), (1, "H.265", 0));
    }

    #[test]
    fn only_keys_that_are_there_are_written() {
        let told = caps(["caps[1].MainFormat[0]", "caps[1].ExtraFormat[0]"]);
        let change = EncoderSettings {
            codec: Some("JPEG".into()),
            size: Some(of(1280, 720)),
            frame_rate: Some(12.0),
            bit_rate: Some(2048),
            rate_mode: Some(RateMode::Constant),
            key_interval: Some(24),
        };
        let lines = |format: &str, change: &EncoderSettings| -> Vec<String> {
            let all = writes(&table(), &told, 1, format, change);
            all.into_iter().map(|(key, value)| format!("{key}={value}")).collect()
        };
        let main = "Encode[1].MainFormat[0].Video";
        let wanted = [
            "Compression=MJPG",
            "Width=1280",
            "Height=720",
            "resolution=1280x720",
            "FPS=12",
            "BitRateControl=CBR",
            "BitRate=2048",
            "GOP=24",
        ];
        assert_eq!(lines("MainFormat[0]", &change), wanted.map(|one| format!("{main}.{one}")));
        let extra = "Encode[1].ExtraFormat[0].Video";
        let wanted = ["resolution=1280x720", "FPS=12"].map(|one| format!("{extra}.{one}"));
        let same = EncoderSettings { codec: Some("H.264".into()), ..change };
        assert_eq!(lines("ExtraFormat[0]", &same), wanted);
        assert_eq!(lines("MainFormat[0]", &EncoderSettings::default()), [""; 0]);
    }

    proptest::proptest! {
        #[test]
        fn hostile_values_never_panic(values in proptest::collection::vec("[ -~]{0,12}", 12)) {
            let names = ["Width", "Height", "resolution", "FPS", "BitRate", "BitRateControl", "GOP", "Compression"];
            let limits = ["BitRateOptions", "CompressionTypes", "FPSMax", "ResolutionTypes"];
            let line = |prefix: &str, (name, value): (&&str, &String)| format!("{prefix}.Video.{name}={value}\r\n");
            let table: String =
                names.iter().zip(&values).map(|one| line("table.Encode[0].MainFormat[0]", one)).collect();
            let told: String =
                limits.iter().zip(&values[8..]).map(|one| line("caps[0].MainFormat[0]", one)).collect();
            if let (Ok(table), Ok(told)) = (Values::parse(&table), Values::parse(&told)) {
                let now = settings(&table, "Encode[0].MainFormat[0].Video.");
                let can = choices(&table, &told, 0, "MainFormat[0]", false);
                proptest::prop_assert!(can.len() <= 17);
                let _ = writes(&table, &told, 0, "MainFormat[0]", &now);
            }
        }
    }
}
