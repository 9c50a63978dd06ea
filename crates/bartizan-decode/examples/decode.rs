//! Decodes an H.264 Annex B file and prints what came out.
//!
//! `cargo run -p bartizan-decode --example decode -- FILE.264 [--json]`
use std::{env, error::Error, fs};

use bartizan_decode::{Decoder, Picture};
use bartizan_media::nal;
use sha1::{Digest, Sha1};

fn main() -> Result<(), Box<dyn Error>> {
    let (flags, files): (Vec<_>, Vec<_>) = env::args().skip(1).partition(|arg| arg.starts_with("--"));
    let [file] = &files[..] else { return Err("usage: decode FILE.264 [--json]".into()) };
    let stream = fs::read(file)?;

    let mut decoder = Decoder::new()?;
    let (mut count, mut errors, mut hash, mut sizes) = (0u32, 0u32, Sha1::new(), Vec::new());
    let mut take = |picture: Picture| {
        count += 1;
        hash.update(&picture.data);
        if sizes.last() != Some(&(picture.width, picture.height)) {
            sizes.push((picture.width, picture.height));
        }
    };
    for unit in nal::access_units(&stream) {
        match decoder.decode(unit) {
            Ok(picture) => picture.into_iter().for_each(&mut take),
            Err(error) => {
                errors += 1;
                eprintln!("{error}");
            }
        }
    }
    decoder.flush()?.into_iter().for_each(&mut take);

    let sha1: String = hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
    if flags.iter().any(|flag| flag == "--json") {
        println!(
            "{}",
            serde_json::json!({ "pictures": count, "errors": errors, "sizes": sizes, "sha1": sha1 })
        );
    } else {
        let sizes: Vec<_> = sizes.iter().map(|(w, h)| format!("{w}x{h}")).collect();
        println!("{count} pictures, {errors} errors, {}, sha1 {sha1}", sizes.join(" then "));
    }
    Ok(())
}
