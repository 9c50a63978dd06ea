"""onvif-zeep against a simulated unit: every answer is parsed strictly by the WSDLs the package brings.

Arguments: host, port, user, password. Prints one line of JSON; any surprise ends with a traceback.
"""

import json
import os
import sys
import time
import urllib.parse

import requests
import zeep.cache

# The package keeps parsed schemas in the user's home; a fresh run must not depend on what lies there.
zeep.cache.SqliteCache = lambda *args, **kwargs: zeep.cache.InMemoryCache()

import onvif  # noqa: E402
from onvif import ONVIFCamera, ONVIFError  # noqa: E402

PATIENCE = 20


def strict(service):
    service.zeep_client.settings.strict = True
    return service


def settled(ptz, token):
    """The status once nothing moves any more."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        status = ptz.GetStatus({"ProfileToken": token})
        if status.MoveStatus.PanTilt == "IDLE" and status.MoveStatus.Zoom == "IDLE":
            return status
        time.sleep(0.1)
    raise AssertionError("still moving")


def place(status):
    position = status.Position
    return [round(value, 3) for value in (position.PanTilt.x, position.PanTilt.y, position.Zoom.x)]


def refused(call, wanted):
    try:
        call()
    except ONVIFError as error:
        assert wanted in str(error), f"{error} is not {wanted}"
        return
    raise AssertionError(f"no fault, wanted {wanted}")


def main():
    host, port, user, password = sys.argv[1], int(sys.argv[2]), sys.argv[3], sys.argv[4]
    wsdl = os.path.join(os.path.dirname(os.path.dirname(onvif.__file__)), "wsdl")
    camera = ONVIFCamera(host, port, user, password, wsdl, adjust_time=True, no_cache=True)
    seen = {}

    device = strict(camera.devicemgmt)
    information = device.GetDeviceInformation()
    seen["serial"] = information.SerialNumber
    seen["model"] = information.Model
    services = device.GetServices({"IncludeCapability": True})
    seen["services"] = sorted(service.Namespace for service in services)
    seen["scopes"] = [scope.ScopeItem for scope in device.GetScopes()]
    seen["hostname"] = device.GetHostname().Name
    seen["mac"] = device.GetNetworkInterfaces()[0].Info.HwAddress
    seen["users"] = [(one.Username, one.UserLevel) for one in device.GetUsers()]
    assert device.GetCapabilities({"Category": "All"}).Media.XAddr
    assert device.GetServiceCapabilities().Security is not None
    relays = device.GetRelayOutputs()
    seen["relays"] = [relay.token for relay in relays]
    if relays:
        device.SetRelayOutputState({"RelayOutputToken": relays[0].token, "LogicalState": "active"})
    refused(lambda: device.SetRelayOutputState({"RelayOutputToken": "none", "LogicalState": "active"}), "no such token")

    media = strict(camera.create_media_service())
    profiles = media.GetProfiles()
    seen["profiles"] = [
        (
            profile.token,
            profile.VideoSourceConfiguration.SourceToken,
            profile.VideoEncoderConfiguration.Resolution.Width,
            profile.PTZConfiguration is not None,
        )
        for profile in profiles
    ]
    seen["sources"] = [source.token for source in media.GetVideoSources()]
    token = profiles[0].token
    assert media.GetProfile({"ProfileToken": token}).Name == profiles[0].Name
    assert len(media.GetVideoSourceConfigurations()) == len(seen["sources"])
    assert len(media.GetVideoEncoderConfigurations()) == len(profiles)
    options = media.GetVideoEncoderConfigurationOptions({"ProfileToken": token})
    assert options.H264.ResolutionsAvailable
    media.GetVideoSourceConfigurationOptions({"ProfileToken": token})
    media.SetSynchronizationPoint({"ProfileToken": token})
    assert media.GetServiceCapabilities().SnapshotUri
    setup = {"Stream": "RTP-Unicast", "Transport": {"Protocol": "RTSP"}}
    seen["stream"] = media.GetStreamUri({"StreamSetup": setup, "ProfileToken": token}).Uri
    refused(lambda: media.GetStreamUri({"StreamSetup": setup, "ProfileToken": "none"}), "no such token")

    uri = media.GetSnapshotUri({"ProfileToken": token}).Uri
    assert requests.get(uri, timeout=PATIENCE).status_code == 401
    answer = requests.get(uri, auth=requests.auth.HTTPDigestAuth(user, password), timeout=PATIENCE)
    assert answer.status_code == 200 and answer.content[:3] == b"\xff\xd8\xff", answer.status_code
    seen["snapshot"] = urllib.parse.urlsplit(uri).path
    seen["snapshot_bytes"] = len(answer.content)

    ptz = strict(camera.create_ptz_service())
    node = ptz.GetNodes()[0]
    assert ptz.GetNode({"NodeToken": node.token}).MaximumNumberOfPresets == node.MaximumNumberOfPresets
    configuration = ptz.GetConfigurations()[0]
    assert ptz.GetConfiguration({"PTZConfigurationToken": configuration.token}).NodeToken == node.token
    ptz.GetConfigurationOptions({"ConfigurationToken": configuration.token})
    assert ptz.GetServiceCapabilities() is not None
    at = {"ProfileToken": token}
    ptz.AbsoluteMove({**at, "Position": {"PanTilt": {"x": 0, "y": 0}, "Zoom": {"x": 0}}})
    start = place(settled(ptz, token))
    ptz.ContinuousMove({**at, "Velocity": {"PanTilt": {"x": 0.5, "y": 0.0}}, "Timeout": "PT10S"})
    time.sleep(0.4)
    assert ptz.GetStatus(at).MoveStatus.PanTilt == "MOVING"
    ptz.Stop({**at, "PanTilt": True, "Zoom": True})
    moved = place(settled(ptz, token))
    assert moved[0] > start[0] and moved[1:] == start[1:], (start, moved)
    # The device ends a move by itself when the client has gone.
    ptz.ContinuousMove({**at, "Velocity": {"Zoom": {"x": 1}}, "Timeout": "PT0.3S"})
    zoomed = place(settled(ptz, token))
    assert zoomed[2] > moved[2] and zoomed[2] < 1, zoomed
    preset = ptz.SetPreset({**at, "PresetName": "Witness"})
    ptz.SetPreset({**at, "PresetName": "Renamed", "PresetToken": preset})
    seen["presets"] = {one.token: one.Name for one in ptz.GetPresets(at)}
    assert seen["presets"][preset] == "Renamed"
    ptz.AbsoluteMove({**at, "Position": {"PanTilt": {"x": -0.125, "y": 0.125}, "Zoom": {"x": 0.25}}})
    assert place(settled(ptz, token)) == [-0.125, 0.125, 0.25]
    ptz.GotoPreset({**at, "PresetToken": preset})
    assert place(settled(ptz, token)) == zoomed
    ptz.RemovePreset({**at, "PresetToken": preset})
    refused(lambda: ptz.GotoPreset({**at, "PresetToken": preset}), "no such token")
    ptz.AbsoluteMove({**at, "Position": {"PanTilt": {"x": 0.25, "y": -0.125}, "Zoom": {"x": 0.25}}})
    settled(ptz, token)
    ptz.SetHomePosition(at)
    ptz.RelativeMove({**at, "Translation": {"PanTilt": {"x": 0.125, "y": 0.0}}})
    assert place(settled(ptz, token)) == [0.375, -0.125, 0.25]
    ptz.GotoHomePosition(at)
    seen["place"] = place(settled(ptz, token))

    imaging = strict(camera.create_imaging_service())
    source = {"VideoSourceToken": seen["sources"][0]}
    limits = imaging.GetOptions(source)
    seen["brightness"] = [limits.Brightness.Min, limits.Brightness.Max]
    before = imaging.GetImagingSettings(source)
    imaging.SetImagingSettings({**source, "ImagingSettings": {"Brightness": limits.Brightness.Max}})
    after = imaging.GetImagingSettings(source)
    assert (after.Brightness, after.Contrast) == (limits.Brightness.Max, before.Contrast)
    too_much = {**source, "ImagingSettings": {"Contrast": limits.Contrast.Max + 1}}
    refused(lambda: imaging.SetImagingSettings(too_much), "Contrast")
    imaging.GetMoveOptions(source)
    imaging.Move({**source, "Focus": {"Continuous": {"Speed": 0.5}}})
    imaging.Stop(source)
    seen["focus"] = imaging.GetStatus(source).FocusStatus20.MoveStatus
    assert imaging.GetServiceCapabilities() is not None

    events = strict(camera.create_events_service())
    assert events.GetServiceCapabilities() is not None
    assert events.GetEventProperties().TopicSet is not None
    # Subscribed while connecting.
    pullpoint = camera.create_pullpoint_service()
    pulled = pullpoint.PullMessages({"Timeout": "PT1S", "MessageLimit": 10})
    assert pulled.TerminationTime > pulled.CurrentTime
    seen["messages"] = len(pulled.NotificationMessage)

    print(json.dumps(seen))


main()
