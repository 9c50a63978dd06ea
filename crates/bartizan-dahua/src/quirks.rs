//! What single models do differently, as data.

use bartizan_device::Quirk;

/// A difference that the driver acts on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Difference {
    /// CGI answers 401 to the right password; only RPC2 is used, so that no try is spent there.
    RefusesCgiLogin,
    /// `Lighting_V2` can be read but not written.
    LightIsReadOnly,
    /// The white light is `Lighting_V2[ch][0][1]`, switched by `Mode=ForceOn` and `State`.
    DoorbellLight,
    /// `snapshot.cgi` wants no channel.
    SnapshotWithoutChannel,
}

impl Difference {
    /// For people who read a report.
    pub fn line(self) -> &'static str {
        match self {
            Self::RefusesCgiLogin => "quirk: CGI refuses the right password, RPC2 is used alone",
            Self::LightIsReadOnly => "quirk: the light's settings can be read but not written",
            Self::DoorbellLight => "quirk: the light is switched as on doorbells",
            Self::SnapshotWithoutChannel => "quirk: snapshots are asked for without a channel",
        }
    }
}

/// Every known one.
pub const QUIRKS: &[Quirk<Difference>] = &[
    Quirk {
        maker: "",
        model: "VIP-1230-D-G3",
        firmware: "2.800",
        what: Difference::RefusesCgiLogin,
        source: "measured by an installer, firmware 2.800.00IB003.0.T",
    },
    Quirk {
        maker: "",
        model: "DH-IPC-HFW1430DS1",
        firmware: "",
        what: Difference::LightIsReadOnly,
        source: "DahuaBridge docs/dahua-api.md, firmware 2.800.0000000.21.R",
    },
    Quirk {
        maker: "",
        model: "IPC-HFW1430DS1",
        firmware: "",
        what: Difference::LightIsReadOnly,
        source: "DahuaBridge docs/dahua-api.md, the same unit without its prefix",
    },
    Quirk {
        maker: "",
        model: "AD110",
        firmware: "",
        what: Difference::DoorbellLight,
        source: "rroller/dahua client.py",
    },
    Quirk {
        maker: "",
        model: "AD410",
        firmware: "",
        what: Difference::DoorbellLight,
        source: "rroller/dahua client.py",
    },
    Quirk {
        maker: "",
        model: "DB6",
        firmware: "",
        what: Difference::DoorbellLight,
        source: "rroller/dahua client.py",
    },
    Quirk {
        maker: "",
        model: "DHI-VTO",
        firmware: "",
        what: Difference::SnapshotWithoutChannel,
        source: "DahuaBridge docs/dahua-api.md, VTO2311R-WP 4.510",
    },
    Quirk {
        maker: "",
        model: "VTO",
        firmware: "",
        what: Difference::SnapshotWithoutChannel,
        source: "DahuaBridge docs/dahua-api.md, VTO2311R-WP 4.510",
    },
];

#[cfg(test)]
mod tests {
    use bartizan_device::{Identity, quirks};

    use super::*;

    #[test]
    fn rows_are_about_what_was_measured() {
        let of = |model: &str, firmware: &str| {
            let identity = Identity { model: model.into(), firmware: firmware.into(), ..Identity::default() };
            quirks(QUIRKS, &identity).copied().collect::<Vec<_>>()
        };
        assert_eq!(of("VIP-1230-D-G3", "2.800.00IB003.0.T"), [Difference::RefusesCgiLogin]);
        assert_eq!(of("VIP-1230-D-G4", "2.800.00IB00C.0.T"), []);
        assert_eq!(of("DH-IPC-HFW1430DS1-SAW", "2.800"), [Difference::LightIsReadOnly]);
        assert_eq!(of("DHI-VTO2311R-WP", "4.510"), [Difference::SnapshotWithoutChannel]);
        assert_eq!(of("IPC-HDW5831R-ZE", ""), []);
        assert!(QUIRKS.iter().all(|row| !row.source.is_empty() && !row.model.is_empty()));
    }
}
