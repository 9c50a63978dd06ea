//! Hit rate and milliseconds of the scanner on hard pictures, beside plain rqrr, rxing and, where installed, zbar and
//! OpenCV. Prints JSON; `--table` adds Markdown on standard error.
//!
//! `cargo run --release -p bartizan-qr --example rate -- [--only CATEGORY] [--dump DIR] [--peers] [--photos FILE…]`

mod peers;
mod scenes;

use std::{collections::BTreeMap, io::Cursor, path::PathBuf, time::Instant};

use bartizan_qr::{Effort, Scanner};
use clap::Parser;
use image::{GrayImage, ImageFormat, codecs::jpeg::JpegEncoder};
use serde_json::{Value, json};

use crate::scenes::Sample;

#[derive(Parser)]
struct Options {
    /// Only this category.
    #[arg(long)]
    only: Option<String>,
    /// Also writes the pictures there, and `set.json` with what they say.
    #[arg(long)]
    dump: Option<PathBuf>,
    /// Also runs `zbarimg` and a Python with OpenCV on the written pictures.
    #[arg(long, requires = "dump")]
    peers: bool,
    /// The Python for OpenCV.
    #[arg(long, default_value = "python3")]
    python: String,
    /// Real photographs to be read as well; what they say may stand in a `.txt` beside them.
    #[arg(long, num_args = 1..)]
    photos: Vec<PathBuf>,
    /// Also prints a Markdown table to standard error.
    #[arg(long)]
    table: bool,
    /// Also names the pictures that ours missed, on standard error.
    #[arg(long)]
    missed: bool,
}

/// Hits, false reads, time of one reader on some pictures.
#[derive(Default, Clone, Copy)]
pub struct Tally {
    pub pictures: u32,
    pub hits: u32,
    pub wrong: u32,
    pub ms: f64,
    pub slowest_ms: f64,
}

impl Tally {
    pub fn add(&mut self, wanted: Option<&str>, read: &[String], ms: f64) {
        self.pictures += 1;
        self.hits += u32::from(wanted.is_some_and(|wanted| read.iter().any(|text| text == wanted)));
        self.wrong += u32::from(read.iter().any(|text| Some(text.as_str()) != wanted));
        self.ms += ms;
        self.slowest_ms = self.slowest_ms.max(ms);
    }

    fn json(self) -> Value {
        json!({
            "pictures": self.pictures,
            "hits": self.hits,
            "hitRate": f64::from(self.hits) / f64::from(self.pictures.max(1)),
            "wrong": self.wrong,
            "meanMs": (self.ms / f64::from(self.pictures.max(1)) * 100.0).round() / 100.0,
            "slowestMs": (self.slowest_ms * 100.0).round() / 100.0,
        })
    }
}

/// category → reader → tally; the severities as `category / severity`.
pub type Tallies = BTreeMap<String, BTreeMap<&'static str, Tally>>;

/// In the order of the table.
pub const READERS: [&str; 7] =
    ["ours, photo", "ours, 1 frame", "ours, 8 frames", "rqrr", "rxing", "zbar", "OpenCV"];

fn main() {
    let options = Options::parse();
    let mut tallies = Tallies::new();
    let mut written = Vec::new();
    if let Some(dir) = &options.dump {
        std::fs::create_dir_all(dir).expect("the folder for the pictures cannot be made");
    }
    for (number, scene) in scenes::all(options.only.as_deref()).iter().enumerate() {
        let mut sample = scene();
        let mut name = format!("{number:03}.png");
        if let Some(quality) = sample.jpeg {
            let bytes = jpeg(&sample, quality);
            let decoded = image::load_from_memory(&bytes).expect("our own JPEG decodes").into_luma8();
            sample.luma = decoded.into_raw();
            if let Some(dir) = &options.dump {
                name = format!("{number:03}.jpg");
                std::fs::write(dir.join(&name), &bytes).expect("a picture cannot be written");
            }
        } else if let Some(dir) = &options.dump {
            let picture = GrayImage::from_raw(sample.width as u32, sample.height as u32, sample.luma.clone());
            let picture = picture.expect("as many pixels as the sides say");
            picture.save_with_format(dir.join(&name), ImageFormat::Png).expect("a picture cannot be written");
        }
        if options.dump.is_some() {
            written.push(peers::Written {
                name,
                category: sample.category,
                severity: sample.severity.clone(),
                text: sample.text.clone(),
            });
        }
        measure(&sample, &mut tallies, number, options.missed);
    }
    if let Some(dir) = &options.dump {
        let list: Vec<Value> = written
            .iter()
            .map(|w| json!({"name": w.name, "category": w.category, "severity": w.severity, "text": w.text}))
            .collect();
        std::fs::write(dir.join("set.json"), json!(list).to_string()).expect("set.json cannot be written");
        if options.peers {
            peers::zbar(dir, &written, &mut tallies);
            peers::opencv(&options.python, dir, &written, &mut tallies);
        }
    }
    if !options.photos.is_empty() {
        photographs(&options.photos, &mut tallies);
    }
    let whole: BTreeMap<_, _> = tallies
        .iter()
        .map(|(category, readers)| {
            (category, readers.iter().map(|(name, tally)| (*name, tally.json())).collect::<BTreeMap<_, _>>())
        })
        .collect();
    println!("{}", serde_json::to_string_pretty(&whole).expect("numbers and names are JSON"));
    if options.table {
        table(&tallies);
    }
}

fn jpeg(sample: &Sample, quality: u8) -> Vec<u8> {
    let mut bytes = Vec::new();
    JpegEncoder::new_with_quality(Cursor::new(&mut bytes), quality)
        .encode(&sample.luma, sample.width as u32, sample.height as u32, image::ExtendedColorType::L8)
        .expect("a picture in memory can be encoded");
    bytes
}

pub fn record(
    tallies: &mut Tallies,
    category: &str,
    severity: &str,
    reader: &'static str,
    wanted: Option<&str>,
    read: &[String],
    ms: f64,
) {
    // Line ends differ between files and codes; an unknown text is met by any.
    let plain = |text: &str| text.replace("\r\n", "\n").trim_end().to_owned();
    let read: Vec<String> = read.iter().map(|text| plain(text)).collect();
    let wanted = match wanted {
        None if category == "photographs" => read.first().cloned().or_else(|| Some(String::new())),
        wanted => wanted.map(plain),
    };
    let (wanted, read) = (wanted.as_deref(), &read[..]);
    let mut keys = vec![category.to_owned(), format!("{category} / {severity}")];
    // Pictures without a code have no hits to give.
    keys.extend((category != "no code").then(|| "all with a code".to_owned()));
    for key in keys {
        tallies.entry(key).or_default().entry(reader).or_default().add(wanted, read, ms);
    }
}

fn measure(sample: &Sample, tallies: &mut Tallies, number: usize, missed: bool) {
    let (width, height, wanted) = (sample.width, sample.height, sample.text.as_deref());
    let mut note = |reader: &'static str, read: Vec<String>, started: Instant, calls: u32| {
        let ms = started.elapsed().as_secs_f64() * 1000.0 / f64::from(calls);
        if missed
            && reader.starts_with("ours, p")
            && wanted.is_some()
            && !read.iter().any(|t| Some(t.as_str()) == wanted)
        {
            eprintln!("missed {number:03} {} {}", sample.category, sample.severity);
        }
        record(tallies, sample.category, &sample.severity, reader, wanted, &read, ms);
    };
    let texts = |found: Vec<bartizan_qr::Found>| {
        found.iter().map(|code| code.text().into_owned()).collect::<Vec<_>>()
    };
    let started = Instant::now();
    let found = Scanner::new(Effort::Photo).scan_luma(width, height, width, &sample.luma);
    note("ours, photo", texts(found), started, 1);

    let mut scanner = Scanner::new(Effort::Frame);
    let started = Instant::now();
    let first = texts(scanner.scan_luma(width, height, width, &sample.luma));
    note("ours, 1 frame", first.clone(), started, 1);
    // A hand holds the label for a while: eight frames, all as hard as this one.
    let started = Instant::now();
    let (mut found, mut calls) = (Vec::new(), 0);
    let mut scanner = Scanner::new(Effort::Frame);
    while found.is_empty() && calls < 8 {
        found = texts(scanner.scan_luma(width, height, width, &sample.luma));
        calls += 1;
    }
    note("ours, 8 frames", found, started, calls);

    let started = Instant::now();
    note("rqrr", plain_rqrr(sample), started, 1);
    let started = Instant::now();
    let mut hints = rxing::DecodeHints { AlsoInverted: Some(true), ..Default::default() };
    let read = rxing::helpers::detect_in_luma_with_hints(
        sample.luma.clone(),
        width as u32,
        height as u32,
        Some(rxing::BarcodeFormat::QR_CODE),
        &mut hints,
    );
    note("rxing", read.map(|result| vec![result.getText().to_owned()]).unwrap_or_default(), started, 1);
}

/// rqrr alone, as its README says; it panics on some pictures, which counts as nothing read.
fn plain_rqrr(sample: &Sample) -> Vec<String> {
    let (width, luma) = (sample.width, &sample.luma);
    let read = || {
        let mut prepared =
            rqrr::PreparedImage::prepare_from_greyscale(width, sample.height, |x, y| luma[y * width + x]);
        prepared.detect_grids().iter().filter_map(|grid| grid.decode().ok()).map(|(_, text)| text).collect()
    };
    std::panic::catch_unwind(read).unwrap_or_default()
}

/// Pictures that were not drawn by us. What they say stands in a `.txt` beside them, as test sets have it; where there is
/// none, whatever is read counts.
fn photographs(paths: &[PathBuf], tallies: &mut Tallies) {
    for path in paths {
        let picture = std::fs::read(path).ok().and_then(|bytes| image::load_from_memory(&bytes).ok());
        let Some(picture) = picture else {
            eprintln!("not a picture: {}", path.display());
            continue;
        };
        let picture = picture.into_luma8();
        let wanted = std::fs::read_to_string(path.with_extension("txt")).ok();
        let folder =
            path.parent().and_then(|folder| folder.file_name()).unwrap_or_default().to_string_lossy();
        let sample = Sample {
            category: "photographs",
            severity: folder.into_owned(),
            text: wanted,
            width: picture.width() as usize,
            height: picture.height() as usize,
            luma: picture.into_raw(),
            jpeg: None,
        };
        measure(&sample, tallies, 0, false);
    }
}

fn table(tallies: &Tallies) {
    eprintln!("| pictures | n | {} |", READERS.join(" | "));
    eprintln!("|---|---|{}", "---|".repeat(READERS.len()));
    for (category, readers) in tallies {
        let pictures = readers.values().map(|tally| tally.pictures).max().unwrap_or(0);
        let cell = |name: &&str| match readers.get(*name) {
            Some(tally) => {
                let count = f64::from(tally.pictures.max(1));
                let wrong = if tally.wrong > 0 { format!(", {} wrong", tally.wrong) } else { String::new() };
                format!("{:.0} %, {:.1} ms{wrong}", 100.0 * f64::from(tally.hits) / count, tally.ms / count)
            }
            None => "–".into(),
        };
        let cells: Vec<String> = READERS.iter().map(cell).collect();
        eprintln!("| {category} | {pictures} | {} |", cells.join(" | "));
    }
}
