//! Who the device says it is: `magicBox.cgi` and the `Network` table.

use bartizan_device::{DeviceClass, Identity};

use crate::{discovery_packet::mac, text::Values};

/// The answers that make an identity; empty where a call was refused.
#[derive(Clone, Debug, Default)]
pub struct Told {
    /// `getSystemInfo`.
    pub system: Values,
    /// `getDeviceType`.
    pub device_type: Values,
    /// `getDeviceClass`.
    pub class: Values,
    /// `getSoftwareVersion`.
    pub version: Values,
    /// `getMachineName`.
    pub name: Values,
    /// `getSerialNo`.
    pub serial: Values,
    /// `getVendor`.
    pub vendor: Values,
    /// Config `Network`.
    pub network: Values,
}

impl Told {
    /// The identity, with what nobody told left empty.
    pub fn identity(&self) -> Identity {
        let of = |values: &Values, keys: &[&str]| values.first(keys).unwrap_or_default().to_owned();
        let model = self.model();
        let class = match class_of(&of(&self.class, &["class"])) {
            DeviceClass::Unknown => class_of(&model),
            class => class,
        };
        let serial = match of(&self.serial, &["sn"]) {
            told if told.is_empty() => of(&self.system, &["serialNumber"]),
            told => told,
        };
        Identity {
            maker: maker(&of(&self.vendor, &["vendor"]), &model),
            model,
            firmware: of(&self.version, &["version", "version.Version"]),
            serial,
            mac: self.mac(),
            name: of(&self.name, &["name", "General.MachineName"]),
            class,
        }
    }

    /// The first of type, system's type and update name that names a model. Recorders give numbers as their type, and
    /// some cameras "IP Camera".
    fn model(&self) -> String {
        let told =
            [self.device_type.get("type"), self.system.get("deviceType"), self.system.get("updateSerial")];
        let told = told.into_iter().flatten().map(str::trim).filter(|text| !text.is_empty());
        let names = |text: &&str| !text.bytes().all(|byte| byte.is_ascii_digit()) && !is_generic(text);
        told.clone().find(names).or_else(|| told.clone().next()).unwrap_or_default().to_owned()
    }

    fn mac(&self) -> String {
        let interface = self.network.get("Network.DefaultInterface").unwrap_or("eth0");
        let of = |interface: &str| self.network.get(&format!("Network.{interface}.PhysicalAddress"));
        of(interface).or_else(|| of("eth0")).map(mac).unwrap_or_default()
    }
}

fn is_generic(model: &str) -> bool {
    ["IP Camera", "IPC", "NVR", "DVR", "XVR", "HCVR"].iter().any(|word| model.eq_ignore_ascii_case(word))
}

/// Units without a reseller's name call their vendor "General" or nothing; the model's prefix then tells.
fn maker(vendor: &str, model: &str) -> String {
    let plain = ["", "General", "Private", "Unknown"].iter().any(|word| vendor.eq_ignore_ascii_case(word));
    let prefixed = ["DH-", "DHI-"].iter().any(|prefix| model.starts_with(prefix));
    match (plain, prefixed || vendor.eq_ignore_ascii_case("General")) {
        (true, true) => "Dahua".to_owned(),
        (true, false) => String::new(),
        (false, _) => vendor.to_owned(),
    }
}

/// The kind of device by its class word (`NVR`, `IPC`, `VTO` …) or the beginning of its model.
pub fn class_of(text: &str) -> DeviceClass {
    let text = text.trim().to_ascii_uppercase();
    let text = text.strip_prefix("DHI-").or_else(|| text.strip_prefix("DH-")).unwrap_or(&text);
    let begins = |words: &[&str]| words.iter().any(|word| text.starts_with(word));
    if begins(&["VTO", "VTH", "VTS", "VTA", "VTT", "ASI", "ASC", "BSC", "DOORBELL", "AD110", "AD410", "DB6"])
    {
        DeviceClass::Door
    } else if begins(&["ARC", "ARA", "ALARM"]) {
        DeviceClass::Alarm
    } else if begins(&[
        "NVR", "DVR", "XVR", "HCVR", "HDVR", "NVD", "EVS", "MNVR", "MXVR", "IVSS", "HVR", "MHDX", "NVD",
    ]) {
        DeviceClass::Recorder
    } else if begins(&[
        "IPC",
        "SD",
        "PTZ",
        "TPC",
        "IP CAMERA",
        "IPMC",
        "ITC",
        "IPSD",
        "IP2M",
        "IP3M",
        "IP4M",
        "IP5M",
        "IP8M",
        "VIP",
        "PSD",
        "HAC",
        "IPCAM",
        "T4A",
        "H4C",
    ]) {
        DeviceClass::Camera
    } else {
        DeviceClass::Unknown
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(text: &str) -> Values {
        Values::parse(text).expect(text)
    }

    #[test]
    fn a_camera_and_a_recorder() {
        let camera = Told {
            system: values(
                "deviceType=IPC-HDW5831R-ZE\r\nserialNumber=4X7C5A1ZAG21L3F\r\nupdateSerial=IPC-HDW5830R-Z\r\n",
            ),
            device_type: values("type=IP Camera\r\n"),
            version: values("version=2.800.0000016.0.R,build:2020-06-05\r\n"),
            name: values("name=FrontDoorCam\r\n"),
            vendor: values("vendor=General\r\n"),
            network: values(
                "table.Network.DefaultInterface=eth2\r\ntable.Network.eth2.PhysicalAddress=30:E1:F1:00:00:65\r\n",
            ),
            ..Told::default()
        };
        let identity = camera.identity();
        assert_eq!((identity.model.as_str(), identity.maker.as_str()), ("IPC-HDW5831R-ZE", "Dahua"));
        assert_eq!(
            (identity.serial.as_str(), identity.mac.as_str()),
            ("4X7C5A1ZAG21L3F", "30:e1:f1:00:00:65")
        );
        assert_eq!((identity.name.as_str(), identity.class), ("FrontDoorCam", DeviceClass::Camera));
        assert_eq!(identity.firmware, "2.800.0000016.0.R,build:2020-06-05");

        // As measured on an NVR5232: the type is a number.
        let recorder = Told {
            system: values(
                "deviceType=31\nprocessor=ST7108\nserialNumber=BD04CE2PAJ3B9BF\nupdateSerial=DH-NVR5232-4KS3/I\n",
            ),
            device_type: values("type=31\n"),
            class: values("class=NVR\n"),
            ..Told::default()
        };
        let identity = recorder.identity();
        assert_eq!((identity.model.as_str(), identity.class), ("DH-NVR5232-4KS3/I", DeviceClass::Recorder));
        assert_eq!(identity.maker, "Dahua");
    }

    #[test]
    fn nothing_told_is_nothing() {
        assert_eq!(Told::default().identity(), Identity::default());
        let reseller = Told { vendor: values("vendor=Amcrest\n"), ..Told::default() };
        assert_eq!(reseller.identity().maker, "Amcrest");
    }

    #[test]
    fn classes() {
        for (text, class) in [
            ("IPC", DeviceClass::Camera),
            ("SD49225T-HN", DeviceClass::Camera),
            ("DHI-NVR5232-EI", DeviceClass::Recorder),
            ("XVR", DeviceClass::Recorder),
            ("DHI-VTO2311R-WP", DeviceClass::Door),
            ("BSC", DeviceClass::Door),
            ("ARC", DeviceClass::Alarm),
            ("31", DeviceClass::Unknown),
            ("", DeviceClass::Unknown),
        ] {
            assert_eq!(class_of(text), class, "{text}");
        }
    }
}
