//! How many QR codes are read and how long that takes, beside two other readers on the same pictures.

use std::process::Command;

use serde_json::Value;

use super::{Programs, Row};
use crate::process::output;

/// Readers of the table, and what their rows are called.
const OURS: [(&str, &str); 3] =
    [("ours, photo", "photo"), ("ours, 1 frame", "1 frame"), ("ours, 8 frames", "up to 8 frames")];
const PEERS: [&str; 2] = ["rxing", "rqrr"];
const ALL: &str = "all with a code";
const NONE: &str = "no code";

pub fn measure(programs: &Programs) -> Result<Vec<Row>, String> {
    let text = output(&mut Command::new(programs.folder.join("examples/rate")))?;
    rows(&serde_json::from_str(&text).map_err(|e| format!("rate: {e}"))?)
}

fn rows(table: &Value) -> Result<Vec<Row>, String> {
    let figure = |set: &str, reader: &str, key: &str| {
        table[set][reader][key].as_f64().ok_or_else(|| format!("no {key} of {reader} for {set}"))
    };
    let mut rows = Vec::new();
    for (ours, how) in OURS {
        for peer in PEERS {
            let rate = |reader| Ok::<_, String>(figure(ALL, reader, "hitRate")? * 100.0);
            let name = format!("qr, codes read, {how}");
            rows.push(Row::more_than(name, "%", rate(ours)?, peer, rate(peer)?, 1.0));
        }
    }
    for (ours, how) in OURS {
        for peer in PEERS {
            let ms = |reader| figure(ALL, reader, "meanMs");
            rows.push(Row::against(format!("qr, a picture, {how}"), "ms", ms(ours)?, peer, ms(peer)?, None));
        }
    }
    for (ours, how) in OURS {
        let name = format!("qr, false reads without a code, {how}");
        rows.push(Row::alone(name, "pictures", figure(NONE, ours, "wrong")?, Some(0.0)));
    }
    Ok(rows)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_table_becomes_rows_and_a_missing_reader_is_told() {
        let tally = |rate: f64, ms: f64| json!({"hitRate": rate, "meanMs": ms, "wrong": 0});
        let readers = json!({
            "ours, photo": tally(0.9, 150.0),
            "ours, 1 frame": tally(0.4, 15.0),
            "ours, 8 frames": tally(0.8, 14.0),
            "rxing": tally(0.5, 10.0),
            "rqrr": tally(0.0, 20.0),
        });
        let rows = rows(&json!({ALL: readers, NONE: readers})).unwrap();
        let row = |name: &str, peer: Option<&str>| {
            rows.iter().find(|row| row.name == name && row.peer.as_deref() == peer).unwrap()
        };
        assert_eq!(row("qr, codes read, photo", Some("rxing")).met, Some(true));
        assert_eq!(row("qr, codes read, 1 frame", Some("rxing")).met, Some(false));
        assert_eq!(row("qr, codes read, 1 frame", Some("rqrr")).met, Some(true));
        assert_eq!(row("qr, a picture, photo", Some("rxing")).ratio, Some(15.0));
        assert_eq!(row("qr, false reads without a code, photo", None).met, Some(true));
        let missing = super::rows(&json!({ALL: {}, NONE: {}})).unwrap_err();
        assert!(missing.contains("ours, photo"), "{missing}");
    }
}
