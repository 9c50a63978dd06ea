use super::*;
use crate::{
    media,
    soap::{self, Answer},
};

fn response(file: &str, operation: &str) -> Option<Element> {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../../shared/fixtures/agsh-onvif-mockup/test/serverMockup");
    let Ok(body) = std::fs::read(folder.join(file)) else {
        eprintln!("skipped: no fixture {file}");
        return None;
    };
    match soap::read(&body, operation) {
        Ok(Answer::Response(element)) => Some(element),
        other => panic!("{file}: {other:?}"),
    }
}

fn parse(text: &str) -> Element {
    Element::parse(text.as_bytes()).expect("XML")
}

fn size(width: u32, height: u32) -> PictureSize {
    PictureSize { width, height }
}

const MEDIA2: &str = "<tr2:R><tr2:Configurations token=\"e1\" GovLength=\"50\" Profile=\"Main\">\
    <tt:Name>main</tt:Name><tt:UseCount>1</tt:UseCount><tt:Encoding>H265</tt:Encoding>\
    <tt:Resolution><tt:Width>3840</tt:Width><tt:Height>2160</tt:Height></tt:Resolution>\
    <tt:RateControl ConstantBitRate=\"true\"><tt:FrameRateLimit>12.5</tt:FrameRateLimit><tt:BitrateLimit>6144</tt:BitrateLimit>\
    </tt:RateControl><tt:Multicast><tt:Port>0</tt:Port></tt:Multicast><tt:Quality>3</tt:Quality></tr2:Configurations></tr2:R>";
const MEDIA2_OPTIONS: &str = "<tr2:R><tr2:Options GovLengthRange=\"1 400\" FrameRatesSupported=\"25 12.5 6.25\" \
    ProfilesSupported=\"Main\" ConstantBitRateSupported=\"true\"><tt:Encoding>H265</tt:Encoding>\
    <tt:ResolutionsAvailable><tt:Width>1920</tt:Width><tt:Height>1080</tt:Height></tt:ResolutionsAvailable>\
    <tt:ResolutionsAvailable><tt:Width>3840</tt:Width><tt:Height>2160</tt:Height></tt:ResolutionsAvailable>\
    <tt:BitrateRange><tt:Min>64</tt:Min><tt:Max>16384</tt:Max></tt:BitrateRange></tr2:Options>\
    <tr2:Options GovLengthRange=\"1 200\" FrameRatesSupported=\"25\"><tt:Encoding>H264</tt:Encoding></tr2:Options></tr2:R>";

#[test]
fn captured_answers_of_media() {
    let Some(answer) = response("media.GetVideoEncoderConfiguration.xml", "GetVideoEncoderConfiguration")
    else {
        return;
    };
    let configuration = configuration(&answer, "main").expect("the one");
    let now = EncoderSettings {
        codec: Some("H.264".into()),
        size: Some(size(1920, 1080)),
        frame_rate: Some(5.0),
        bit_rate: Some(512),
        rate_mode: None,
        key_interval: Some(30),
    };
    assert_eq!(settings(&configuration), now);
    assert_eq!(super::configuration(&answer, "other"), None);

    let options =
        response("media.GetVideoEncoderConfigurationOptions.xml", "GetVideoEncoderConfigurationOptions");
    let can = choices(Service::Media, &configuration, options.as_ref());
    let [can] = can.as_slice() else { panic!("{can:?}") };
    assert_eq!(can.codec, "H.264");
    assert_eq!(can.sizes, [size(1920, 1080), size(1280, 720), size(720, 576)]);
    assert_eq!((can.frame_rates.first(), can.frame_rates.last()), (Some(&5.0), Some(&25.0)));
    assert_eq!((can.bit_rate, can.key_interval), (None, Span::new(1, 25)));

    let change = EncoderSettings {
        size: Some(size(1280, 720)),
        frame_rate: Some(10.0),
        key_interval: Some(20),
        ..EncoderSettings::default()
    };
    let mut wanted = in_schema(&configuration);
    (wanted.name, wanted.prefix) = ("Configuration".into(), "q".into());
    for (path, text) in [
        ("Resolution/Width", "1280"),
        ("Resolution/Height", "720"),
        ("RateControl/FrameRateLimit", "10"),
        ("H264/GovLength", "20"),
    ] {
        assert!(wanted.set_text(path, text), "{path}");
    }
    assert_eq!(changed(Service::Media, &configuration, &change), wanted, "all else goes back as it came");
    assert!(
        wanted.find("Multicast/Address/IPv4Address").is_some()
            && wanted.text("SessionTimeout") == Some("PT60S")
    );
}

#[test]
fn media2_has_codecs_and_the_mode_of_the_rate() {
    let configuration = configuration(&parse(MEDIA2), "e1").expect("the one");
    let now = EncoderSettings {
        codec: Some("H.265".into()),
        size: Some(size(3840, 2160)),
        frame_rate: Some(12.5),
        bit_rate: Some(6144),
        rate_mode: Some(RateMode::Constant),
        key_interval: Some(50),
    };
    assert_eq!(settings(&configuration), now);
    let can = choices(Service::Media2, &configuration, Some(&parse(MEDIA2_OPTIONS)));
    assert_eq!(can.len(), 2);
    assert_eq!(can[0].frame_rates, [6.25, 12.5, 25.0]);
    assert_eq!((can[0].bit_rate, can[0].key_interval), (Span::new(64, 16384), Span::new(1, 400)));
    assert_eq!((can[1].codec.as_str(), can[1].rate_modes.len()), ("H.264", 0));

    let change = EncoderSettings {
        codec: Some("H.264".into()),
        rate_mode: Some(RateMode::Variable),
        key_interval: Some(25),
        frame_rate: Some(6.25),
        ..EncoderSettings::default()
    };
    let mut text = String::new();
    changed(Service::Media2, &configuration, &change).write(&mut text);
    assert!(
        text.starts_with("<q:Configuration token=\"e1\" GovLength=\"25\"><tt:Name>main</tt:Name>"),
        "{text}"
    );
    assert!(text.contains("<tt:Encoding>H264</tt:Encoding>") && !text.contains("Profile="), "{text}");
    assert!(text.contains("<tt:RateControl ConstantBitRate=\"false\"><tt:FrameRateLimit>6.25<"), "{text}");
    assert!(text.contains("<tt:BitrateLimit>6144<") && text.contains("<tt:Quality>3<"), "{text}");
}

#[test]
fn what_the_configuration_has_no_place_for_is_not_offered() {
    let bare = parse("<R><Configurations token=\"e1\"><Encoding>JPEG</Encoding></Configurations></R>");
    let bare = configuration(&bare, "e1").expect("the one");
    let can = choices(Service::Media2, &bare, Some(&parse(MEDIA2_OPTIONS)));
    assert!(can.iter().all(|one| one.frame_rates.is_empty() && one.bit_rate.is_none()), "{can:?}");
    assert!(can.iter().any(|one| one.codec == "JPEG"), "what is in use is among them");
    assert_eq!(choices(Service::Media, &bare, None).len(), 1);
}

#[test]
fn the_main_stream_stays_the_larger() {
    let stream = |profile, now| EncoderStream {
        profile,
        settings: EncoderSettings { size: Some(now), ..EncoderSettings::default() },
        choices: vec![EncoderChoices {
            sizes: vec![size(1920, 1080), size(1280, 720), size(640, 360), size(320, 180)],
            ..EncoderChoices::default()
        }],
    };
    let mut both = [stream(StreamProfile::Main, size(1280, 720)), stream(StreamProfile::Sub, size(640, 360))];
    keep_order(&mut both);
    assert_eq!(both[0].choices[0].sizes, [size(1920, 1080), size(1280, 720)]);
    assert_eq!(both[1].choices[0].sizes, [size(640, 360), size(320, 180)]);
}

#[test]
fn streams_are_the_first_two_of_different_encoders() {
    let profile = |token: &str| Profile {
        encoder: Some(media::Encoder { token: token.into(), ..media::Encoder::default() }),
        ..Profile::default()
    };
    let channel = Channel {
        profiles: vec![profile("a"), profile("a"), Profile::default(), profile("b"), profile("c")],
        ..Channel::default()
    };
    let found: Vec<_> = streams(&channel)
        .into_iter()
        .map(|(which, one)| (which, one.encoder.as_ref().expect("has one").token.clone()))
        .collect();
    assert_eq!(found, [(StreamProfile::Main, "a".into()), (StreamProfile::Sub, "b".into())]);
}

proptest::proptest! {
    #[test]
    fn hostile_documents_never_panic(
        numbers in proptest::collection::vec("(|0|-1|4294967296|1e40|NaN|25 |1 400|[ -~]{0,6})", 12),
    ) {
        let mut text = MEDIA2.to_owned() + MEDIA2_OPTIONS;
        for (old, new) in ["50", "3840", "2160", "12.5", "6144", "1 400", "25 12.5 6.25", "1920", "1080", "64", "16384", "H265"]
            .iter()
            .zip(&numbers)
        {
            text = text.replace(old, &escape(new));
        }
        if let Ok(root) = Element::parse(format!("<a>{text}</a>").as_bytes()) {
            for answer in &root.children {
                for one in &answer.children {
                    let can = choices(Service::Media2, one, Some(answer));
                    proptest::prop_assert!(can.len() <= MOST_CODECS + 1);
                    let _ = choices(Service::Media, one, Some(answer));
                    let _ = changed(Service::Media, one, &settings(one));
                }
            }
        }
    }
}
