//! Draws every icon size from `icons/icon.svg`, by the Tauri CLI that `ui/` pins.

use std::fs;
use std::path::Path;
use std::process::Command;

/// The launcher shows the middle two thirds of an adaptive icon and may cut that to a circle. Drawn at three quarters,
/// the whole turret stays inside; the inset shows the background, which has the colour of the drawing's own ground.
const ADAPTIVE_ICON: &str = r#"<?xml version="1.0" encoding="utf-8"?>
<adaptive-icon xmlns:android="http://schemas.android.com/apk/res/android">
    <background android:drawable="@color/ic_launcher_background" />
    <foreground>
        <inset android:drawable="@mipmap/ic_launcher_foreground" android:inset="12.5%" />
    </foreground>
</adaptive-icon>
"#;

/// Writes `icons/**` and the Android launcher icons, and the iOS set where `gen/apple` exists.
///
/// # Errors
///
/// Says in words what is missing (`ui/node_modules`, node, the source drawing) or which file could not be written.
pub fn generate(root: &Path) -> Result<(), String> {
    let icons = root.join("icons");
    let cli = root.join("ui/node_modules/@tauri-apps/cli/tauri.js");
    if !cli.is_file() {
        return Err("the Tauri CLI is not installed: run `npm --prefix ui ci` first".into());
    }
    let output = Command::new("node")
        .arg(&cli)
        .arg("icon")
        .arg(icons.join("icon.json"))
        .arg("--output")
        .arg(&icons)
        .current_dir(root)
        .output()
        .map_err(|error| format!("cannot run node: {error}"))?;
    if !output.status.success() {
        return Err(format!("`tauri icon` failed:\n{}", String::from_utf8_lossy(&output.stderr)));
    }

    let icns = icons.join("icon.icns");
    let bytes = fs::read(&icns).map_err(|error| format!("{}: {error}", icns.display()))?;
    let sorted = sort_icns(&bytes).ok_or_else(|| format!("{}: not an ICNS file", icns.display()))?;
    write(&icns, &sorted)?;

    write(&icons.join("android/mipmap-anydpi-v26/ic_launcher.xml"), ADAPTIVE_ICON.as_bytes())?;
    copy_tree(&icons.join("android"), &root.join("src-tauri/gen/android/app/src/main/res"))?;
    let apple = root.join("src-tauri/gen/apple/Assets.xcassets/AppIcon.appiconset");
    if apple.is_dir() {
        copy_tree(&icons.join("ios"), &apple)?;
    }
    Ok(())
}

/// The CLI writes the pictures of an ICNS file in a new order on every run; sorted, the same drawing gives the same file.
fn sort_icns(bytes: &[u8]) -> Option<Vec<u8>> {
    let (header, mut rest) = bytes.split_at_checked(8)?;
    if !header.starts_with(b"icns") {
        return None;
    }
    let mut entries = Vec::new();
    while !rest.is_empty() {
        let length = u32::from_be_bytes(rest.get(4..8)?.try_into().ok()?);
        let length = usize::try_from(length).ok().filter(|length| *length >= 8)?;
        let (entry, after) = rest.split_at_checked(length)?;
        entries.push(entry);
        rest = after;
    }
    entries.sort_unstable();
    Some([header, &entries.concat()].concat())
}

fn write(path: &Path, bytes: &[u8]) -> Result<(), String> {
    fs::write(path, bytes).map_err(|error| format!("{}: {error}", path.display()))
}

fn copy_tree(from: &Path, to: &Path) -> Result<(), String> {
    let failed = |error: std::io::Error| format!("{} to {}: {error}", from.display(), to.display());
    fs::create_dir_all(to).map_err(failed)?;
    for entry in fs::read_dir(from).map_err(failed)? {
        let source = entry.map_err(failed)?.path();
        let Some(name) = source.file_name() else { continue };
        let target = to.join(name);
        if source.is_dir() {
            copy_tree(&source, &target)?;
        } else {
            fs::copy(&source, &target).map_err(failed)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::sort_icns;

    #[test]
    fn the_order_of_pictures_does_not_matter_and_a_cut_file_is_refused() {
        let one = b"icns\0\0\0\x1aic07\0\0\0\x09aic08\0\0\0\x09b";
        let two = b"icns\0\0\0\x1aic08\0\0\0\x09bic07\0\0\0\x09a";
        assert_eq!(sort_icns(one), sort_icns(two));
        assert_eq!(sort_icns(one).as_deref(), Some(one.as_slice()));
        assert_eq!(sort_icns(&one[..20]), None);
        assert_eq!(sort_icns(b"icns\0\0\0\x10ic07\0\0\0\x00"), None);
    }
}
