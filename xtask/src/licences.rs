//! The licences of everything that the app ships: the crates of its shells and the packages of its page.
//!
//! Written to a file of the page, so that it can be read offline. Texts are taken from the packages themselves, since
//! many licences ask for their notice to go along; the same text is written once.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use serde::Serialize;
use serde_json::Value;

use crate::{process::output, root};

/// What is shipped: the app and the browser shell.
const SHELLS: [&str; 2] = ["bartizan", "bartizan-web"];
/// Where it is written.
const FILE: &str = "ui/src/views/help/licences.json";
/// Longer files are no licences.
const LONGEST_TEXT: u64 = 128 << 10;
/// Beginnings of the names of files with a licence or a notice that must go along.
const NAMES: [&str; 6] = ["license", "licence", "copying", "notice", "unlicense", "copyright"];

#[derive(Serialize)]
struct Licences {
    rust: Vec<Package>,
    page: Vec<Package>,
    texts: Vec<String>,
}

#[derive(Serialize, PartialEq, Eq, PartialOrd, Ord)]
struct Package {
    name: String,
    version: String,
    licence: String,
    /// Places in `texts`.
    texts: Vec<usize>,
}

#[derive(Default)]
struct Texts {
    all: Vec<String>,
    places: BTreeMap<String, usize>,
}

impl Texts {
    /// The licence files of a folder, and of the folders in it: bundled sources of others have theirs there.
    fn of(&mut self, folder: &Path) -> Vec<usize> {
        let list = |folder: &Path| -> Vec<PathBuf> {
            fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path()).collect()
        };
        let inner = list(folder).into_iter().filter(|path| path.is_dir() && !path.ends_with("node_modules"));
        let mut files: Vec<_> = inner.flat_map(|path| list(&path)).chain(list(folder)).collect();
        files.retain(|path| is_licence(path));
        files.sort();
        let mut places: Vec<usize> =
            files.iter().filter_map(|file| Some(self.place(&fs::read_to_string(file).ok()?))).collect();
        places.sort_unstable();
        places.dedup();
        places
    }

    fn place(&mut self, text: &str) -> usize {
        let text = text.replace('\r', "").trim_matches(['\n', ' ']).to_owned();
        // Line breaks differ between copies of one text.
        let key = text.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase();
        *self.places.entry(key).or_insert_with(|| {
            self.all.push(text);
            self.all.len() - 1
        })
    }
}

fn is_licence(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
    let of_code = [".rs", ".js", ".ts", ".json", ".toml", ".spdx"].iter().any(|end| name.ends_with(end));
    NAMES.iter().any(|start| name.starts_with(start))
        && !of_code
        && path.metadata().is_ok_and(|about| about.is_file() && about.len() <= LONGEST_TEXT)
}

/// Writes the file, or with `check` compares it.
pub fn generate(check: bool) -> Result<(), String> {
    let mut texts = Texts::default();
    let rust = crates(&mut texts)?;
    let page = packages(&mut texts)?;
    let licences = Licences { rust, page, texts: texts.all };
    let generated = serde_json::to_string_pretty(&licences).map_err(|e| e.to_string())? + "\n";
    let file = root().join(FILE);
    if fs::read_to_string(&file).unwrap_or_default() == generated {
        return Ok(());
    }
    if check {
        return Err(format!("{FILE} is stale: run `cargo xtask codegen`"));
    }
    fs::write(&file, generated).map_err(|e| format!("{}: {e}", file.display()))
}

fn crates(texts: &mut Texts) -> Result<Vec<Package>, String> {
    let mut command = Command::new(env!("CARGO"));
    command.args(["metadata", "--format-version", "1", "--locked"]).current_dir(root());
    let metadata: Value = serde_json::from_str(&output(&mut command)?).map_err(|e| e.to_string())?;
    let shipped = shipped(&metadata)?;
    let mut all = Vec::new();
    for package in metadata["packages"].as_array().into_iter().flatten() {
        // Ours have no source.
        if !shipped.contains(text(&package["id"])?) || package["source"].is_null() {
            continue;
        }
        let folder = Path::new(text(&package["manifest_path"])?).parent().unwrap_or(Path::new(""));
        all.push(Package {
            name: text(&package["name"])?.to_owned(),
            version: text(&package["version"])?.to_owned(),
            licence: package["license"].as_str().unwrap_or("see its text").to_owned(),
            texts: texts.of(folder),
        });
    }
    all.sort();
    Ok(all)
}

/// Ids of what the shells need at run time on any system; what only builds or tests is left out.
fn shipped(metadata: &Value) -> Result<BTreeSet<String>, String> {
    let packages = metadata["packages"].as_array().ok_or("no packages")?;
    let is_shell = |package: &&Value| SHELLS.iter().any(|shell| package["name"] == *shell);
    let mut waiting: Vec<String> = packages
        .iter()
        .filter(is_shell)
        .map(|package| text(&package["id"]).map(str::to_owned))
        .collect::<Result<_, _>>()?;
    if waiting.len() != SHELLS.len() {
        return Err("a shell is missing in the workspace".into());
    }
    let nodes: BTreeMap<&str, &Value> = metadata["resolve"]["nodes"]
        .as_array()
        .ok_or("no resolved dependencies")?
        .iter()
        .map(|node| Ok((text(&node["id"])?, node)))
        .collect::<Result<_, String>>()?;
    let mut found = BTreeSet::new();
    while let Some(id) = waiting.pop() {
        if !found.insert(id.clone()) {
            continue;
        }
        let needs = nodes.get(id.as_str()).map(|node| &node["deps"]).and_then(Value::as_array);
        for need in needs.into_iter().flatten() {
            let kinds = need["dep_kinds"].as_array().into_iter().flatten();
            if kinds.into_iter().any(|kind| kind["kind"].is_null()) {
                waiting.push(text(&need["pkg"])?.to_owned());
            }
        }
    }
    Ok(found)
}

fn packages(texts: &mut Texts) -> Result<Vec<Package>, String> {
    let ui = root().join("ui");
    let read = |path: &Path| -> Result<Value, String> {
        let text = fs::read_to_string(path).map_err(|e| format!("{}: {e}", path.display()))?;
        serde_json::from_str(&text).map_err(|e| format!("{}: {e}", path.display()))
    };
    let lock = read(&ui.join("package-lock.json"))?;
    let mut all = Vec::new();
    for (place, package) in lock["packages"].as_object().into_iter().flatten() {
        let Some((_, name)) = place.rsplit_once("node_modules/") else { continue };
        // Optional packages are programs for one system that build things; none ends up in the page.
        if ["dev", "devOptional", "optional"].iter().any(|flag| package[*flag] == true) {
            continue;
        }
        let folder = ui.join(place);
        let about = read(&folder.join("package.json"))?;
        all.push(Package {
            name: name.to_owned(),
            version: text(&package["version"])?.to_owned(),
            licence: about["license"].as_str().unwrap_or("see its text").to_owned(),
            texts: texts.of(&folder),
        });
    }
    all.sort();
    Ok(all)
}

fn text(value: &Value) -> Result<&str, String> {
    value.as_str().ok_or_else(|| format!("not a text: {value}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_only_builds_or_tests_is_not_shipped() {
        let metadata = serde_json::json!({
            "packages": [{ "name": "bartizan", "id": "app" }, { "name": "bartizan-web", "id": "web" }],
            "resolve": { "nodes": [
                { "id": "app", "deps": [
                    { "pkg": "a", "dep_kinds": [{ "kind": null, "target": "cfg(windows)" }] },
                    { "pkg": "t", "dep_kinds": [{ "kind": "dev" }] },
                    { "pkg": "b", "dep_kinds": [{ "kind": "build" }] },
                ] },
                { "id": "web", "deps": [{ "pkg": "a", "dep_kinds": [{ "kind": "dev" }, { "kind": null }] }] },
                { "id": "a", "deps": [{ "pkg": "c", "dep_kinds": [{ "kind": null }] }] },
            ] },
        });
        let ids: Vec<String> = shipped(&metadata).unwrap().into_iter().collect();
        assert_eq!(ids, ["a", "app", "c", "web"]);
    }

    #[test]
    fn one_text_is_kept_once() {
        let mut texts = Texts::default();
        assert_eq!(texts.place("MIT License\n\nA  b"), 0);
        assert_eq!(texts.place("MIT License\r\n\r\nA b\n"), 0);
        assert_eq!(texts.place("Apache"), 1);
        assert_eq!(texts.all.len(), 2);
    }
}
