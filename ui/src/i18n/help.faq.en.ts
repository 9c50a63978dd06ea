/** Questions that people ask, and answers. What this version cannot do is said plainly. */
export const faq = {
  wrongPassword: {
    q: 'It says that user name or password is wrong. What now?',
    a: 'It is the login of the device itself, often “admin”, not the one of an app account. Bartizan has tried it once and will not try it again by itself. Show the password while typing, mind capitals, and save it under “Edit password”. If nobody knows it any more, another administrator or a reset of the device is needed.',
  },
  locked: {
    q: 'The account is locked. How does it open again?',
    a: 'Wait: most devices open after 5 to 30 minutes; if it told how long, the message says it. Restarting the device opens most of them at once. If it locks again by itself, another app or a recorder still logs in with an old password.',
  },
  connectFailed: {
    q: 'The connection fails.',
    a: 'Look, in this order: power and network light of the device; the same network, or an address that is reachable from outside; the right port (HTTP 80 or 443, video 554; 37777 and 8000 are the maker’s own and are not used here); a DDNS name that still points to the router.',
  },
  maxUsers: {
    q: 'It says that too many people are watching.',
    a: 'The device counts every app, browser and recorder. Close some, show fewer windows, or raise the number of users allowed at the same time on its web page. Bartizan opens each stream once, whatever the number of windows.',
  },
  outOfResource: {
    q: 'It says that the device is out of resources.',
    a: 'That is not the number of viewers: its processor, memory or bandwidth is used up. Watch sub streams instead of main streams, turn off analysis that nobody needs, wait a moment; restart it if it does not recover.',
  },
  noPush: {
    q: 'I get no alarm messages.',
    a: 'This version does not receive events yet, so there is nothing to be set wrong. Devices can send e-mail by themselves until then.',
  },
  subscribe: {
    q: 'I cannot subscribe to alarms.',
    a: 'Not in this version. When it comes, a test will show step by step whether the device supports it, is connected and reaches this phone; it will need no Google account and no edition of its own.',
  },
  wifiOnly: {
    q: 'It works on Wi-Fi, but not on mobile data.',
    a: 'The device has a private address that exists only in its own network. Use a VPN into that network (best), or a domain with port mapping. “Why can it not be reached?” finds out which is missing.',
  },
  noRecordings: {
    q: 'No recordings or pictures are found.',
    a: 'On the device: recording must be on in its schedule; pictures need “motion” or “timing” snapshot mode; its disk may be loose, full or damaged. “Files” lists what this phone recorded; what a recorder recorded plays in its window: “Hour ago”.',
  },
  lag: {
    q: 'The picture lags. What helps?',
    a: 'Change to the sub stream (“Fluent”) or to “Auto”, show one window, and get a better network. The age in the window says whether it is late at all: under one second nothing is shown.',
  },
  wifiSetup: {
    q: 'Setting up a Wi-Fi camera fails.',
    a: 'Check the Wi-Fi password; most cameras know only 2.4 GHz, so a router that offers only 5 GHz, or both under one name, is refused; hold the phone within 30 cm; reset the camera before the next try. With a cable it always works. Bartizan itself does not send Wi-Fi passwords to cameras yet.',
  },
  initFails: {
    q: 'Giving a new device its first password fails.',
    a: 'The device must be connected to the network, and this phone must be in the same one: guest Wi-Fi is another network. Search again, since another app may have been quicker. Else hold its reset button for ten seconds and begin again.',
  },
  several: {
    q: 'How do I see several channels at once?',
    a: 'Choose the number of windows with the grid button, tap + in an empty window, tick the channels and tap “Start live preview”. As a favourite the choice is one tap away.',
  },
  ptzGestures: {
    q: 'How do I turn a camera with my fingers?',
    a: 'Enlarge the camera and open the PTZ panel. Drag on the picture to turn it, pinch or stretch to zoom; it stops when you let go. It works for one window at a time, and only with cameras that have a motor.',
  },
  talkFails: {
    q: 'I cannot talk to a camera.',
    a: 'The message says which it is. The camera offers no way to talk: it needs a loudspeaker and audio switched on. Somebody else is talking: wait. The microphone was refused: allow it for Bartizan in the settings of the system or the browser. No microphone was found: plug one in.',
  },
  customStream: {
    q: 'Can I change resolution, frame rate and bit rate?',
    a: 'Yes: choose “Custom” as the stream of the window. The values are written to the device and read back, since devices round them; everybody who watches that stream sees the change.',
  },
  closeOne: {
    q: 'How do I close one video?',
    a: 'Hold it, drag it to the bin at the top, and let go; or use “Close” in the menu of the window. “Close all” is in the tool strip. The device stays in the list.',
  },
  closePlayback: {
    q: 'How do I close playback?',
    a: 'Files: go back. A window that plays a recording of its device: touch “Live”, or close the window as any other.',
  },
  loginTimeout: {
    q: 'The login takes too long and ends.',
    a: 'The device did not answer in time. Look whether it is online; whether a firewall or a list of allowed addresses swallows the questions; whether the provider blocks the port (80, 443, sometimes 554: map another); whether the line is simply slow.',
  },
  whereSettings: {
    q: 'Where are remote configuration and alarm outputs?',
    a: 'Under Devices, tap the device. Alarm outputs, light and siren are in the controls of its picture, under “Switches”. What is not there is on the device’s own web page, which the device page opens.',
  },
  p2pDdnsIp: {
    q: 'What is the difference between P2P, DDNS and IP/domain?',
    a: 'IP: the address in the network, the simplest way at home. DDNS/domain: a name that follows the changing address of your router; the router must map the ports. P2P: a maker’s cloud leads there by serial number; Bartizan has no part in those clouds, so scan the label in the same network, and use a VPN or a domain from away.',
  },
  fastPlay: {
    q: 'Why is fast play jerky?',
    a: 'At four times the speed and more, phones cannot decode every picture of a large stream. Bartizan then shows key frames only. A lower bit rate of the recording makes it smoother.',
  },
  share: {
    q: 'How do I share a recording or a picture?',
    a: 'More → Files, select one or several, Share. The system asks which app gets them.',
  },
  export: {
    q: 'How do I get recordings onto a computer?',
    a: 'More → Files, select, Export. They are plain MP4 and JPEG files; copy them by cable or cloud, and any player opens them.',
  },
  alarmVideo: {
    q: 'There is a message of an alarm, but no video.',
    a: 'The video of an alarm comes from the storage of the device. Without a disk in the recorder or a card in the camera there is none. (Messages are not in this version.)',
  },
  install: {
    q: 'Where do I get the app?',
    a: 'It is open source, with one edition for all: the project’s page has the packages and says which systems have been tested. No app store is needed, and no Google account.',
  },
  h265: {
    q: 'It says that this kind of video cannot be shown.',
    a: 'It is most often H.265 on a phone or computer without a decoder for it. Bartizan shows another stream of the channel in H.264 if there is one. Else set the stream to H.264 on the device’s web page.',
  },
  clock: {
    q: 'What has the clock of the device to do with the login?',
    a: 'Some logins hold the time, so that nobody can repeat them. A device whose clock is minutes off refuses even the right password. Let it ask a time server (NTP), and look at the zone.',
  },
  telemetry: {
    q: 'What does Bartizan send to its makers?',
    a: 'Nothing. There is no account, no telemetry and no programme for user experience. Diagnostics are made when you ask, shown to you, and sent by you.',
  },
  forgotPin: {
    q: 'I forgot the PIN of the app.',
    a: 'Nobody can recover it, since it protects the passwords of your devices. Remove the app’s data and add the devices again; a device card or a card of another phone makes that quick.',
  },
}
