//! Readers that are programs of their own, run on the pictures written by `--dump`.

use std::{path::Path, process::Command, time::Instant};

use serde_json::Value;

use crate::{Tallies, record};

/// A picture on disk.
pub struct Written {
    pub name: String,
    pub category: &'static str,
    pub severity: String,
    pub text: Option<String>,
}

/// `zbarimg` once a picture; its time holds the start of the program and the decoding of the file.
pub fn zbar(dir: &Path, written: &[Written], tallies: &mut Tallies) {
    if Command::new("zbarimg").arg("--version").output().is_err() {
        eprintln!("zbarimg is not installed: left out");
        return;
    }
    for picture in written {
        let started = Instant::now();
        let output = Command::new("zbarimg")
            .args(["--quiet", "--raw", "-Sdisable", "-Sqrcode.enable", "-Sbinary"])
            .arg(dir.join(&picture.name))
            .output()
            .expect("zbarimg ran a moment ago");
        let ms = started.elapsed().as_secs_f64() * 1000.0;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let read = if text.is_empty() { Vec::new() } else { vec![text] };
        record(tallies, picture.category, &picture.severity, "zbar", picture.text.as_deref(), &read, ms);
    }
}

/// One Python for all pictures; the time is that of `detectAndDecodeMulti`, and of
/// `detectAndDecode` where that reads nothing.
pub fn opencv(python: &str, dir: &Path, written: &[Written], tallies: &mut Tallies) {
    const SCRIPT: &str = "
import cv2, json, sys, time
d = cv2.QRCodeDetector()
out = []
for p in json.load(open(sys.argv[1] + '/set.json')):
    g = cv2.imread(sys.argv[1] + '/' + p['name'], cv2.IMREAD_GRAYSCALE)
    t = time.perf_counter()
    try:
        texts = [s for s in d.detectAndDecodeMulti(g)[1] if s]
        texts = texts or [s for s in d.detectAndDecode(g)[:1] if s]
    except Exception:
        texts = []
    out.append({'ms': (time.perf_counter() - t) * 1000, 'texts': texts})
print(json.dumps(out))
";
    let output = Command::new(python).args(["-c", SCRIPT]).arg(dir).output();
    let Ok(output) = output.map_err(|_| ()).and_then(|o| if o.status.success() { Ok(o) } else { Err(()) })
    else {
        eprintln!("{python} has no OpenCV: left out");
        return;
    };
    let answers: Vec<Value> = serde_json::from_slice(&output.stdout).expect("the script prints JSON");
    for (picture, answer) in written.iter().zip(answers) {
        let texts: Vec<String> = answer["texts"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|text| text.as_str().map(str::to_owned))
            .collect();
        let ms = answer["ms"].as_f64().unwrap_or(0.0);
        record(tallies, picture.category, &picture.severity, "OpenCV", picture.text.as_deref(), &texts, ms);
    }
}
