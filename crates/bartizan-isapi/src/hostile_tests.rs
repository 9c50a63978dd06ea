//! Every reader of documents, on documents made of the right names and wrong values.

use bartizan_base::UtcMicros;
use bartizan_http::xml::Element;
use proptest::prelude::*;

use crate::{SessionChallenge, UserCheck, channels, encoder, error::ResponseStatus, io, ptz::PtzFacts, time};

const NAMES: &str = "id|enabled|online|name|channelName|presetName|StreamingChannel|Video|maxFrameRate|XRange|Min|Max|\
    videoInputChannelID|InputProxyChannel|InputProxyChannelStatus|chanDetectResult|VideoInputChannel|PTZPreset|\
    ContinuousPanTiltSpace|AbsolutePanTiltPositionSpace|maxPresetNum|specialNo|AbsoluteHigh|azimuth|elevation|\
    localTime|timeZone|videoResolutionWidth|videoResolutionHeight|videoCodecType|vbrUpperCap|GovLength|keyFrameInterval|statusCode|subStatusCode|retryLoginTime|unlockTime|iterations|portNo|protocol|IOOutputPort";

fn document() -> impl Strategy<Value = Element> {
    let name = proptest::sample::select(NAMES.split('|').map(str::trim).collect::<Vec<_>>());
    let text = "(|true|RTSP|-1|0|101|65536|4294967295|99999999999999999999|1e40|NaN|inf|[ -~]{0,8})";
    let leaf = (name.clone(), text).prop_map(|(name, text)| Element::new(name, &text));
    leaf.prop_recursive(4, 40, 6, move |inner| {
        (name.clone(), proptest::collection::vec(inner, 0..6)).prop_map(|(name, children)| Element {
            name: name.to_owned(),
            children,
            ..Element::default()
        })
    })
}

proptest! {
    #[test]
    fn documents_never_panic(root in document()) {
        let _ = channels::identity(&root);
        let _ = channels::rtsp_port(&root);
        let streams = channels::streams(&root, None);
        let inputs = channels::proxied_inputs(&root, Some(&root));
        let _ = channels::analog_inputs(&root);
        let all = channels::assemble(&inputs, &streams, Default::default(), None);
        prop_assert!(all.iter().all(|channel| !channel.streams.is_empty()));
        let head = PtzFacts::read(&root, 1, false);
        let _ = (head.status(&root), head.presets(&root), head.free_preset(&root));
        let _ = head.request(bartizan_device::PtzMove::Absolute(bartizan_device::Position {
            pan: f32::NAN, tilt: f32::INFINITY, zoom: -3.0,
        }));
        let _ = (io::outputs(&root), io::state(&root), SessionChallenge::parse(&root));
        let stream = encoder::stream(bartizan_base::StreamProfile::Main, &root, Some(&root));
        prop_assert!(stream.choices.iter().all(|can| can.sizes.len() <= bartizan_device::MOST_CHOICES));
        encoder::apply(&mut root.clone(), Some(&root), &stream.settings);
        let _ = (time::read(&root, UtcMicros(0)), ResponseStatus::of(200, &root));
        let _ = UserCheck::parse(root.to_xml().as_bytes()).map(|check| check.refusal(String::new()));
    }
}
