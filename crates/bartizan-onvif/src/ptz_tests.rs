use proptest::prelude::*;

use super::*;

const PAN_TILT: &str = "http://www.onvif.org/ver10/tptz/PanTiltSpaces";

fn space(uri: &str, x: (f32, f32)) -> Space {
    Space { uri: uri.into(), x, y: x }
}

fn head(node: Node) -> Head {
    let timeout = Some((0, 10_000));
    Head { profile: "p&1".into(), node, defaults: Vec::new(), timeout, lists_empty_presets: false }
}

fn whole() -> Node {
    Node {
        absolute: (
            vec![space(&format!("{PAN_TILT}/PositionGenericSpace"), (-1.0, 1.0))],
            vec![space("", (0.0, 1.0))],
        ),
        relative: (vec![space("", (-1.0, 1.0))], vec![space("", (-1.0, 1.0))]),
        continuous: (vec![space("", (-0.5, 1.0))], vec![space("", (-1.0, 1.0))]),
        home: true,
        speed: true,
        ..Node::default()
    }
}

#[test]
fn golden_moves() {
    let profile = "<q:ProfileToken>p&amp;1</q:ProfileToken>";
    let turn = Velocity { pan: -1.0, tilt: 0.5, zoom: 0.0 };
    let near = Velocity { zoom: 1.0, ..Velocity::ZERO };
    let continuous = |velocity, at_most_ms| PtzMove::Continuous { velocity, at_most_ms };
    let position = Position { pan: 0.0, tilt: 1.0, zoom: 0.25 };
    let head = head(whole());
    for (to, before, operation, rest) in [
        (
            continuous(turn, 1500),
            Velocity::ZERO,
            "ContinuousMove",
            "<q:Velocity><tt:PanTilt x=\"-0.5\" y=\"0.5\"/></q:Velocity><q:Timeout>PT1.500S</q:Timeout>",
        ),
        // The head still turns: it is told to rest.
        (
            continuous(near, 60_000),
            turn,
            "ContinuousMove",
            "<q:Velocity><tt:PanTilt x=\"0\" y=\"0\"/><tt:Zoom x=\"1\"/></q:Velocity><q:Timeout>PT10S</q:Timeout>",
        ),
        (PtzMove::Stop, turn, "Stop", "<q:PanTilt>true</q:PanTilt><q:Zoom>true</q:Zoom>"),
        (continuous(Velocity::ZERO, 1), turn, "Stop", "<q:PanTilt>true</q:PanTilt><q:Zoom>true</q:Zoom>"),
        (
            PtzMove::Absolute(position),
            turn,
            "AbsoluteMove",
            "<q:Position><tt:PanTilt x=\"0\" y=\"1\"/><tt:Zoom x=\"0.25\"/></q:Position>",
        ),
        (PtzMove::Relative(near), turn, "RelativeMove", "<q:Translation><tt:Zoom x=\"1\"/></q:Translation>"),
        (
            PtzMove::CenterOn { x: 1.0, y: 0.0, zoom: 0.0 },
            turn,
            "RelativeMove",
            "<q:Translation><tt:PanTilt x=\"0.17\" y=\"0\"/></q:Translation>",
        ),
        (PtzMove::Home, turn, "GotoHomePosition", ""),
    ] {
        assert_eq!(head.request(to, before), Ok((operation, format!("{profile}{rest}"))), "{to:?}");
    }
}

#[test]
fn centring_in_pictures_where_the_head_can() {
    let mut node = whole();
    node.relative.0.push(space(&format!("{PAN_TILT}/TranslationSpaceFov"), (-1.0, 1.0)));
    let (_, arguments) =
        head(node).request(PtzMove::CenterOn { x: 0.5, y: -0.5, zoom: 0.0 }, Velocity::ZERO).unwrap();
    let wanted = format!("<tt:PanTilt x=\"0.5\" y=\"-0.5\" space=\"{PAN_TILT}/TranslationSpaceFov\"/>");
    assert!(arguments.contains(&wanted), "{arguments}");
}

#[test]
fn an_axis_the_node_lacks_is_never_named() {
    let zoom_only = head(Node { continuous: (vec![], vec![space("", (-1.0, 1.0))]), ..Node::default() });
    let all = Velocity { pan: 1.0, tilt: 1.0, zoom: 1.0 };
    let (_, arguments) =
        zoom_only.request(PtzMove::Continuous { velocity: all, at_most_ms: 1000 }, all).unwrap();
    assert!(arguments.contains("Zoom") && !arguments.contains("PanTilt"), "{arguments}");
    assert!(!zoom_only.request(PtzMove::Stop, all).unwrap().1.contains("PanTilt"));
    for to in [
        PtzMove::Relative(all),
        PtzMove::Home,
        PtzMove::Absolute(Position { pan: 0.0, tilt: 0.0, zoom: 0.0 }),
    ] {
        assert!(matches!(zoom_only.request(to, all), Err(OnvifError::NotOffered(_))), "{to:?}");
    }
}

proptest! {
    #[test]
    fn every_request_stays_within_the_limits(pan in any::<f32>(), tilt in any::<f32>(), zoom in any::<f32>(), ms in any::<u32>()) {
        let head = head(whole());
        let velocity = Velocity { pan, tilt, zoom };
        for to in [
            PtzMove::Continuous { velocity, at_most_ms: ms },
            PtzMove::Relative(velocity),
            PtzMove::Absolute(Position { pan, tilt, zoom }),
            PtzMove::CenterOn { x: pan, y: tilt, zoom },
        ] {
            let Ok((_, arguments)) = head.request(to, Velocity::ZERO) else { continue };
            let root = Element::parse(format!("<r>{arguments}</r>").as_bytes()).unwrap();
            for element in root.children.iter().flat_map(|child| &child.children) {
                for (key, value) in &element.attributes {
                    if key == "x" || key == "y" {
                        let value: f32 = value.parse().unwrap();
                        prop_assert!((-1.0..=1.0).contains(&value), "{}", arguments);
                    }
                }
            }
        }
    }
}
