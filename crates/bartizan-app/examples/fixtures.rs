//! Turns a diagnostics file into recorded answers, as the tests read them:
//! `cargo run -p bartizan-app --example fixtures -- FILE.json FOLDER`.

use std::{error::Error, fs, path::Path};

use bartizan_app::diagnostics::Bundle;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [file, folder] = arguments.as_slice() else { return Err("usage: fixtures FILE.json FOLDER".into()) };
    let bundle = Bundle::read(&fs::read_to_string(file)?)?;
    fs::create_dir_all(folder)?;
    for (number, answer) in bundle.answers.iter().enumerate() {
        let device = answer.device.as_deref().unwrap_or("other");
        let what: String =
            answer.path.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).take(60).collect();
        let name =
            format!("{number:03}_{device}_{}_{}{what}.txt", answer.protocol, answer.method.to_lowercase());
        fs::write(Path::new(folder).join(&name), answer.to_wire())?;
        println!("{name}");
    }
    Ok(())
}
