use bartizan_device::DeviceClass;
use proptest::prelude::*;

use super::*;

const SENDER: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 168, 1, 64));

fn answer(types: &str, scopes: &str, addresses: &str) -> String {
    format!(
        "<e:Envelope xmlns:e='a'><e:Body><d:ProbeMatches xmlns:d='b'><d:ProbeMatch><w:EndpointReference xmlns:w='c'>\
         <w:Address>urn:uuid:ABCD-1</w:Address></w:EndpointReference><d:Types>{types}</d:Types>\
         <d:Scopes>{scopes}</d:Scopes><d:XAddrs>{addresses}</d:XAddrs></d:ProbeMatch></d:ProbeMatches></e:Body></e:Envelope>"
    )
}

#[test]
fn a_probe_s_answer() {
    let scopes = "onvif://www.onvif.org/name/Front%20door onvif://www.onvif.org/hardware/DS-2 \
                  onvif://www.onvif.org/MAC/28-57-BE-65-7D-D5 onvif://www.onvif.org/type/video_encoder";
    let addresses = "http://169.254.1.1/onvif/device_service\n https://192.168.1.64:8443/onvif/device_service \
                     http://192.168.1.64:8000/onvif/device_service http://10.0.0.7/onvif/device_service http://0.0.0.0/x";
    let found = read(answer("dn:NetworkVideoTransmitter", scopes, addresses).as_bytes(), SENDER);
    let [found] = found.as_slice() else { panic!("{found:?}") };
    assert_eq!(
        (found.name.as_str(), found.model.as_str(), found.uuid.as_str()),
        ("Front door", "DS-2", "abcd-1")
    );
    assert_eq!(found.mac, "28:57:be:65:7d:d5");
    assert_eq!((found.http_port, found.https_port), (Some(8000), Some(8443)));
    assert_eq!(found.addresses, [SENDER, IpAddr::V4(Ipv4Addr::new(10, 0, 0, 7))]);
    assert_eq!((found.class, found.family), (DeviceClass::Camera, Some(FAMILY)));
}

#[test]
fn printers_are_no_cameras() {
    assert_eq!(read(answer("wsdp:Device wprt:PrintDeviceType", "", "").as_bytes(), SENDER), []);
    assert_eq!(read(answer("tds:Device", "", "").as_bytes(), SENDER).len(), 1);
    assert_eq!(read(answer("wprt:PrintDeviceType", "ldap:///x", "").as_bytes(), SENDER), []);
    assert_eq!(read(probe("1", "tds:Device").as_bytes(), SENDER), []);
}

#[test]
fn a_golden_probe() {
    let root = Element::parse(probe("0-1", "dn:NetworkVideoTransmitter").as_bytes()).unwrap();
    assert_eq!(root.text("Header/MessageID"), Some("urn:uuid:0-1"));
    assert_eq!(root.text("Header/Action"), Some("http://schemas.xmlsoap.org/ws/2005/04/discovery/Probe"));
    assert_eq!(root.text("Body/Probe/Types"), Some("dn:NetworkVideoTransmitter"));
    let id = uuid().unwrap();
    assert_eq!((id.len(), id.as_bytes()[14]), (36, b'4'));
}

#[tokio::test]
async fn hosts_asked_one_by_one_answer() {
    let device = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let port = device.local_addr().unwrap().port();
    let responder = bartizan_base::OwnedTask::spawn(async move {
        let mut buffer = [0; 4096];
        loop {
            let (length, from) = device.recv_from(&mut buffer).await.unwrap();
            assert!(Element::parse(&buffer[..length]).is_ok());
            device.send_to(b"noise", from).await.unwrap();
            let scopes = "onvif://www.onvif.org/name/Yard";
            let text =
                answer("dn:NetworkVideoTransmitter", scopes, "http://127.0.0.1:81/onvif/device_service");
            device.send_to(text.as_bytes(), from).await.unwrap();
        }
    });
    let scope = SearchScope {
        duration: Duration::from_secs(10),
        interfaces: Vec::new(),
        hosts: vec![Ipv4Addr::LOCALHOST.into()],
        multicast: false,
    };
    let (sender, mut found) = mpsc::channel(8);
    let search = discover(&scope, port, sender);
    let listen = async {
        let first = found.recv().await.unwrap();
        found.close();
        first
    };
    let (ended, first) = tokio::join!(search, listen);
    ended.unwrap();
    assert_eq!((first.name.as_str(), first.http_port), ("Yard", Some(81)));
    drop(responder);
}

proptest! {
    #[test]
    fn any_datagram_is_read_or_passed_over(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        read(&bytes, SENDER);
    }

    #[test]
    fn torn_answers_are_passed_over(cut in 0_usize..400, scopes in "[ -~]{0,60}") {
        let scopes = crate::soap::escape(&scopes);
        let whole = answer("dn:NetworkVideoTransmitter", &scopes, "http://[fe80::1%eth0]:x/ http://1.2.3.4:99999");
        let cut = cut.min(whole.len() - 1);
        prop_assert!(read(&whole.as_bytes()[..cut], SENDER).is_empty());
        prop_assert_eq!(read(whole.as_bytes(), SENDER).len(), 1);
    }
}
