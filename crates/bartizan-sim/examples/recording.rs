//! Writes a long recording into a data folder of Bartizan, in seconds: a film of twelve seconds over and over.
//!
//! `recording FOLDER MINUTES GOP_MS` prints where it is. A picture's time bar tells its place within its twelve seconds.

use std::{fs, io::Write, path::Path, time::Duration};

use bartizan_media::movie::{MovieOptions, MovieWriter};
use bartizan_sim::film;

const FROM_MS: u64 = 1_763_700_000_000;
const FILM: Duration = Duration::from_secs(12);

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().collect();
    let [_, folder, minutes, gop_ms] = &arguments[..] else {
        return Err("recording FOLDER MINUTES GOP_MS".into());
    };
    let folder = Path::new(folder).join("media");
    fs::create_dir_all(&folder)?;
    let units = film(1, FROM_MS, Duration::from_millis(gop_ms.parse()?), FILM)?;
    let rounds = minutes.parse::<i64>()? * 60 / i64::try_from(FILM.as_secs())?;
    let options = MovieOptions { title: "Front gate".into(), created: units[0].arrival };
    let path = folder.join(format!("{FROM_MS:013}-bench-1.mp4"));
    let mut file = fs::File::create(&path)?;
    let (mut writer, begin) = MovieWriter::start(&units[0], &options)?;
    file.write_all(&begin)?;
    let length_us = i64::try_from(FILM.as_micros())?;
    for round in 0..rounds {
        for (at, unit) in units.iter().enumerate() {
            if (round, at) == (0, 0) {
                continue;
            }
            let mut unit = unit.clone();
            unit.pts_us += round * length_us;
            unit.arrival.0 += round * length_us;
            file.write_all(&writer.push(&unit)?)?;
        }
    }
    let ending = writer.finish()?;
    file.write_all(&ending.tail)?;
    drop(file);
    let mut file = fs::File::options().write(true).open(&path)?;
    file.write_all(&ending.head)?;
    println!("{}", path.display());
    Ok(())
}
