//! Picture settings, white light, siren.

use super::{Call, ISAPI20, Isapi, Outcome, VER20, document};
use crate::unit::Picture;

pub(super) fn answer(isapi: &Isapi, call: &Call<'_>) -> Outcome {
    match (call.method, call.path.as_slice()) {
        (_, ["Image", "channels", channel, rest @ ..]) => match channel.parse() {
            Ok(channel) if isapi.unit.has(channel) && isapi.unit.offline(channel).is_none() => {
                image(isapi, call, channel, rest)
            }
            _ => Outcome::NOT_FOUND,
        },
        (
            "PUT",
            ["Event", "triggers", "notifications", "AudioAlarm", "AudioOut", "1", "PlayCustomAudioFile"],
        ) => json(isapi.unit.set_siren(1, true)),
        ("GET", ["Event", "triggers", "notifications", "AudioAlarm"]) if isapi.unit.config().auxiliaries => {
            let text = "{\"AudioAlarm\":{\"audioID\":1,\"alertAudioID\":1,\"audioVolume\":50,\"alarmTimes\":5,\
                        \"customAudioInfoList\":[{\"customAudioID\":1,\"customAudioName\":\"siren\"}]}}";
            Outcome::Reply(crate::front::Reply::new(200, "application/json", text))
        }
        _ => Outcome::NOT_SUPPORTED,
    }
}

fn json(done: bool) -> Outcome {
    if !done {
        return Outcome::NOT_SUPPORTED;
    }
    let text = "{\"statusCode\":1,\"statusString\":\"OK\",\"subStatusCode\":\"ok\"}";
    Outcome::Reply(crate::front::Reply::new(200, "application/json", text))
}

fn color(picture: &Picture) -> String {
    format!(
        "<brightnessLevel>{}</brightnessLevel>\n<contrastLevel>{}</contrastLevel>\n\
         <saturationLevel>{}</saturationLevel>\n<hueLevel>{}</hueLevel>\n<grayScale><grayScaleMode>indoor</grayScaleMode></grayScale>",
        picture.brightness.round(),
        picture.contrast.round(),
        picture.saturation.round(),
        picture.hue.round()
    )
}

fn flip(picture: &Picture) -> String {
    let style = match (picture.mirror, picture.flip) {
        (true, true) => "CENTER",
        (false, true) => "UPDOWN",
        _ => "LEFTRIGHT",
    };
    format!("<enabled>{}</enabled>\n<ImageFlipStyle>{style}</ImageFlipStyle>", picture.mirror || picture.flip)
}

fn light(on: bool) -> String {
    let mode = if on { "colorVuWhiteLight" } else { "irLight" };
    format!(
        "<supplementLightMode>{mode}</supplementLightMode>\n<mixedLightBrightnessRegulatMode>auto</mixedLightBrightnessRegulatMode>\n\
         <whiteLightBrightness>100</whiteLightBrightness>\n<irLightBrightness>50</irLightBrightness>"
    )
}

const LEVEL: &str = "min=\"0\" max=\"100\" def=\"50\"";

fn image(isapi: &Isapi, call: &Call<'_>, channel: u16, rest: &[&str]) -> Outcome {
    let unit = &isapi.unit;
    let Some(view) = unit.view(channel) else { return Outcome::NOT_FOUND };
    let picture = view.picture;
    let has_light = unit.config().auxiliaries;
    match (call.method, rest) {
        ("GET", []) => {
            let inner = format!(
                "<id>{channel}</id><enabled>true</enabled><videoInputID>{channel}</videoInputID>\
                 <ImageFlip>{}</ImageFlip><Color>{}</Color>",
                flip(&picture),
                color(&picture)
            );
            Outcome::Document(document("ImageChannel", VER20, &inner))
        }
        ("GET", ["capabilities"]) => {
            let inner = format!(
                "<id>{channel}</id><ImageFlip><enabled opt=\"true,false\">false</enabled>\
                 <ImageFlipStyle opt=\"LEFTRIGHT,UPDOWN,CENTER\">CENTER</ImageFlipStyle></ImageFlip>\
                 <Color><brightnessLevel {LEVEL}>50</brightnessLevel><contrastLevel {LEVEL}>50</contrastLevel>\
                 <saturationLevel {LEVEL}>50</saturationLevel><hueLevel {LEVEL}>50</hueLevel></Color>"
            );
            Outcome::Document(document("ImageCap", ISAPI20, &inner))
        }
        ("GET", ["color"]) => Outcome::Document(document("Color", VER20, &color(&picture))),
        ("PUT", ["color"]) => {
            let Some(body) = call.body() else { return Outcome::INVALID };
            let get = |name| body.number_at(&[name]).filter(|level| (0.0..=100.0).contains(level));
            let levels = ["brightnessLevel", "contrastLevel", "saturationLevel", "hueLevel"].map(get);
            // Whole elements only; and what was not sent back in full is refused, as devices do.
            let ([Some(brightness), Some(contrast), Some(saturation), Some(hue)], Some(_)) =
                (levels, body.child("grayScale"))
            else {
                return Outcome::INVALID;
            };
            unit.note(format!("color {channel} {brightness} {contrast} {saturation} {hue}"));
            Outcome::done(unit.set_picture(channel, |now| {
                *now = Picture { brightness, contrast, saturation, hue, ..*now };
            }))
        }
        ("GET", ["imageFlip"]) => Outcome::Document(document("ImageFlip", ISAPI20, &flip(&picture))),
        ("PUT", ["imageFlip"]) => {
            let Some(body) = call.body() else { return Outcome::INVALID };
            let on = body.text_at(&["enabled"]) == Some("true");
            let (mirror, flip) = match body.text_at(&["ImageFlipStyle"]) {
                _ if !on => (false, false),
                Some("LEFTRIGHT") => (true, false),
                Some("UPDOWN") => (false, true),
                Some("CENTER") => (true, true),
                _ => return Outcome::INVALID,
            };
            Outcome::done(unit.set_picture(channel, |now| (now.mirror, now.flip) = (mirror, flip)))
        }
        ("GET", ["supplementLight"]) if has_light => {
            Outcome::Document(document("SupplementLight", VER20, &light(view.light)))
        }
        ("GET", ["supplementLight", "capabilities"]) if has_light => Outcome::Document(document(
            "SupplementLight",
            VER20,
            "<supplementLightMode opt=\"colorVuWhiteLight,irLight,close\">irLight</supplementLightMode>\
             <whiteLightBrightness min=\"0\" max=\"100\">100</whiteLightBrightness>",
        )),
        ("PUT", ["supplementLight"]) if has_light => {
            let Some(body) = call.body() else { return Outcome::INVALID };
            match body.text_at(&["supplementLightMode"]) {
                Some(mode @ ("colorVuWhiteLight" | "irLight" | "close")) => {
                    Outcome::done(unit.set_light(channel, mode == "colorVuWhiteLight"))
                }
                _ => Outcome::INVALID,
            }
        }
        _ => Outcome::NOT_SUPPORTED,
    }
}
