"""onvif-zeep-async, as Home Assistant uses it, and WSDiscovery against a simulated unit.

Arguments: host, port, user, password, endpoint wanted from discovery or "-". Prints one line of JSON.
"""

import asyncio
import datetime
import ipaddress
import json
import sys

from onvif import ONVIFCamera, ONVIFError
from onvif.exceptions import ONVIFAuthError
from zeep.exceptions import Fault

PATIENCE = 20


async def settled(ptz, token):
    for _ in range(PATIENCE * 10):
        status = await ptz.GetStatus({"ProfileToken": token})
        if status.MoveStatus.PanTilt == "IDLE" and status.MoveStatus.Zoom == "IDLE":
            position = status.Position
            return [round(value, 3) for value in (position.PanTilt.x, position.PanTilt.y, position.Zoom.x)]
        await asyncio.sleep(0.1)
    raise AssertionError("still moving")


def discover(wanted):
    """Looks round on the loopback interface alone."""
    import wsdiscovery.threaded
    from wsdiscovery import QName
    from wsdiscovery.discovery import ThreadedWSDiscovery

    wsdiscovery.threaded._getNetworkAddrs = lambda version: [ipaddress.ip_address("127.0.0.1")]
    wsdiscovery.threaded._getNetworkAddrs.__name__ = "loopback"
    finder = ThreadedWSDiscovery()
    finder.start()
    kind = QName("http://www.onvif.org/ver10/network/wsdl", "NetworkVideoTransmitter")
    try:
        for _ in range(3):
            found = {service.getEPR(): service for service in finder.searchServices(types=[kind], timeout=3)}
            if wanted in found:
                service = found[wanted]
                return {"xaddrs": service.getXAddrs(), "scopes": [str(scope) for scope in service.getScopes()]}
    finally:
        finder.stop()
    raise AssertionError(f"{wanted} is not among {list(found)}")


async def main():
    host, port, user, password, endpoint = sys.argv[1], int(sys.argv[2]), sys.argv[3], sys.argv[4], sys.argv[5]
    seen = {}
    if endpoint != "-":
        seen["discovered"] = await asyncio.to_thread(discover, endpoint)
    camera = ONVIFCamera(host, port, user, password, adjust_time=True, no_cache=True)
    await camera.update_xaddrs()
    seen["services"] = sorted(camera.xaddrs)
    device = await camera.create_devicemgmt_service()
    seen["serial"] = (await device.GetDeviceInformation()).SerialNumber
    media = await camera.create_media_service()
    profiles = await media.GetProfiles()
    seen["profiles"] = [profile.token for profile in profiles]
    token = profiles[0].token
    request = media.create_type("GetStreamUri")
    request.ProfileToken = token
    request.StreamSetup = {"Stream": "RTP-Unicast", "Transport": {"Protocol": "RTSP"}}
    seen["stream"] = (await media.GetStreamUri(request)).Uri
    picture = await camera.get_snapshot(token)
    assert picture is not None and picture[:3] == b"\xff\xd8\xff"
    seen["snapshot_bytes"] = len(picture)
    capabilities = await camera.get_capabilities()
    assert capabilities["PTZ"]["XAddr"]

    ptz = await camera.create_ptz_service()
    at = {"ProfileToken": token}
    before = await settled(ptz, token)
    await ptz.ContinuousMove({**at, "Velocity": {"PanTilt": {"x": -0.5, "y": 0.5}}, "Timeout": "PT5S"})
    await asyncio.sleep(0.4)
    await ptz.Stop({**at, "PanTilt": True, "Zoom": True})
    after = await settled(ptz, token)
    assert after[0] < before[0] and after[1] > before[1], (before, after)
    await ptz.AbsoluteMove({**at, "Position": {"PanTilt": {"x": -0.25, "y": 0.125}, "Zoom": {"x": 0.25}}})
    seen["place"] = await settled(ptz, token)

    imaging = await camera.create_imaging_service()
    source = {"VideoSourceToken": profiles[0].VideoSourceConfiguration.SourceToken}
    settings = await imaging.GetImagingSettings(source)
    assert settings.Brightness is not None

    lost = []
    manager = await camera.create_pullpoint_manager(datetime.timedelta(minutes=1), lambda: lost.append(True))
    await manager.set_synchronization_point()
    pulled = await manager.get_service().PullMessages({"Timeout": datetime.timedelta(seconds=1), "MessageLimit": 10})
    seen["messages"] = len(pulled.NotificationMessage or [])
    await manager.shutdown()
    assert not lost
    await camera.close()

    stranger = ONVIFCamera(host, port, user, password + "x", adjust_time=True, no_cache=True)
    try:
        await stranger.update_xaddrs()
        await (await stranger.create_devicemgmt_service()).GetDeviceInformation()
    except (ONVIFError, ONVIFAuthError, Fault) as error:
        seen["refused"] = str(error)
    finally:
        await stranger.close()
    assert "refused" in seen
    print(json.dumps(seen))


asyncio.run(main())
