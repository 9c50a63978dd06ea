//! Where devices keep their streams, as data.

/// A pair of URL paths for the main and sub stream of a channel. `{n}` is the channel number from 1, `{n:02}` the
/// same with two digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PathPattern {
    /// Path of the main stream.
    pub main: &'static str,
    /// Path of the sub stream.
    pub sub: &'static str,
    /// The pattern can name more than one channel.
    pub many_channels: bool,
}

/// Tried in this order when only a host is known. The sources are `../shared/protocols/rtsp.md` §URLs and the
/// public manuals of the makers.
pub const WELL_KNOWN_PATHS: &[PathPattern] = &[
    PathPattern { main: "/Streaming/Channels/{n}01", sub: "/Streaming/Channels/{n}02", many_channels: true },
    PathPattern {
        main: "/cam/realmonitor?channel={n}&subtype=0",
        sub: "/cam/realmonitor?channel={n}&subtype=1",
        many_channels: true,
    },
    PathPattern { main: "/ch{n}/main", sub: "/ch{n}/sub", many_channels: true },
    PathPattern { main: "/h264Preview_{n:02}_main", sub: "/h264Preview_{n:02}_sub", many_channels: true },
    PathPattern { main: "/stream1", sub: "/stream2", many_channels: false },
    PathPattern { main: "/onvif1", sub: "/onvif2", many_channels: false },
    PathPattern { main: "/live/ch00_0", sub: "/live/ch00_1", many_channels: false },
    PathPattern { main: "/live", sub: "/live/sub", many_channels: false },
    PathPattern { main: "/", sub: "/sub", many_channels: false },
];

impl PathPattern {
    /// The path of a stream of channel `number` (from 1).
    pub fn path(&self, sub: bool, number: u16) -> String {
        let template = if sub { self.sub } else { self.main };
        template.replace("{n:02}", &format!("{number:02}")).replace("{n}", &number.to_string())
    }

    /// The channel number and whether it is the sub stream, if `path` is of this pattern.
    pub fn matches(&self, path: &str) -> Option<(u16, bool)> {
        [(self.main, false), (self.sub, true)].into_iter().find_map(|(template, sub)| {
            let number = match template.split_once("{n:02}").or_else(|| template.split_once("{n}")) {
                None => return (path == template).then_some((1, sub)),
                Some((head, tail)) => path.strip_prefix(head)?.strip_suffix(tail)?,
            };
            let number: u16 = number.parse().ok().filter(|number| (1..=999).contains(number))?;
            (self.path(sub, number).len() == path.len()).then_some((number, sub))
        })
    }
}

/// The path of the other profile of the same channel, where the pattern of `path` is known: (path, its channel
/// number, true when the answer is the sub stream).
///
/// Query members that no pattern knows (`&unicast=true&proto=Onvif`) are kept.
pub fn sibling_path(path: &str) -> Option<(String, u16, bool)> {
    let (known, rest) = match path.find("&unicast=") {
        Some(at) => path.split_at(at),
        None => (path, ""),
    };
    WELL_KNOWN_PATHS.iter().filter(|pattern| pattern.main != "/").find_map(|pattern| {
        let (number, sub) = pattern.matches(known)?;
        Some((pattern.path(!sub, number) + rest, number, !sub))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn siblings() {
        for (path, wanted) in [
            ("/Streaming/Channels/101", Some(("/Streaming/Channels/102", 1, true))),
            ("/Streaming/Channels/1602", Some(("/Streaming/Channels/1601", 16, false))),
            ("/Streaming/Channels/103", None),
            (
                "/cam/realmonitor?channel=3&subtype=0&unicast=true&proto=Onvif",
                Some(("/cam/realmonitor?channel=3&subtype=1&unicast=true&proto=Onvif", 3, true)),
            ),
            ("/ch12/sub", Some(("/ch12/main", 12, false))),
            ("/h264Preview_01_main", Some(("/h264Preview_01_sub", 1, true))),
            ("/stream1", Some(("/stream2", 1, true))),
            ("/", None),
            ("/something", None),
            ("/ch/main", None),
        ] {
            let wanted = wanted.map(|(p, n, s): (&str, u16, bool)| (p.to_owned(), n, s));
            assert_eq!(sibling_path(path), wanted, "{path}");
        }
    }

    #[test]
    fn every_pattern_reads_its_own_paths() {
        for pattern in WELL_KNOWN_PATHS {
            for number in if pattern.many_channels { 1..=32 } else { 1..=1 } {
                for sub in [false, true] {
                    assert_eq!(
                        pattern.matches(&pattern.path(sub, number)),
                        Some((number, sub)),
                        "{pattern:?}"
                    );
                }
            }
        }
    }
}
