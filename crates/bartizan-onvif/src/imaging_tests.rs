use proptest::prelude::*;

use super::*;

fn element(text: &str) -> Element {
    Element::parse(text.as_bytes()).unwrap()
}

fn picture() -> Picture {
    let mut picture = Picture { source: "v0".into(), ..Picture::default() };
    picture.read_options(&element(
        "<R><ImagingOptions20><Brightness><Min>0</Min><Max>255</Max></Brightness>\
         <Contrast><Min>-1</Min><Max>1</Max></Contrast>\
         <Focus><AutoFocusModes>AUTO</AutoFocusModes></Focus>\
         <Exposure><Mode>AUTO</Mode><Mode>MANUAL</Mode><Iris><Min>-22</Min><Max>0</Max></Iris></Exposure>\
         </ImagingOptions20></R>",
    ));
    picture
}

#[test]
fn levels_in_the_device_s_ranges() {
    let picture = picture();
    let offered = picture.capabilities();
    assert!(offered.brightness && offered.contrast && !offered.saturation && !offered.hue);
    assert!(picture.auto_focus && !picture.manual_focus_mode);
    assert_eq!(picture.iris, Some((-22.0, 0.0)));
    let change = Imaging { brightness: Some(50.0), contrast: Some(75.0), ..Imaging::default() };
    let written = picture.write_levels(&change).unwrap();
    assert_eq!(written, "<tt:Brightness>128</tt:Brightness><tt:Contrast>0.5</tt:Contrast>");
    let read = picture.read_levels(&element("<S><Brightness>255</Brightness><Contrast>-1</Contrast></S>"));
    assert_eq!((read.brightness, read.contrast, read.saturation), (Some(100.0), Some(0.0), None));
    for missing in [
        Imaging { saturation: Some(1.0), ..Imaging::default() },
        Imaging { hue: Some(1.0), ..Imaging::default() },
        Imaging { flip_vertical: Some(true), ..Imaging::default() },
    ] {
        assert!(matches!(picture.write_levels(&missing), Err(OnvifError::NotOffered(_))), "{missing:?}");
    }
}

#[test]
fn rotations() {
    let options = |inner: &str| {
        element(&format!(
            "<R><VideoSourceConfigurationOptions><Extension><Rotate>{inner}</Rotate></Extension></VideoSourceConfigurationOptions></R>"
        ))
    };
    assert_eq!(read_rotations(&options("<Mode>OFF</Mode><Mode>ON</Mode>")), Some((vec![180], false)));
    let listed = "<Mode>ON</Mode><DegreeList><Items>0</Items><Items>90</Items><Items>45</Items></DegreeList>";
    assert_eq!(read_rotations(&options(listed)), Some((vec![90], true)));
    assert_eq!(read_rotations(&options("<Mode>OFF</Mode>")), None);
    let configuration = element(
        "<x:Configuration token='c' xmlns:x='y'><x:SourceToken>v</x:SourceToken><x:Bounds x='0' width='9'/></x:Configuration>",
    );
    assert_eq!(read_rotation(&configuration), 0);
    let turned = rotated(&configuration, 90, true);
    assert_eq!(read_rotation(&turned), 90);
    assert_eq!(turned.attribute("token"), Some("c"));
    assert_eq!(
        turned.children.iter().map(|c| c.name.as_str()).collect::<Vec<_>>(),
        ["SourceToken", "Bounds", "Extension"]
    );
    assert_eq!(read_rotation(&rotated(&turned, 0, true)), 0);
    assert_eq!(rotated(&rotated(&turned, 180, true), 90, true).find("Extension").unwrap().children.len(), 1);
}

proptest! {
    #[test]
    fn what_is_set_is_read_back(level in 0.0_f32..=100.0) {
        let picture = picture();
        let change = Imaging { brightness: Some(level), ..Imaging::default() };
        let settings = element(&format!("<S>{}</S>", picture.write_levels(&change).unwrap().replace("tt:", "")));
        let read = picture.read_levels(&settings).brightness.unwrap();
        prop_assert!((read - level).abs() < 0.5, "{} {}", read, level);
    }
}
