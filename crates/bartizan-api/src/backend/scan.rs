//! QR codes and device cards.

use std::sync::Mutex;

use bartizan_app::{
    CardOutcome, Devices, is_local,
    qr::{
        Card, CardDevice, CardReader, CardSecrecy, Effort, Found, Payload, Picture, Qr, Scanner,
        label::{self, DeviceLabel, LabelFamily, UrlLabel, UrlScheme, WifiLabel},
        render, scan_picture,
    },
};
use bartizan_base::{Code, DeviceId, Error, Result, Secret};
use base64::{Engine, engine::general_purpose::STANDARD as BASE64};

use crate::{commands::error_dto, dto};

/// Frames larger than this each way are not what a scanner needs.
const LARGEST_FRAME: u32 = 2048;
/// Texts of codes that a request may hold: a card has at most 64 parts.
const MOST_TEXTS: usize = 128;
/// Pixels of a code's side on screen and on paper.
const CODE_SIDE: usize = 720;

/// Decoding pictures takes long; it goes beside the runtime.
async fn apart<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T> {
    tokio::task::spawn_blocking(work).await.map_err(|e| Error::new(Code::Internal, e.to_string()))
}

fn invalid(what: &'static str) -> Error {
    Error::new(Code::InvalidInput, what)
}

/// What a text means.
pub(super) fn text(text: &str) -> dto::QrCode {
    dto::QrCode { corners: Vec::new(), meaning: meaning(text) }
}

/// The scanner of the camera: it tries another way on each following frame.
pub(super) struct FrameScanner(Mutex<Scanner>);

impl Default for FrameScanner {
    fn default() -> Self {
        Self(Mutex::new(Scanner::new(Effort::Frame)))
    }
}

/// Looks for codes in a frame.
pub(super) async fn frame(
    scanner: &std::sync::Arc<FrameScanner>,
    frame: dto::QrFrame,
) -> Result<dto::QrCodes> {
    let dto::QrFrame { width, height, luma, number } = frame;
    if width == 0 || height == 0 || width > LARGEST_FRAME || height > LARGEST_FRAME {
        return Err(invalid("a frame is 1 to 2048 pixels each way"));
    }
    let scanner = scanner.clone();
    let found = apart(move || {
        let luma = BASE64.decode(luma).map_err(|_| invalid("the frame is not base64"))?;
        let (width, height) = (width as usize, height as usize);
        if luma.len() != width * height {
            return Err(invalid("a frame has one byte a pixel"));
        }
        let mut scanner = scanner.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if number == 0 {
            *scanner = Scanner::new(Effort::Frame);
        }
        Ok(scanner.scan_luma(width, height, width, &luma))
    });
    Ok(codes(&found.await??))
}

/// Looks for codes in a picture file.
pub(super) async fn picture(picture: dto::QrPicture) -> Result<dto::QrCodes> {
    let found = apart(move || {
        let bytes = BASE64.decode(picture.data).map_err(|_| invalid("the picture is not base64"))?;
        Ok::<_, Error>(scan_picture(&bytes)?)
    });
    Ok(codes(&found.await??))
}

fn codes(found: &[Found]) -> dto::QrCodes {
    let code =
        |found: &Found| dto::QrCode { corners: found.corners.to_vec(), meaning: meaning(&found.text()) };
    dto::QrCodes { codes: found.iter().map(code).collect() }
}

fn meaning(text: &str) -> dto::QrMeaning {
    match label::read(text) {
        Payload::Device(DeviceLabel { family, serial, model, .. }) => dto::QrMeaning::Label {
            serial,
            model: model.unwrap_or_default(),
            maker: match family {
                Some(LabelFamily::Dahua) => "Dahua / Imou".to_owned(),
                Some(LabelFamily::Hikvision) => "Hikvision / EZVIZ".to_owned(),
                None => String::new(),
            },
        },
        Payload::Url(url) => address(url),
        Payload::Address { ip, port } => dto::QrMeaning::Address {
            draft: Box::new(dto::DeviceDraft {
                host: Some(ip.to_string()),
                ports: port.map(|port| dto::Ports { http: Some(port.into()), ..dto::Ports::default() }),
                added_by: Some(dto::AddedBy::Scan),
                ..dto::DeviceDraft::default()
            }),
        },
        Payload::Card(_) => dto::QrMeaning::Card { text: text.to_owned() },
        Payload::Shared(share) => dto::QrMeaning::Share {
            from: "Hik-Connect / iVMS-4500".to_owned(),
            drafts: share
                .devices
                .into_iter()
                .map(|device| dto::DeviceDraft {
                    host: Some(device.host),
                    name: Some(device.name),
                    ports: device
                        .port
                        .map(|port| dto::Ports { server: Some(port.into()), ..dto::Ports::default() }),
                    added_by: Some(dto::AddedBy::Scan),
                    ..dto::DeviceDraft::default()
                })
                .collect(),
        },
        Payload::Wifi(WifiLabel { ssid, .. }) => other("wifi", ssid),
        Payload::Other(label::Other { seems, excerpt }) => {
            use label::Seems;
            let word = match seems {
                Seems::Json(_) => "json",
                Seems::VendorUid => "uid",
                Seems::Link(_) => "url",
                Seems::DamagedCard => "damagedCard",
                Seems::NewerCard => "newerCard",
                Seems::DamagedVendorShare | Seems::UnknownVendorShare => "damagedShare",
                Seems::SmartHome => "smartHome",
                Seems::OneTimePassword => "oneTimePassword",
                Seems::Contact => "contact",
                Seems::MacAddress => "mac",
                Seems::Empty | Seems::TooLong | Seems::Text => "text",
            };
            other(word, excerpt.unwrap_or_default())
        }
    }
}

fn other(seems: &str, text: String) -> dto::QrMeaning {
    dto::QrMeaning::Other { seems: seems.to_owned(), text }
}

fn address(url: UrlLabel) -> dto::QrMeaning {
    // Makers print links to their pages on boxes; a device stands in the local network or is written out with a port.
    let web = matches!(url.scheme, UrlScheme::Http | UrlScheme::Https);
    if web && !is_local(&url.host) && url.port.is_none() {
        return other("url", url.shown());
    }
    let mut draft = dto::DeviceDraft {
        user: url.user.clone(),
        password: url.password.as_ref().map(|password| password.expose().to_owned()),
        added_by: Some(dto::AddedBy::Scan),
        ..dto::DeviceDraft::default()
    };
    let port = url.port.map(u32::from);
    match url.scheme {
        UrlScheme::Rtsp => draft.url = Some(url.address().expose().to_owned()),
        UrlScheme::Rtsps => return other("rtsps", url.shown()),
        UrlScheme::Http | UrlScheme::Onvif => {
            draft.host = Some(url.host);
            draft.ports = Some(dto::Ports { http: port, ..dto::Ports::default() });
            draft.family = (url.scheme == UrlScheme::Onvif).then(|| "onvif".to_owned());
        }
        UrlScheme::Https => {
            draft.host = Some(url.host);
            draft.ports = Some(dto::Ports { https: port.or(Some(443)), ..dto::Ports::default() });
        }
    }
    dto::QrMeaning::Address { draft: Box::new(draft) }
}

/// Makes a card.
pub(super) async fn create(devices: &Devices, request: dto::CardRequest) -> Result<dto::CardPictures> {
    let ids: Vec<DeviceId> = request.devices.into_iter().map(DeviceId::from_string).collect();
    let on_card = devices.for_card(&ids)?;
    let secrecy = match request.password {
        Some(password) => CardSecrecy::Password(Secret::new(password)),
        None => CardSecrecy::Plain,
    };
    let file_name = match on_card.as_slice() {
        [only] => format!("Bartizan {}.png", plain(&only.name)),
        all => format!("Bartizan {} devices.png", all.len()),
    };
    apart(move || {
        let texts = Card::seal(&on_card, &secrecy)?;
        let png = |picture: Picture| picture.png().map(|png| BASE64.encode(png));
        let failed = |e: render::RenderError| Error::new(Code::InvalidInput, e.to_string());
        let sheet = png(render::sheet(&texts, CODE_SIDE).map_err(failed)?).map_err(failed)?;
        let part = |text: String| {
            let code = Qr::new(&text)?;
            Ok(dto::CardPart { png: png(code.picture(CODE_SIDE))?, text })
        };
        let parts = texts.into_iter().map(part).collect::<Result<_, _>>().map_err(failed)?;
        Ok(dto::CardPictures { parts, sheet, file_name })
    })
    .await?
}

fn plain(name: &str) -> String {
    name.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_')).take(60).collect()
}

fn reader(texts: &[String]) -> Result<CardReader> {
    if texts.len() > MOST_TEXTS {
        return Err(invalid("too many codes"));
    }
    let mut reader = CardReader::new();
    for text in texts {
        reader.add(text)?;
    }
    Ok(reader)
}

async fn open(reader: CardReader, password: Option<String>) -> Result<Vec<CardDevice>> {
    apart(move || Ok(reader.open(password.map(Secret::new).as_ref())?)).await?
}

/// Puts a card together.
pub(super) async fn read(devices: &Devices, request: dto::CardTexts) -> Result<dto::CardState> {
    let reader = reader(&request.texts)?;
    let progress = reader.progress();
    let encrypted = reader.needs_password().unwrap_or(false);
    let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
    let (have, total) = (count(progress.have), count(progress.total));
    let found = if progress.is_complete() && (!encrypted || request.password.is_some()) {
        let found = open(reader, request.password).await?;
        let device = |device: &CardDevice| dto::CardDevice {
            name: device.name.clone(),
            host: device.routes.first().map(|route| route.host.clone()).unwrap_or_default(),
            family: device.family.clone(),
            has_password: device.password.is_some(),
            added: devices.known_from_card(device).map(|id| id.to_string()),
        };
        Some(found.iter().map(device).collect())
    } else {
        None
    };
    Ok(dto::CardState { have, total, encrypted, devices: found })
}

/// Adds what a card brings.
pub(super) async fn add(devices: &Devices, request: dto::CardTexts) -> Result<dto::CardAdded> {
    let found = open(reader(&request.texts)?, request.password).await?;
    let result = |outcome: CardOutcome| dto::CardResult {
        name: outcome.name,
        device: outcome.device.map(|id| id.to_string()),
        trouble: outcome.trouble.as_ref().map(error_dto),
    };
    let results = devices.add_from_card(found).await;
    Ok(dto::CardAdded { results: results.into_iter().map(result).collect() })
}
